"""What a target can do, and in which order its vendor needs things done."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from scimbridge.domain.action import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """What a connector declared about one action.

    Attributes:
        undo: The action that takes it back, if one does.
        window: For how long the target keeps what this removes, so that ``undo`` can bring it back; forever where
            absent.
        needs: Permissions that the target must have granted.
        after: Actions that must come before it where both are planned.
        before: Actions that must come after it where both are planned.
        method: The name of the connector's method.
        verified: Whether reading the account tells that it was done; where not, the target is taken at its word.
    """

    action: Action
    undo: Action | None = None
    window: timedelta | None = None
    needs: tuple[str, ...] = ()
    after: tuple[Action, ...] = ()
    before: tuple[Action, ...] = ()
    method: str = ""
    verified: bool = True


Abilities = Mapping[Action, Capability]
"""What one target can do."""

Capabilities = Mapping[str, Abilities]
"""What each configured target can do."""

ANYTHING: Abilities = {
    action: Capability(action=action, undo=None if action.is_irreversible else action.facts.undo)
    for action in Action
    if action is not Action.NOTIFY
}
"""What is planned by where nobody can tell what a target can do; what it cannot is left out once that is known."""


def without(can: Abilities, actions: Iterable[Action]) -> Abilities:
    """Return what is left where some actions cannot be done; what only they would take back has no undo then."""
    gone = frozenset(actions)
    left = {action: capability for action, capability in can.items() if action not in gone}
    return {
        action: replace(capability, undo=None, window=None) if capability.undo in gone else capability
        for action, capability in left.items()
    }


def kept_for(action: Action, can: Abilities) -> timedelta | None:
    """Return for how long a target keeps what an action removes; ``None`` where the bridge could not bring it back."""
    own = can.get(action)
    return own.window if own is not None and own.undo in can else None


_USUAL = (
    *(Action.SUSPEND, Action.REVOKE_SESSIONS, Action.RESET_CREDENTIALS),
    *(Action.TRANSFER_OWNERSHIP, Action.REDIRECT_MAIL, Action.HIDE_FROM_DIRECTORY, Action.ARCHIVE),
    *(Action.REMOVE_FROM_GROUPS, Action.RELEASE_LICENSES, Action.STAMP, Action.MOVE),
    *(Action.DISCONNECT, Action.DELETE, Action.PURGE),
    # Giving back: the account itself, then who may sign in again need not wait for the rest.
    *(Action.UNDELETE, Action.RESTORE, Action.MOVE_BACK, Action.UNSTAMP, Action.ASSIGN_LICENSES, Action.ADD_TO_GROUPS),
    *(Action.SHOW_IN_DIRECTORY, Action.RESTORE_MAIL),
    *(Action.STAMP_GROUP, Action.DISABLE_GROUP, Action.MOVE_GROUP, Action.EMPTY_GROUP, Action.DELETE_GROUP),
    # Members come back into a group that opens things again once it is where it was.
    *(Action.MOVE_GROUP_BACK, Action.REFILL_GROUP, Action.ENABLE_GROUP, Action.UNSTAMP_GROUP),
    Action.NOTIFY,
)
_RANK = {action: rank for rank, action in enumerate(_USUAL)}
"""The order where nobody asks for another one: access first, then data, then what marks the account."""


class OrderError(ValueError):
    """A connector asks for an order that cannot be.

    Attributes:
        actions: Those that have to come before each other.
    """

    def __init__(self, actions: Iterable[Action]) -> None:
        self.actions = tuple(sorted(actions, key=_RANK.__getitem__))
        super().__init__(f"{', '.join(self.actions)} would each have to come before the other")


def in_order(actions: Iterable[Action], abilities: Abilities) -> list[Action]:
    """Return actions in the order in which a target takes them.

    Args:
        actions: What is to be done at the target together.
        abilities: What the target's connector declares.

    Raises:
        OrderError: The declarations contradict each other.
    """
    wanted = set(actions)
    waits = {action: _predecessors(action, wanted, abilities) for action in wanted}
    ready = [_RANK[action] for action, before in waits.items() if not before]
    heapq.heapify(ready)
    found: list[Action] = []
    while ready:
        action = _USUAL[heapq.heappop(ready)]
        found.append(action)
        for other, before in waits.items():
            if action in before:
                before.remove(action)
                if not before:
                    heapq.heappush(ready, _RANK[other])
    if len(found) < len(wanted):
        raise OrderError(wanted - set(found))
    return found


def _predecessors(action: Action, wanted: set[Action], abilities: Abilities) -> set[Action]:
    own = abilities.get(action)
    before = {*action.facts.needs, *(own.after if own else ())}
    before |= {other for other in wanted if (known := abilities.get(other)) is not None and action in known.before}
    if action.facts.is_final:
        before |= {other for other in wanted if not other.facts.is_final}
    return (before & wanted) - {action}
