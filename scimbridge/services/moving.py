"""Movers: what somebody loses by changing, and gets back by changing back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.identity import Identity
from scimbridge.domain.names import fold
from scimbridge.domain.resource import MemberKind, StoredGroup
from scimbridge.domain.rule import Rule
from scimbridge.domain.rulebook import Rulebook
from scimbridge.domain.trigger import Fact, Trigger
from scimbridge.domain.wakeup import WakeUp
from scimbridge.services.grants import Grants, listed
from scimbridge.services.members import MOST_AT_ONCE, MOST_BACK_AT_ONCE, Moves
from scimbridge.services.planning import NOTHING, Planner, Verdict, joined
from scimbridge.services.returning import Returning
from scimbridge.store import identities, journal, members, returns
from scimbridge.store import moves as moves_store

EMPTIED = "the group was emptied, which is no fact about those who were in it"


class Moving:
    """Turns a change of somebody into a fact where a rule is for it, and changing back into its end."""

    def __init__(self, rulebook: Rulebook, planner: Planner, returning: Returning, grants: Grants) -> None:
        self._rulebook = rulebook
        self._planner = planner
        self._returning = returning
        self._grants = grants

    def watches(self, display_name: str) -> bool:
        """Whether it matters who comes into a group and who leaves it."""
        return self._rulebook.edition.movers.ask_about_group(display_name)

    def user_changed(
        self, tx: Connection, before: Identity, after: Identity, now: datetime, request_id: str | None = None
    ) -> Verdict:
        """Take in a change of a User. The caller holds the identity's lock."""
        if not self._rulebook.edition.movers.may_concern(before, after):
            return NOTHING
        left = identities.left_by(tx, [after.id], now).get(after.id, ())
        before, after = identities.remembering(before, left), identities.remembering(after, left)
        return self._changed(tx, before, after, now, request_id=request_id)

    def members_changed(
        self, tx: Connection, before: StoredGroup, after: StoredGroup, moves: Moves, now: datetime
    ) -> list[WakeUp]:
        """Take in that Users came into a group or left it. Returns accounts that have work at once.

        The caller holds the locks of the group and of everyone who moved. A group that is emptied says
        nothing about its members, and neither does one that hundreds leave at once.
        """
        names = {fold(group.document["displayName"]) for group in (before, after)}
        if not any(self.watches(name) for name in names):
            return []
        who = moves.who(MemberKind.USER, left=True) | moves.who(MemberKind.USER, left=False)
        is_crowd = len(who) > MOST_AT_ONCE
        if is_crowd:
            who = _of_crowd(tx, before, who, now)
        is_emptied = moves.left > 0 and not members.has_members(tx, before.id)
        wakeups: list[WakeUp] = []
        for was, is_now in self._people(tx, before, after, moves, who, now):
            why = EMPTIED if is_emptied and len(was.as_it_is().groups) > len(is_now.as_it_is().groups) else ""
            wakeups += self._changed(tx, was, is_now, now, no_fact=why, is_crowd=is_crowd).wakeups
        return wakeups

    def moved_in_crowd(self, tx: Connection, identity_id: str, now: datetime) -> Verdict:
        """Look whether somebody has changed back by a request that moved many. The caller holds the identity's lock."""
        if not returns.end_moved(tx, identity_id):
            return NOTHING
        identity = identities.identity_by_id(tx, identity_id, now)
        return self._changed_back(tx, identity, identity, now)

    def _people(
        self, tx: Connection, before: StoredGroup, after: StoredGroup, moves: Moves, who: set[str], now: datetime
    ) -> Iterator[tuple[Identity, Identity]]:
        """Yield who moved, as they were before and are after the change of the group."""
        left_it = moves.who(MemberKind.USER, left=True)
        memory = identities.left_by(tx, sorted(who), now)
        for user_id, user in sorted(identities.users_by_id(tx, sorted(who)).items()):
            current = user.identity
            if user_id in left_it:
                own = (*current.groups, before.document["displayName"])
            else:
                own = tuple(name for name in current.groups if name != after.document["displayName"])
            left = memory.get(user_id, ())
            yield (
                identities.remembering(replace(current, groups=own), left),
                identities.remembering(current, left),
            )

    def _changed(
        self,
        tx: Connection,
        before: Identity,
        after: Identity,
        now: datetime,
        *,
        request_id: str | None = None,
        no_fact: str = "",
        is_crowd: bool = False,
    ) -> Verdict:
        back = self._changed_back(tx, before, after, now)
        rule = None if is_crowd else self._rulebook.edition.movers.first_match(before, after)
        if rule is None:
            return back
        return joined(back, self._moved(tx, rule, before, after, now, request_id=request_id, no_fact=no_fact))

    def _moved(
        self,
        tx: Connection,
        rule: Rule,
        before: Identity,
        after: Identity,
        now: datetime,
        *,
        request_id: str | None,
        no_fact: str,
    ) -> Verdict:
        granted = self._grants.to(tx, [after.id])[after.id]
        wanted = rule.targets(self._planner.target_names)
        fact = Fact(
            trigger=Trigger.CHANGED,
            identity_id=after.id,
            source=after.source,
            at=now,
            request_id=request_id,
            targets=tuple(sorted(wanted - granted)),
        )
        missing = rule.shift.lost_values(before, after) if rule.shift is not None else ()
        if missing:
            no_fact = f"{listed(missing)} has no value any more, which is no fact"
        elif not fact.targets and wanted:
            no_fact = f"nothing was lost: a group still grants {listed(wanted)}"
        if no_fact:
            return self._planner.leave_alone(tx, fact, f"rule {rule.name!r}: {no_fact}")
        return self._planner.take(tx, fact, after, rule=rule)

    def _changed_back(self, tx: Connection, before: Identity, after: Identity, now: datetime) -> Verdict:
        noted = moves_store.moves_of(tx, after.id)
        # Nobody has looked yet whether a crowd had changed back before this.
        states = (before, after) if noted and returns.end_moved(tx, after.id) else (after,)
        over = [move for move in noted if not all(map(move.shift.has_happened, states))]
        if not over:
            return NOTHING
        moves_store.forget(tx, after.id, over)
        still = {move.target for move in noted if move not in over}
        targets = frozenset(move.target for move in over) - still
        # What is missing calls off what is planned; only a value gives back what was taken.
        is_said = not any(move.shift.lost_values(before, after) for move in over)
        return self._returning.changed_back(tx, after, targets, now, is_said=is_said)


def _of_crowd(tx: Connection, group: StoredGroup, who: set[str], now: datetime) -> set[str]:
    """Return who of a crowd may have changed back; where these are many, a sweeper looks at them instead."""
    moved = moves_store.who_moved(tx, who)
    said = f"{len(who)} people at once; nobody of them is taken for a mover"
    is_for_later = len(moved) > MOST_BACK_AT_ONCE
    if is_for_later:
        returns.note_moved(tx, moved, now)
        said += f"; whether {len(moved)} of them have changed back is looked at afterwards, a few at a time"
    journal.record(tx, "crowd moved", now, reason=said, actor=group.source, details={"group": group.id})
    return set() if is_for_later else moved
