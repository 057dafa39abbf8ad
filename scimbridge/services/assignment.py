"""What a change of a group means for the targets that it grants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.inquiry import Cause
from scimbridge.domain.number import number_of, people
from scimbridge.domain.resource import MemberKind, StoredGroup
from scimbridge.domain.trigger import Fact, Trigger
from scimbridge.domain.wakeup import WakeUp
from scimbridge.services.grants import Grants, Targets, listed
from scimbridge.services.members import MOST_AT_ONCE, MOST_BACK_AT_ONCE, Moves
from scimbridge.services.moving import Moving
from scimbridge.services.planning import NOTHING, Planner, Verdict, joined
from scimbridge.services.returning import Returning
from scimbridge.store import assignments, identities, inquiries, journal, members, returns
from scimbridge.store.inquiries import About


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

    def watches(self, name: str) -> bool:
        """Whether it matters who comes into a group of this name and who leaves it."""
        return bool(self._grants.by(name)) or self._moving.watches(name)

    def weigh(
        self, tx: Connection, before: StoredGroup, after: StoredGroup, moves: Moves, now: datetime, *, request_id: str
    ) -> Verdict:
        """Take in what became of a group that was changed.

        The caller holds the locks of the group and, where its former or its new name is watched, of everyone
        who moved.
        """
        verdict = self._weigh_grants(tx, before, after, moves, now, request_id)
        if not moves.are_noted:
            return verdict
        return joined(verdict, Verdict("", self._moving.members_changed(tx, before, after, moves, now)))

    def _weigh_grants(
        self, tx: Connection, before: StoredGroup, after: StoredGroup, moves: Moves, now: datetime, request_id: str
    ) -> Verdict:
        granted = self._grants.by(before.document["displayName"])
        grants = self._grants.by(after.document["displayName"])
        verdicts = []
        if granted - grants:
            verdicts.append(self._ask(tx, before, Cause.RENAMED, granted - grants, _who_was_in(before, moves), now))
        if granted & grants and moves.left:
            verdicts.append(self._left(tx, before, granted & grants, moves, now, request_id))
        if grants:
            verdicts.append(self._came(tx, after, grants, moves, now))
        return joined(*verdicts)

    def _came(self, tx: Connection, group: StoredGroup, grants: Targets, moves: Moves, now: datetime) -> Verdict:
        came = moves.who(MemberKind.USER, left=False)
        lost = assignments.who_lost(tx, came, grants, MOST_BACK_AT_ONCE) if came else {}
        if sum(map(len, lost.values())) > MOST_BACK_AT_ONCE:
            return self._crowd_came(tx, group, grants, came, now)
        wakeups: list[WakeUp] = []
        for identity_id, targets in lost.items():
            identity = identities.identity_by_id(tx, identity_id, now)
            assignments.assign(tx, identity_id, targets)
            wakeups += self._returning.assigned(tx, identity, frozenset(targets), now).wakeups
        return Verdict(f"{people(len(lost))} assigned again" if lost else "", wakeups)

    def _crowd_came(
        self, tx: Connection, group: StoredGroup, grants: Targets, came: Iterable[str], now: datetime
    ) -> Verdict:
        """Note who is back; a sweeper sees to them, a few at a time, and until then nothing is taken from them."""
        noted = returns.note_assigned(tx, came, grants, now)
        said = f"{number_of(noted, 'account')} of people who are assigned again will be given back, a few at a time"
        details = {"group": group.id, "accounts": noted}
        journal.record(tx, "crowd assigned again", now, reason=said, actor=group.source, details=details)
        return Verdict(said)

    def group_deleted(self, tx: Connection, group: StoredGroup, now: datetime) -> Verdict:
        """Take in that a group is about to be deleted: what it grants, and what the groups grant that it is in."""
        everybody = About(groups=[group.id])
        asked = self._grants.by(group.document["displayName"])
        verdicts = [self._ask(tx, group, Cause.DELETED, asked, everybody, now)] if asked else []
        for name, targets in self._grants.above(tx, group.id).items():
            if targets - asked:
                verdicts.append(self._ask(tx, group, Cause.SUBGROUP, targets - asked, everybody, now, name=name))
            asked |= targets
        return joined(*verdicts)

    def unassigned(
        self,
        tx: Connection,
        ids: Iterable[str],
        lost: Targets,
        now: datetime,
        *,
        reason: str,
        request_id: str | None = None,
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
            # The planner adds which groups somebody has left.
            identity = identities.identity_as_is(tx, identity_id)
            if identity.deleted_at is not None:
                continue
            fact = Fact(
                trigger=Trigger.UNASSIGNED,
                identity_id=identity_id,
                source=identity.source,
                at=now,
                request_id=request_id,
                targets=targets,
                reason=reason,
            )
            taken.count += 1
            taken.wakeups += self._planner.take(tx, fact, identity).wakeups
        return taken

    def _left(
        self, tx: Connection, group: StoredGroup, lost: Targets, moves: Moves, now: datetime, request_id: str
    ) -> Verdict:
        users = moves.who(MemberKind.USER, left=True)
        nested = moves.who(MemberKind.GROUP, left=True)
        if not (users or nested):
            return NOTHING
        if not members.has_members(tx, group.id):
            return self._ask(tx, group, Cause.EMPTIED, lost, About(users=users, groups=nested), now)
        verdicts = [
            self._ask(tx, group, Cause.SUBGROUP, lost, About(groups=[nested_id]), now, group_id=nested_id)
            for nested_id in sorted(nested)
        ]
        if len(users) > MOST_AT_ONCE:
            return joined(*verdicts, self._ask(tx, group, Cause.CROWD, lost, About(users=users), now))
        reason = f"left group {group.document['displayName']!r}"
        taken = self.unassigned(tx, sorted(users), lost, now, reason=reason, request_id=request_id)
        return joined(*verdicts, Verdict(f"{people(taken.count)} unassigned" if taken.count else "", taken.wakeups))

    def _ask(
        self,
        tx: Connection,
        group: StoredGroup,
        cause: Cause,
        lost: Targets,
        about: About,
        now: datetime,
        *,
        name: str = "",
        group_id: str = "",
    ) -> Verdict:
        """Ask about people; nobody asks about none."""
        name = name or group.document["displayName"]
        inquiry = inquiries.open_inquiry(
            tx,
            about,
            source=group.source,
            cause=cause,
            group_id=group_id or group.id,
            display_name=name,
            targets=tuple(sorted(lost)),
            now=now,
        )
        if inquiry is None:
            return NOTHING
        journal.record(
            tx,
            "inquiry opened",
            now,
            reason=f"{cause.said(name)}; it granted {listed(lost)}; nobody loses anything until somebody decides",
            actor=group.source,
            details={"inquiry": inquiry.id, "group": group.id, "people": inquiry.people},
        )
        return Verdict(f"inquiry {inquiry.id} opened: {cause.said(name)}")


def _who_was_in(group: StoredGroup, moves: Moves) -> About:
    """Return who was in a group before some moved."""
    left, came = ({kind: moves.who(kind, left=is_over) for kind in MemberKind} for is_over in (True, False))
    return About(
        groups=[group.id, *left[MemberKind.GROUP]],
        users=left[MemberKind.USER],
        but=came[MemberKind.USER] | came[MemberKind.GROUP],
    )
