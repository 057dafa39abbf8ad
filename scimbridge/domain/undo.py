"""What it takes to give back what was taken from an account, and what nobody can give back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from scimbridge.domain.action import Action
from scimbridge.domain.capability import Abilities, in_order

_STAYS: Mapping[Action, str] = {
    Action.RESET_CREDENTIALS: "the password that was reset: a new one has to be set",
    Action.TRANSFER_OWNERSHIP: "what was handed over stays with the successor",
    Action.ARCHIVE: "what was archived stays in the archive",
    Action.DELETE: "an account that was deleted",
    Action.DISCONNECT: "the account is not managed any more; what is to be given back there is done by hand",
    Action.DELETE_GROUP: "a group that was deleted",
}
"""What is said of actions that nothing in the bridge takes back; sessions begin anew by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """How one account is given back.

    Attributes:
        actions: In the order in which the target takes them.
        lost: What is not given back, one sentence each.
    """

    actions: tuple[Action, ...]
    lost: tuple[str, ...] = ()


def undo_of(begun: Collection[Action], can: Abilities | None, *, of_group: bool = False) -> Undo:
    """Return what takes back the actions that were begun on an account, or on a group.

    It is looked at whatever was begun: who comes back after a deletion is told that it is gone.

    Args:
        begun: What may have changed it, finished or not.
        can: What the target can do; ``None`` where the configuration has no such target just now.
        of_group: Whether it is a group.
    """
    look = Action.ENABLE_GROUP if of_group else Action.RESTORE
    wanted = {undo for action in begun if (undo := action.facts.undo) is not None} | {look}
    lacking = {undo for undo in wanted if can is not None and undo not in can}
    lost = [_STAYS[action] for action in _STAYS if action in begun]
    lost += [f"the connector cannot {undo}" for undo in sorted(lacking) if _was_begun(undo, begun)]
    return Undo(actions=tuple(in_order(wanted - lacking, can or {})), lost=tuple(lost))


def _was_begun(undo: Action, begun: Collection[Action]) -> bool:
    return any(action.facts.undo is undo for action in begun)
