"""What the account itself says against an action, once it was read."""

from __future__ import annotations

from scimbridge.domain.action import Action
from scimbridge.domain.task import Task
from scimbridge.sdk.native import NativeState
from scimbridge.sdk.state import AccountState
from scimbridge.services.eligibility import Consequence, Obstacle

_MOOT_ONCE_ARCHIVED = frozenset({Action.TRANSFER_OWNERSHIP, Action.REDIRECT_MAIL, Action.HIDE_FROM_DIRECTORY})
"""What is about data, mail and address lists: an archived account has none of them here any more."""


def obstacle(task: Task, state: NativeState) -> Obstacle | None:
    """Return what the account's own state says against an action."""
    if not task.action.is_revoking:
        return None
    if task.action is Action.PURGE and not state.deleted:
        return Obstacle(Consequence.SKIP, "the account is there: only what is left of a deleted one is purged")
    if state.unmanaged and task.action is not Action.DISCONNECT:
        return Obstacle(Consequence.SKIP, "the account is marked at the target as not managed by the bridge")
    if isinstance(state, AccountState) and state.archived and task.action in _MOOT_ONCE_ARCHIVED:
        return Obstacle(Consequence.SKIP, "the account is archived already")
    return None
