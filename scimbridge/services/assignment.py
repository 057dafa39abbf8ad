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
from scimbridge.services.members import MOST_AT_ONCE, Moves
from scimbridge.services.moving import Moving
from scimbridge.services.planning import Planner
from scimbridge.services.returning import Returning
from scimbridge.store import assignments, identities, inquiries, journal, members


@dataclass(slots=True)
class Unassigned:
    """For how many identities it was a fact, and which accounts have work at once."""

    count: int = 0
    wakeups: list[WakeUp] = field(default_factory=list)


class Assignment:
    """Turns leaving the last group that grants a target into a fact, and coming back into its end."""

    def __init__(self, grants: Grants, planner: Planner, returning: Returning, moving: Moving) -> None:
        self._grants = grants
        self._planner = planner
        self._returning = returning
        self._moving = moving

    def watches(self, group: StoredGroup) -> bool:
        """Whether it matters who comes into a group and who leaves it."""
        name = group.document["displayName"]
        return bool(self._grants.by(name)) or self._moving.watches(name)

    def weigh(
        self, tx: Connection, before: StoredGroup, after: StoredGroup, moves: Moves, now: datetime
    ) -> list[WakeUp]:
        """Take in what became of a group that was changed. Returns accounts that have work at once.

        The caller holds the locks of the group and, where it is watched, of everyone who moved.
        """
        wakeups = self._weigh_grants(tx, before, after, moves, now)
        return wakeups + self._moving.members_changed(tx, before, after, moves, now) if moves.are_noted else wakeups

    def _weigh_grants(
        self, tx: Connection, before: StoredGroup, after: StoredGroup, moves: Moves, now: datetime
    ) -> list[WakeUp]:
        granted = self._grants.by(before.document["displayName"])
        grants = self._grants.by(after.document["displayName"])
        if not granted and not grants:
            return []
        if granted - grants:
            self._ask_about_all(tx, before, Cause.RENAMED, granted - grants, now)
        wakeups = self._left(tx, before, granted & grants, moves, now) if moves.left else []
        came = moves.who(MemberKind.USER, left=False)
        for identity_id, targets in assignments.who_lost(tx, came, grants).items() if came else ():
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
        if not members.has_members(tx, group.id):
            self._ask(tx, group, Cause.EMPTIED, lost, len(users), now)
            return []
        for nested_id in sorted(nested):
            people = len(assignments.people_below(tx, nested_id))
            self._ask(tx, group, Cause.SUBGROUP, lost, people, now, about=nested_id)
        if len(users) > MOST_AT_ONCE:
            self._ask(tx, group, Cause.CROWD, lost, len(users), now)
            return []
        return self.unassigned(tx, sorted(users), lost, now).wakeups

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
