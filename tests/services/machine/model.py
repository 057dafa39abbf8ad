"""What the model knows: whom a source has told of what, and who is in which group."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import strategies as st

from scimbridge.domain.outline import UNASSIGNED_GRACE

BETWEEN_STAGES = timedelta(days=2)

GRANTED_BY = {"crm": ("CRM Users", "CRM Admins"), "dir": ("Directory Users",)}
GROUP_NAMES = (*(name for names in GRANTED_BY.values() for name in names), "Team")

a_name = st.runner().flatmap(lambda play: st.sampled_from(play.names))
a_target = st.runner().flatmap(lambda play: st.sampled_from(play.targets))
a_truth = st.booleans()
some_names = st.sets(a_name)


@dataclass
class Known:
    """One SCIM User as the model knows it.

    Attributes:
        said_at: When the first fact came that stands; ``None`` while nothing is planned everywhere.
        lost: When it was taken out of the last group that granted a target, and has not come into one since.
        was_lost: Targets that it has ever lost like that: what was planned then may keep a quarter of an hour of grace.
        moved: When it lost a target by changing, and has not changed back since.
        spared: There was a reason at some time not to do what was planned: it may be left undone.
    """

    id: str
    active: bool
    deleted: bool = False
    said_at: datetime | None = None
    lost: dict[str, datetime] = field(default_factory=dict)
    was_lost: set[str] = field(default_factory=set)
    spared: bool = False
    moved: dict[str, datetime] = field(default_factory=dict)

    @property
    def is_planned(self) -> bool:
        return self.said_at is not None or bool(self.lost or self.moved)

    def has_to_go(self, target: str, granted: Iterable[str]) -> bool:
        """Whether it may be taken from a target for good, whatever the date."""
        return self.said_at is not None or (target in self.lost and target not in granted)

    def has_to_lose(self, target: str, granted: Iterable[str]) -> bool:
        """Whether its account may be suspended."""
        return self.has_to_go(target, granted) or (target in self.moved and target not in granted)

    def due_at(self, target: str, grace: timedelta) -> datetime:
        """Return when a stage may begin; somebody who was unassigned has a quarter of an hour at least."""
        wide = [self.said_at + grace] if self.said_at is not None else []
        narrow = [self.lost[target] + max(grace, UNASSIGNED_GRACE)] if target in self.lost else []
        moved = [self.moved[target] + grace] if target in self.moved else []
        return min(wide + narrow + moved)


@dataclass
class KnownGroup:
    """One SCIM Group as the model knows it."""

    id: str
    name: str
    members: set[str] = field(default_factory=set)

    @property
    def grants(self) -> frozenset[str]:
        return frozenset(target for target, names in GRANTED_BY.items() if self.name in names)


@dataclass
class KnownGroups:
    """All Groups, and who left which when.

    Attributes:
        all: Those that are not deleted.
        left: The last time a User left a group of some name.
    """

    all: list[KnownGroup] = field(default_factory=list)
    left: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def named(self, name: str) -> KnownGroup | None:
        return next((group for group in self.all if group.name == name), None)

    def granted(self, user_id: str) -> frozenset[str]:
        """Return the targets that a User is granted, also by way of a group within a group."""
        return frozenset().union(*(group.grants for group in self.all if user_id in self.people_of(group)))

    def people_of(self, group: KnownGroup) -> set[str]:
        """Return all ids of a group, and of the groups within it."""
        found: set[str] = set()
        todo = [group]
        while todo:
            new = todo.pop().members - found
            found |= new
            todo += [inner for inner in self.all if inner.id in new]
        return found

    def take_out(self, group: KnownGroup, ids: Iterable[str], now: datetime) -> None:
        for each in group.members & set(ids):
            group.members.discard(each)
            self.left[each, group.name] = now

    def take_out_everywhere(self, member_id: str, now: datetime) -> None:
        for group in self.all:
            self.take_out(group, [member_id], now)
