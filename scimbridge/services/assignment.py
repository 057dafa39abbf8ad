"""What a change of a group means for the targets that it grants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.inquiry import Cause
from scimbridge.domain.resource import MemberKind, StoredGroup
from scimbridge.domain.trigger import Fact, Trigger
from scimbridge.domain.wakeup import WakeUp
from scimbridge.services.grants import Grants, Targets, listed
from scimbridge.services.planning import Planner
from scimbridge.services.returning import Returning
from scimbridge.store import assignments, groups, identities, inquiries, journal

MOST_AT_ONCE = 500
"""People whom one request may unassign. Nobody takes out more by hand: beyond it, an operator is asked."""


@dataclass(slots=True)
class Moves:
    """Who came into a group and who left it, by one request.

    Attributes:
        came: Counted for every group.
        left: Counted for every group.
        members: Everyone who came or left, with what they were before and after; for groups that grant something.
    """

    came: int = 0
    left: int = 0
    members: dict[str, tuple[bool, bool, MemberKind]] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Whether anybody came or left."""
        return bool(self.came or self.left)

    def note(self, found: dict[str, MemberKind], *, is_in: bool) -> None:
        """Note members who are in from now on, or out, and were not before this change."""
        for member_id, kind in found.items():
            was_in = self.members[member_id][0] if member_id in self.members else not is_in
            self.members[member_id] = (was_in, is_in, kind)

    def who(self, kind: MemberKind, *, left: bool) -> list[str]:
        """Return who left, or came, when the whole request is looked at."""
        return sorted(
            member_id
            for member_id, (was_in, is_in, found) in self.members.items()
            if found is kind and was_in is left and is_in is not left
        )


@dataclass(slots=True)
class Unassigned:
    """For how many identities it was a fact, and which accounts have work at once."""

    count: int = 0
    wakeups: list[WakeUp] = field(default_factory=list)


class Assignment:
    """Turns leaving the last group that grants a target into a fact, and coming back into its end."""

    def __init__(self, grants: Grants, planner: Planner, returning: Returning) -> None:
        self._grants = grants
        self._planner = planner
        self._returning = returning

    def watches(self, group: StoredGroup) -> bool:
        """Whether it matters who comes into a group and who leaves it."""
        return bool(self._grants.by(group.document["displayName"]))

    def weigh(
        self, tx: Connection, before: StoredGroup, after: StoredGroup, moves: Moves, now: datetime
    ) -> list[WakeUp]:
        """Take in what became of a group that was changed. Returns accounts that have work at once.

        The caller holds the locks of the group and, where it grants something, of everyone who moved.
        """
        granted = self._grants.by(before.document["displayName"])
        grants = self._grants.by(after.document["displayName"])
        if not granted and not grants:
            return []
        if granted - grants:
            self._ask_about_all(tx, before, Cause.RENAMED, granted - grants, now)
        wakeups = self._left(tx, before, granted & grants, moves, now) if moves.left else []
        came = moves.who(MemberKind.USER, left=False) if moves.came else []
        for identity_id, targets in assignments.were_unassigned(tx, came, grants).items() if came else ():
            identity = identities.identity_by_id(tx, identity_id, now)
            assignments.assign(tx, identity_id, targets)
            wakeups += self._returning.assigned(tx, identity, frozenset(targets), now).wakeups
        return wakeups

    def group_deleted(self, tx: Connection, group: StoredGroup, now: datetime) -> None:
        """Take in that a group is about to be deleted."""
        granted = self._grants.by(group.document["displayName"])
        if granted:
            self._ask_about_all(tx, group, Cause.DELETED, granted, now)

    def unassigned(
        self, tx: Connection, ids: Iterable[str], lost: Targets, now: datetime, *, request_id: str | None = None
    ) -> Unassigned:
        """Take it as a fact that identities lost targets, as far as nothing else grants these to them.

        The caller holds the identities' locks.
        """
        taken = Unassigned()
        wanted = list(ids)
        granted = self._grants.to(tx, wanted)
        for identity_id in wanted:
            targets = tuple(sorted(lost - granted[identity_id]))
            if not targets:
                continue
            identity = identities.identity_by_id(tx, identity_id, now)
            if identity.deleted_at is not None:
                continue
            fact = Fact(
                trigger=Trigger.UNASSIGNED,
                identity_id=identity_id,
                source=identity.source,
                at=now,
                request_id=request_id,
                targets=targets,
            )
            taken.count += 1
            taken.wakeups += self._planner.take(tx, fact, identity).wakeups
        return taken

    def _left(self, tx: Connection, group: StoredGroup, lost: Targets, moves: Moves, now: datetime) -> list[WakeUp]:
        users = moves.who(MemberKind.USER, left=True)
        nested = moves.who(MemberKind.GROUP, left=True)
        if not lost or not (users or nested):
            return []
        if not groups.has_members(tx, group.id):
            self._ask(tx, group, Cause.EMPTIED, lost, len(users), now)
            return []
        for nested_id in nested:
            people = len(assignments.people_below(tx, nested_id))
            self._ask(tx, group, Cause.SUBGROUP, lost, people, now, about=nested_id)
        if len(users) > MOST_AT_ONCE:
            self._ask(tx, group, Cause.CROWD, lost, len(users), now)
            return []
        return self.unassigned(tx, users, lost, now).wakeups

    def _ask_about_all(self, tx: Connection, group: StoredGroup, cause: Cause, lost: Targets, now: datetime) -> None:
        people = inquiries.member_count(tx, group.id)
        if people:
            self._ask(tx, group, cause, lost, people, now)

    def _ask(
        self,
        tx: Connection,
        group: StoredGroup,
        cause: Cause,
        lost: Targets,
        people: int,
        now: datetime,
        *,
        about: str | None = None,
    ) -> None:
        name = group.document["displayName"]
        inquiry = inquiries.open_inquiry(
            tx,
            source=group.source,
            cause=cause,
            group_id=about or group.id,
            display_name=name,
            targets=tuple(sorted(lost)),
            people=people,
            now=now,
        )
        journal.record(
            tx,
            "inquiry opened",
            now,
            reason=f"group {cause}; it granted {listed(lost)}; nobody loses anything until somebody decides",
            actor=group.source,
            details={"inquiry": inquiry.id, "group": group.id, "people": people},
        )
