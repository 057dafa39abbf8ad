"""Forecasting: by when work will be done, told before its deadline is missed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from scimbridge.domain.task import Task, TaskState
from scimbridge.store import agenda, journal

RECENT = timedelta(minutes=15)
"""What a target has done in this time is how fast it is."""

LONGEST_QUEUE = 1000
"""Accounts before one in a queue that are counted; with more, nobody can tell."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """By when a task will be done, as far as anybody can tell.

    Attributes:
        at: When it is done (UTC), at the earliest; ``None`` where that depends on a person, or on a target that does
            nothing.
        deadline_at: When it should be.
    """

    at: datetime | None
    deadline_at: datetime | None

    @property
    def late_by(self) -> timedelta:
        """By how much it will miss its deadline; nothing where it will not, or nobody can tell."""
        if self.at is None or self.deadline_at is None:
            return timedelta()
        return max(self.at - self.deadline_at, timedelta())


def forecast(tx: Connection, own: Iterable[Task], now: datetime, *, waits: frozenset[str]) -> Mapping[str, Forecast]:
    """Return a forecast for each task that has not ended, by its id.

    Args:
        tx: A transaction.
        own: The tasks of a case, in the order in which they are due.
        now: When (UTC).
        waits: The tasks that wait for a person: held, not approved.
    """
    unfinished = [task for task in own if not task.is_finished]
    queues = {task.target: _Queue(tx, task.target, now) for task in unfinished if task.state is TaskState.READY}
    found: dict[str, Forecast] = {}
    free_at: dict[str, datetime | None] = {}  # an account's tasks are done one after the other
    for task in unfinished:
        at = None if task.id in waits else _done_at(task, queues, now)
        before = free_at.get(task.account_id, now)
        at = max(at, before) if at is not None and before is not None else None
        free_at[task.account_id] = at
        found[task.id] = Forecast(at, task.deadline_at)
    return found


class _Queue:
    """The accounts that wait at a target, in their order, and how fast they are done there."""

    def __init__(self, tx: Connection, target: str, now: datetime) -> None:
        self._accounts = agenda.runnable_accounts(tx, target, now, LONGEST_QUEUE)
        self._done = journal.count_done(tx, target, now - RECENT)

    def served_at(self, account_id: str, now: datetime) -> datetime | None:
        if account_id not in self._accounts:
            return None
        place = self._accounts.index(account_id) + 1
        if self._done == 0:
            return now if place == 1 else None
        return now + RECENT * place / self._done if place > 1 else now


def _done_at(task: Task, queues: Mapping[str, _Queue], now: datetime) -> datetime | None:
    match task.state:
        case TaskState.PLANNED:
            return max(task.due_at, now)
        case TaskState.RUNNING:
            return now
        case TaskState.WAITING:
            return max(task.not_before, now) if task.not_before is not None else None
        case TaskState.READY:
            return queues[task.target].served_at(task.account_id, now)
        case _:
            return None
