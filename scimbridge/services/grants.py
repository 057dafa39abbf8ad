"""Which targets groups grant, and whether the reason to take something from somebody still holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.action import Action
from scimbridge.domain.case import Case, CaseKind
from scimbridge.domain.identity import Identity
from scimbridge.domain.lifecycle import end_of
from scimbridge.domain.names import fold
from scimbridge.domain.source import Profiles
from scimbridge.domain.stale_account import StaleAccount
from scimbridge.domain.task import Task
from scimbridge.domain.trigger import Trigger
from scimbridge.store import assignments, moves, returns, stale_accounts

Targets = frozenset[str]


class Grants:
    """The targets that groups grant, by the groups' display names.

    Args:
        granted_by: Display names by target; targets without any are granted by no group.
    """

    def __init__(self, granted_by: Mapping[str, Sequence[str]]) -> None:
        self._targets: dict[str, Targets] = {}
        for target, names in granted_by.items():
            for name in names:
                key = fold(name)
                self._targets[key] = self._targets.get(key, frozenset()) | {target}
        self._keys = tuple(self._targets)
        self._granted = frozenset().union(*self._targets.values())

    def by(self, display_name: str) -> Targets:
        """Return the targets that a group grants."""
        return self._targets.get(fold(display_name), frozenset()) if self._targets else frozenset()

    def above(self, tx: Connection, group_id: str) -> dict[str, Targets]:
        """Return the targets that a group's members have because it is in other groups, by the names of these."""
        if not self._targets:
            return {}
        return {name: self.by(name) for name in assignments.granting_above(tx, group_id, self._keys)}

    def to(self, tx: Connection, ids: Sequence[str]) -> dict[str, Targets]:
        """Return the targets that some group grants to identities, also through a group within a group."""
        found = assignments.groups_above(tx, ids, self._keys)
        return {
            identity_id: frozenset().union(*(self._targets[key] for key in found.get(identity_id, ())))
            for identity_id in ids
        }

    def ungranted(self, tx: Connection, identity_id: str, noted: Mapping[str, datetime]) -> dict[str, datetime]:
        """Return those of the targets that an identity was unassigned from that nothing grants it now.

        Which no group grants any more, since the configuration was changed, nobody has lost by leaving groups.
        """
        granted = self.to(tx, [identity_id])[identity_id] if noted else frozenset()
        return {target: at for target, at in noted.items() if self.grant(target) and target not in granted}

    def grant(self, target: str) -> bool:
        """Whether there are names of groups that grant a target."""
        return target in self._granted


class Standing:
    """Whether what started a case still holds: asked in the transaction that claims a task."""

    def __init__(self, grants: Grants, profiles: Profiles) -> None:
        self._grants = grants
        self._profiles = profiles

    def why_over(self, tx: Connection, case: Case, task: Task, identity: Identity, now: datetime) -> str | None:
        """Return why a task has lost its reason, or ``None`` while it has one. The caller holds the identity's lock."""
        if task.action.gives_back:
            # What an operator gives back stands, whatever the source last said: its next fact calls it off.
            is_asked_for = case.kind is CaseKind.RESTORE and case.opened_by is not None
            return "the identity has left again" if identity.is_gone and not is_asked_for else None
        if identity.is_gone and not case.is_narrow:
            return None
        if case.is_narrow and task.target in returns.assigned_to(tx, identity.id):
            return ASSIGNED_AGAIN  # nobody has called it off yet
        if case.trigger is Trigger.ENDED and self._has_ended(identity, now):
            return None
        if case.trigger in (Trigger.REQUESTED, Trigger.ORPHANED):
            return None  # whoever came back since has canceled the case
        return self._why_not_lost(tx, case, task, identity)

    def stale(self, tx: Connection, case: Case, task: Task, identity: Identity) -> StaleAccount | None:
        """Return what has to be so still, where nothing but that nobody uses the account is a reason to take it."""
        if not task.action.is_revoking or not case.is_narrow:
            return None
        found = stale_accounts.of_case(tx, case.id).get(task.target)
        if found is None or task.target in self.lost(tx, identity):
            return None
        return found

    def lost(self, tx: Connection, identity: Identity) -> Targets:
        """Return the targets that an identity was unassigned from, or has lost by changing, while that stands."""
        noted = set(filter(self._grants.grant, assignments.unassigned_from(tx, identity.id)))
        moved = {move.target for move in moves.moves_of(tx, identity.id) if move.shift.has_happened(identity)}
        granted = self._grants.to(tx, [identity.id])[identity.id] if noted or moved else frozenset()
        return frozenset(noted | moved) - granted

    def _why_not_lost(self, tx: Connection, case: Case, task: Task, identity: Identity) -> str | None:
        """Return why somebody who is active has not lost a target, or ``None`` where they have.

        People are told as long as there is one target that was lost.
        """
        is_told = task.action is Action.NOTIFY
        stale = stale_accounts.of_case(tx, case.id)
        if task.target in stale or (is_told and stale):
            return None
        noted = {name for name in assignments.unassigned_from(tx, identity.id) if is_told or name == task.target}
        unassigned = set(filter(self._grants.grant, noted))
        moved = [move for move in moves.moves_of(tx, identity.id) if is_told or move.target == task.target]
        if noted and not unassigned and not moved:
            return _UNGRANTED
        if not unassigned and not moved:
            return _OVER.get(case.trigger, ACTIVE_AGAIN)
        granted = self._grants.to(tx, [identity.id])[identity.id]
        if granted.issuperset({*unassigned, *(move.target for move in moved)}):
            return ASSIGNED_AGAIN
        if unassigned - granted or any(
            move.shift.has_happened(identity) for move in moved if move.target not in granted
        ):
            return None
        return CHANGED_BACK

    def _has_ended(self, identity: Identity, now: datetime) -> bool:
        end = end_of(identity.document, self._profiles.of(identity.source))
        return end.at is not None and end.at <= now


_UNGRANTED = "no group grants the target any more: the configuration names none in its granted_by"
ASSIGNED_AGAIN = "the identity is assigned to the target again"
ACTIVE_AGAIN = "the identity is active again"
CHANGED_BACK = "the identity has changed back"
SIGNED_IN = "somebody has signed in with the account"
_OVER: dict[Trigger | None, str] = {
    None: ASSIGNED_AGAIN,
    Trigger.UNASSIGNED: ASSIGNED_AGAIN,
    Trigger.CHANGED: CHANGED_BACK,
    Trigger.STALE: SIGNED_IN,
}


def listed(targets: Iterable[str]) -> str:
    """Return names of targets for a sentence."""
    return ", ".join(sorted(targets))
