"""Keeping apart what the bridge has changed on an account and what others have: undo gives back its own share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection

from scimbridge.domain.action import UNDOES, Action
from scimbridge.sdk.native import NativeState
from scimbridge.store import snapshots
from scimbridge.store.snapshots import Begun, Snapshot

StateT = TypeVar("StateT", bound=NativeState)

_ABOUT: Mapping[Action, tuple[str, ...]] = {
    Action.SUSPEND: ("suspended",),
    Action.REMOVE_FROM_GROUPS: ("groups",),
    Action.RELEASE_LICENSES: ("licenses",),
    Action.HIDE_FROM_DIRECTORY: ("hidden",),
    Action.REDIRECT_MAIL: ("mail_to", "auto_reply", "delegates", "aliases"),
    Action.STAMP: ("stamp", "stamped_until"),
    Action.MOVE: ("container",),
    # The account goes with all that it has; what comes back with it is the target's to say.
    Action.DELETE: (
        *("suspended", "groups", "licenses", "hidden", "container", "stamp", "stamped_until"),
        *("mail_to", "auto_reply", "delegates", "aliases"),
    ),
    Action.STAMP_GROUP: ("stamp", "stamped_until"),
    Action.DISABLE_GROUP: ("disabled",),
    Action.MOVE_GROUP: ("container",),
    Action.EMPTY_GROUP: ("members",),
}
"""What each action that can be undone is about; what else changes meanwhile is not the bridge's doing."""


def beside_snapshot(
    tx: Connection,
    target: str,
    state: StateT,
    action: Action,
    now: datetime,
    *,
    touches: Callable[[NativeState], bool],
) -> StateT:
    """Return what an attempt has read beside what is kept of the account, and keep that the attempt begins.

    Args:
        tx: The transaction that accepts the read; an attempt that dies afterwards is accounted for by the next.
        target: Where the account is.
        state: What was read.
        action: What the attempt is about to do.
        now: When (UTC).
        touches: Whether it will change the account, once that is seen beside the snapshot.
    """
    known = snapshots.standing(tx, target, state.id)
    if known is None:
        if not action.is_revoking or not touches(state):
            return state
        snapshots.take(tx, target, state, now, begun=action)
        return state.with_original(state, state)
    left = left_by_now(known, state)
    beside = state.with_original(known.original, left)
    if touches(beside):
        return _begun(tx, target, beside, action)
    if known.begun is not None:
        snapshots.note(tx, target, state.id, left)
    return beside


def _begun(tx: Connection, target: str, beside: StateT, action: Action) -> StateT:
    """Keep that an attempt begins. What others have given since the snapshot, and it is about to take, comes back, too.

    So the snapshot grows by it; what is in it stays as it is.
    """
    original, left = beside.original, beside.left
    assert original is not None  # noqa: S101 - it stands beside its snapshot
    assert left is not None  # noqa: S101
    came = {name: _came_since(name, beside) for name in _ABOUT.get(action, ())}
    if any(came.values()):
        original, left = _joined(original, came), _joined(left, came)
        snapshots.add(tx, target, original)
    snapshots.note(tx, target, beside.id, left, Begun(action=action, before=beside))
    return beside.with_original(original, left)


def _came_since(name: str, state: NativeState) -> tuple[Any, ...]:
    """Return what is in a list and was in it neither before nor after the bridge touched it."""
    lists = [getattr(each, name) for each in (state, state.original, state.left)]
    if not all(isinstance(each, tuple) for each in lists):
        return ()  # no list, or a target that does not tell it
    now, *before = lists
    known = {one.id for each in before for one in each}
    return tuple(each for each in now if each.id not in known)


def _joined(state: StateT, came: Mapping[str, tuple[Any, ...]]) -> StateT:
    more: dict[str, Any] = {name: (*getattr(state, name), *those) for name, those in came.items() if those}
    return replace(state, **more)


def keep_left(tx: Connection, target: str, action: Action, before: NativeState, after: NativeState) -> None:
    """Keep how an attempt has left the account, as it was read back."""
    if before.original is not None:
        snapshots.note(
            tx, target, before.id, credited(before.left or before.original, before=before, after=after, action=action)
        )


def keep_late(tx: Connection, target: str, action: Action, before: NativeState) -> None:
    """Keep that an attempt came back late: what it is about may have changed since, by its doing."""
    known = snapshots.standing(tx, target, before.id)
    if known is not None:
        snapshots.note(tx, target, before.id, known.left, Begun(action=action, before=before))


def credited(left: StateT, *, before: NativeState, after: NativeState, action: Action) -> StateT:
    """Return how the bridge left an account, once an action has changed it from ``before`` to ``after``."""
    names = _ABOUT.get(UNDOES.get(action, action), ())
    moved = {name: _moved(getattr(left, name), getattr(before, name), getattr(after, name)) for name in names}
    return replace(left, **moved)


def left_by_now(known: Snapshot, state: NativeState) -> NativeState:
    """Return how the bridge left an account, with what an attempt has done whose end is not known.

    A deletion has taken all at once or, where the account is there, nothing.
    """
    if known.begun is None or (known.begun.action.removes and not state.deleted):
        return known.left
    return credited(known.left, before=known.begun.before, after=state, action=known.begun.action)


def _moved(left: Any, before: Any, after: Any) -> Any:
    """Return a value moved by the difference; of sets, what went and what came."""
    if before == after or after is None:
        return left
    if not isinstance(after, tuple):
        return after
    had, has = {each.id for each in before or ()}, {each.id for each in after}
    return (
        *(each for each in left or () if each.id in has or each.id not in had),
        *(each for each in after if each.id not in had and each.id not in {one.id for one in left or ()}),
    )
