"""Somebody comes back: planned work is called off, and what was taken is given back."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.case import Case, CaseKind
from scimbridge.domain.identity import Identity
from scimbridge.domain.rule import Restore
from scimbridge.domain.rulebook import Rulebook
from scimbridge.domain.trigger import Fact, Trigger
from scimbridge.domain.wakeup import WakeUp
from scimbridge.services import restoring, settling
from scimbridge.services.grants import ACTIVE_AGAIN, ASSIGNED_AGAIN, CHANGED_BACK, Grants, Targets
from scimbridge.services.planning import NOTHING, Planner, Verdict, joined
from scimbridge.services.restoring import Wish
from scimbridge.store import assignments, carried_out, cases, identities, moves, returns
from scimbridge.store.moves import Move
from scimbridge.store.surroundings import Owned, Surroundings, around


class Returning:
    """Undoes leave cases for identities that are active again, or assigned to a target again."""

    def __init__(self, rulebook: Rulebook, planner: Planner, grants: Grants) -> None:
        self._rulebook = rulebook
        self._planner = planner
        self._grants = grants

    def take(
        self,
        tx: Connection,
        identity: Identity,
        now: datetime,
        *,
        former: Sequence[str] = (),
        same_person: bool = True,
        own: Surroundings | None = None,
    ) -> Verdict:
        """Call off what is planned for an identity, and restore what was taken.

        Targets that it was unassigned from before it left, and that nothing grants it now, are not
        given back: that fact stands, with its old date.

        The caller holds the identity's lock.

        Args:
            tx: The transaction in which the identity became active.
            identity: As it is now.
            now: When (UTC).
            former: Ids of deleted identities that this one takes the place of.
            same_person: False where only the userName is the same: then nothing is given back
                until an operator confirms.
            own: What there is around the identity, where that is known already.
        """
        own = own or around(tx, identity.id, now)
        everyone = [own, *(around(tx, key, now) for key in former)]
        last = _last_leave(everyone)
        if last is None:
            return Verdict("")
        said = [f"case {case.id} canceled" for case in _call_off(tx, identity, own, everyone, now)]
        unassigned = self._grants.ungranted(tx, identity.id, own.unassigned)
        # Somebody else has not moved, whoever had the name before.
        moved = self._still_moved(tx, identity) if same_person else {}
        if not same_person:
            moves.forget(tx, identity.id, moves.moves_of(tx, identity.id))
        spared = unassigned.keys() | moved.keys()
        taken = [account for account in _touched(everyone) if account.target not in spared]
        wakeups: list[WakeUp] = []
        is_restoring = own.open_case is not None and own.open_case.kind is not CaseKind.LEAVE
        if taken and not is_restoring:
            auto = same_person and self._restore_of(last) is Restore.AUTO
            restore, wakeups = self._open(tx, identity, taken, Wish(last=last, auto=auto), now)
            said.append(f"restore {restore.id} " + ("opened" if auto else "waits for an operator"))
        for still in self._still_lost(tx, identity, unassigned, moved):
            wakeups += still.wakeups
            said.append(f"still {still.text}")
        return Verdict("; ".join(said), wakeups)

    def _still_lost(
        self, tx: Connection, identity: Identity, unassigned: Mapping[str, datetime], moved: Mapping[str, Move]
    ) -> Iterator[Verdict]:
        """Take anew, with their old dates, the facts that do not end because somebody is active again."""
        for target, at in unassigned.items():
            yield self._planner.take(tx, _still_unassigned(identity, target, at), identity)
        for move in moved.values():
            rule = self._rulebook.rules.named(move.rule)
            if rule is not None:
                yield self._planner.take(tx, _still_moved(identity, move), identity, rule=rule)

    def assigned(self, tx: Connection, identity: Identity, targets: frozenset[str], now: datetime) -> Verdict:
        """Call off what is planned at targets that an identity was assigned to again, and restore what was taken.

        Whoever has left altogether gets nothing back, and what is planned because of that goes on. The caller
        holds the identity's lock.
        """
        return self._give_back(tx, identity, targets, ASSIGNED_AGAIN, now)

    def assigned_in_crowd(self, tx: Connection, ids: Sequence[str], now: datetime) -> Verdict:
        """See to people who were assigned to targets again together with many others.

        Where no group grants them the target any more, and nothing says that they have lost it, nothing is given back
        until an operator confirms. The caller holds the identities' locks.
        """
        granted = self._grants.to(tx, ids)
        return joined(*(self._assigned_in_crowd(tx, each, granted[each], now) for each in ids))

    def _assigned_in_crowd(self, tx: Connection, identity_id: str, granted: Targets, now: datetime) -> Verdict:
        targets = returns.assigned_to(tx, identity_id)
        if not targets:
            return NOTHING  # somebody was faster, or they have left again
        returns.end_assigned(tx, identity_id, targets)
        identity = identities.identity_by_id(tx, identity_id, now)
        sure, unsure = targets & granted, targets - granted
        return joined(
            self.assigned(tx, identity, sure, now) if sure else NOTHING,
            self._give_back(tx, identity, unsure, _GRANTED_NO_MORE, now, is_sure=False) if unsure else NOTHING,
        )

    def used_again(self, tx: Connection, case: Case, target: str, reason: str, now: datetime) -> Verdict:
        """Call off what a case still takes at a target because nobody uses the account there; somebody does.

        What it has taken there is given back. The caller holds the identity's lock.
        """
        if not carried_out.may_have_changed(tx, case.id, target):
            settling.stop_revoking(tx, case, frozenset({target}), reason, now)
            return Verdict("")
        identity = identities.identity_by_id(tx, case.identity_id, now)
        return self._give_back(tx, identity, frozenset({target}), reason, now, is_found=True)

    def changed_back(
        self, tx: Connection, identity: Identity, targets: frozenset[str], now: datetime, *, is_said: bool
    ) -> Verdict:
        """Call off what is planned at targets that an identity lost by changing, and restore what was taken.

        Targets that it was unassigned from stay lost. The caller holds the identity's lock.

        Args:
            tx: The transaction of the change.
            identity: As it is now.
            targets: What the change back is about.
            now: When (UTC).
            is_said: False where it only follows from a value that is missing: then nothing is given
                back until an operator confirms.
        """
        lost = self._grants.ungranted(tx, identity.id, assignments.unassigned_from(tx, identity.id))
        return self._give_back(tx, identity, targets - lost.keys(), CHANGED_BACK, now, is_sure=is_said)

    def _give_back(
        self,
        tx: Connection,
        identity: Identity,
        targets: frozenset[str],
        reason: str,
        now: datetime,
        *,
        is_sure: bool = True,
        is_found: bool = False,
    ) -> Verdict:
        case = cases.open_case_of(tx, [identity.id])
        if case is not None and case.is_narrow:
            settling.stop_revoking(tx, case, targets, reason, now)
            case = cases.open_case_of(tx, [identity.id])
        # Beside a reason of its own, it does not matter what else somebody lost or got back.
        if identity.is_gone or (case is not None and not case.is_narrow):
            return Verdict("")
        own = around(tx, identity.id, now)
        former = former_of(tx, own, identity, now)
        everyone = [own, *(around(tx, each.id, now) for each in former)]
        last = _last_leave(everyone)
        wanted = targets - {task.target for task in restoring.pending(tx, case)}
        taken = [account for account in _touched(everyone) if account.target in wanted]
        if last is None or not taken:
            return Verdict("")
        is_same = all(is_same_person(each, identity) for each in former)
        auto = is_sure and is_same and self._restore_of(last) is Restore.AUTO
        why = reason if is_found else f"{reason}, after case {last.id}"
        wish = Wish(last=last, auto=auto, into=case, found=is_found, why=why)
        restore, wakeups = self._open(tx, identity, taken, wish, now)
        return Verdict(f"restore {restore.id} " + ("opened" if auto else "waits for an operator"), wakeups)

    def give_back(
        self,
        tx: Connection,
        case: Case,
        *,
        by: str,
        reason: str,
        now: datetime,
        targets: Collection[str] | None = None,
    ) -> Verdict:
        """Give back what a leave case has taken, because an operator says so.

        The source may say that the identity is gone: the operator's word stands until it says a fact again. Targets
        that the identity is unassigned from are not given back, nor is anything where another case is open.

        The caller holds the identity's lock, and the case has ended.

        Args:
            tx: The transaction.
            case: What has taken it.
            by: The operator.
            reason: Why.
            now: When (UTC).
            targets: The only ones where it is given back; all where absent.
        """
        identity = identities.identity_by_id(tx, case.identity_id, now)
        own = around(tx, identity.id, now)
        tried = carried_out.targets_tried(tx, case.id)
        if targets is not None:
            tried &= set(targets)
        spared = self._grants.ungranted(tx, identity.id, own.unassigned).keys() | self._still_moved(tx, identity).keys()
        taken = [
            account
            for account in own.owned.values()
            if account.is_touched and account.target in tried and account.target not in spared
        ]
        if own.open_case is not None or not taken:
            return Verdict("")
        restore, wakeups = self._open(tx, identity, taken, Wish(last=case, auto=True, by=by, why=reason), now)
        return Verdict(f"restore {restore.id} opened", wakeups)

    def _still_moved(self, tx: Connection, identity: Identity) -> dict[str, Move]:
        """Return the targets that an identity lost by changing, has not got back by changing, and is not granted."""
        found = {
            move.target: move
            for move in (moves.moves_of(tx, identity.id) if self._rulebook.edition.movers else ())
            if move.shift.has_happened(identity)
        }
        granted = self._grants.to(tx, [identity.id])[identity.id] if found else frozenset()
        return {target: move for target, move in found.items() if target not in granted}

    def _open(
        self, tx: Connection, identity: Identity, taken: Sequence[Owned], wish: Wish, now: datetime
    ) -> tuple[Case, list[WakeUp]]:
        return restoring.open_restore(tx, identity, taken, wish, self._planner.capabilities, now)

    def _restore_of(self, case: Case) -> Restore:
        rule = self._rulebook.rules.named(case.rule)
        return rule.restore if rule is not None else Restore.MANUAL


_GRANTED_NO_MORE = "the identity was assigned to the target again, but no group grants it any more"


def is_same_person(former: Identity, identity: Identity) -> bool:
    """Same externalId is the same person; a userName alone may have been given to somebody else."""
    return former.external_id is not None and former.external_id == identity.external_id


def former_of(tx: Connection, own: Surroundings, identity: Identity, now: datetime) -> Sequence[Identity]:
    """Return the deleted identities whose place one takes that lost something again before it had all of theirs.

    They are locked. One whose restore an operator has canceled was somebody else.
    """
    found = cases.former_of(tx, identity.id, settling.LEFT_AGAIN) if own.has_restore else ()
    for key in found:
        cases.lock_identity(tx, key)
    return [identities.identity_by_id(tx, key, now) for key in found]


def _last_leave(everyone: Sequence[Surroundings]) -> Case | None:
    leaves = [last for each in everyone if (last := each.last_leave) is not None]
    return max(leaves, key=lambda case: case.opened_at, default=None)


def _touched(everyone: Sequence[Surroundings]) -> list[Owned]:
    return [account for each in everyone for account in each.owned.values() if account.is_touched]


def _call_off(
    tx: Connection, identity: Identity, own: Surroundings, everyone: Sequence[Surroundings], now: datetime
) -> list[Case]:
    """Cancel what is planned for an identity, and for those whose place it takes. Returns the canceled cases.

    A restore that waits for somebody deleted would find that they have left: it goes over to the new one.
    """
    canceled = [
        each.open_case
        for each in everyone
        if each.open_case is not None and (each.open_case.kind is CaseKind.LEAVE or each is not own)
    ]
    for case in canceled:
        settling.cancel(tx, case, ACTIVE_AGAIN, now, actor=identity.source)
    return canceled


def _still_unassigned(identity: Identity, target: str, at: datetime) -> Fact:
    return Fact(trigger=Trigger.UNASSIGNED, identity_id=identity.id, source=identity.source, at=at, targets=(target,))


def _still_moved(identity: Identity, move: Move) -> Fact:
    return Fact(
        trigger=Trigger.CHANGED, identity_id=identity.id, source=identity.source, at=move.at, targets=(move.target,)
    )
