"""What follows for an account when an attempt on it has ended."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.action import Action
from scimbridge.domain.exclusion import Exclusion, Spared
from scimbridge.domain.task import Task, TaskState
from scimbridge.sdk.native import NativeState
from scimbridge.sdk.outcome import Done
from scimbridge.services import keeping
from scimbridge.store import accounts, carried_out, holds, journal, snapshots


def keep_account(
    tx: Connection, ended: Task, done: Done, before: NativeState, after: NativeState | None, now: datetime
) -> None:
    """Keep how a task that is done has left its account.

    Once all is given back, or the account is let go, nothing more is kept of it.
    """
    if ended.state is not TaskState.DONE:
        return
    if done.changed and after is not None:
        keeping.keep_left(tx, ended.target, ended.action, before, after)
    if ended.action.gives_back and carried_out.is_all_given_back(tx, ended):
        snapshots.release(tx, ended.target, before.id, now)
    if ended.action is Action.DISCONNECT:
        _let_go(tx, ended, before, now)


def _let_go(tx: Connection, task: Task, state: NativeState, now: datetime) -> None:
    """Manage an account no more: its mark stands at the target, and no later look-up takes it up again."""
    reason = f"disconnected by case {task.case_id}"
    spared = Exclusion(reason=reason, spared=Spared.ACCOUNT, subject=state.id, target=task.target)
    exclusion_id = holds.add_exclusion(tx, spared, by=journal.BRIDGE, now=now)
    snapshots.release(tx, task.target, state.id, now)
    accounts.unlink(tx, task.account_id, note=reason)
    details = {"exclusion": exclusion_id, "of": spared.spared}
    journal.record(tx, "account let go", now, reason=reason, task=task, details=details)


def not_given_back(action: Action, done: Done, state: NativeState | None) -> tuple[str, ...]:
    """Return what an action that gives back has not given back, one sentence each.

    Args:
        action: What was done.
        done: What the connector says of it.
        state: The account afterwards.
    """
    withheld = state.withheld_by(action) if state is not None else ()
    return (*done.lost, *(f"{each.name}, because it gives power over others" for each in withheld))
