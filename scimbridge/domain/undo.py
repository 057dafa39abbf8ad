"""What it takes to give back what was taken from an account, and what nobody can give back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from scimbridge.domain.action import UNDOES, Action
from scimbridge.domain.capability import Abilities, in_order
from scimbridge.domain.times import moment

_STAYS: Mapping[Action, str] = {
    Action.RESET_CREDENTIALS: "the password that was reset: a new one has to be set",
    Action.TRANSFER_OWNERSHIP: "what was handed over stays with the successor",
    Action.ARCHIVE: "what was archived stays in the archive",
    Action.DELETE: "an account that was deleted",
    Action.DISCONNECT: "the account is not managed any more; what is to be given back there is done by hand",
    Action.DELETE_GROUP: "a group that was deleted",
}
"""What is said of actions that are not taken back; sessions begin anew by themselves."""

_LOST_WITH_IT = (Action.ADD_TO_GROUPS, Action.ASSIGN_LICENSES)
"""What a target may have forgotten with an account that was deleted, whether anybody had taken it before or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """How one account is given back.

    Attributes:
        actions: In the order in which the target takes them.
        lost: What is not given back, one sentence each.
    """

    actions: tuple[Action, ...]
    lost: tuple[str, ...] = ()


def undo_of(
    begun: Collection[Action], can: Abilities | None, *, of_group: bool = False, over_since: datetime | None = None
) -> Undo:
    """Return what takes back the actions that were begun on an account, or on a group.

    It is looked at whatever was begun: who comes back after a deletion is told that it is gone.

    Args:
        begun: What may have changed it, finished or not.
        can: What the target can do; ``None`` where the configuration has no such target just now.
        of_group: Whether it is a group.
        over_since: When the target ceased to keep the account that was deleted (UTC); ``None`` where it may keep it.
    """
    look = Action.ENABLE_GROUP if of_group else Action.RESTORE
    wanted = {undo for action in begun if (undo := action.facts.undo) is not None} | {look}
    lacking = {undo for undo in wanted if can is not None and undo not in can}
    if over_since is not None:
        lacking.add(Action.UNDELETE)
    if Action.UNDELETE in wanted - lacking:
        wanted |= {undo for undo in _LOST_WITH_IT if can is None or undo in can}
    said = dict(_STAYS)
    if over_since is not None:
        said[Action.DELETE] += f": the target kept it until {moment(over_since)}"
    lost = [said[action] for action in said if action in begun and action.facts.undo not in wanted - lacking]
    lost += [f"the connector cannot {undo}" for undo in sorted(lacking) if UNDOES[undo] in set(begun) - said.keys()]
    return Undo(actions=tuple(in_order(wanted - lacking, can or {})), lost=tuple(lost))
