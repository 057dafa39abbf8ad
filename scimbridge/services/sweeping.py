"""Sweeping: what has to happen by the clock, in small transactions, from any number of processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

import structlog
from sqlalchemy import Connection

from scimbridge import telemetry
from scimbridge.domain.rule import NO_TERMS
from scimbridge.domain.task import Task, TaskState
from scimbridge.domain.wakeup import WakeUp
from scimbridge.services.due_dates import see_to_each
from scimbridge.services.fleet import Fleet
from scimbridge.services.intake import Submit
from scimbridge.services.planning import Verdict
from scimbridge.services.timing import ANY_TIME, Timing
from scimbridge.store import accounts, agenda, attempts, cases, holds, journal, stages, tasks
from scimbridge.store.attempts import Attempt
from scimbridge.store.database import Database

BATCH = 500
WINDOW = 1000
"""How many messages a target's queue is kept topped up to; the rest of a backlog waits in SQL."""

LINK_WINDOW = 50
"""Look-ups are for quiet times: a short queue of them, and only where no revocation waits."""

Queued = Callable[[str], frozenset[str] | None]
"""Returns the accounts for which a target's queue holds a message; ``None`` while the queue cannot be asked."""

log = structlog.get_logger("scimbridge.sweeping")


class Dates(Protocol):
    """Something that knows dates, and what follows when they have passed."""

    def run(self, now: datetime) -> tuple[int, list[Verdict]]:
        """Take for facts what has passed. Returns how many, and what followed."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What one pass did."""

    released: int
    rescued: int
    ended: int
    submitted: int


class Sweeping:
    """Releases due tasks, rescues attempts whose worker died, and submits what the queue lost."""

    def __init__(
        self,
        database: Database,
        fleet: Fleet,
        dates: Sequence[Dates],
        submit: Submit,
        queued: Queued,
        timing: Timing = ANY_TIME,
    ) -> None:
        self._database = database
        self._fleet = fleet
        self._dates = dates
        self._submit = submit
        self._queued = queued
        self._timing = timing

    def run(self, now: datetime) -> Swept:
        """Make one pass. It costs by what is due, not by what is open.

        What waits already comes first: a date that cannot be taken for a fact keeps nobody else waiting.
        """
        rescued, released, submitted = self.rescue(now), self.release(now), self.submit(now)
        return Swept(rescued=rescued, released=released, submitted=submitted, ended=self.end(now))

    def end(self, now: datetime) -> int:
        """Take for facts the dates that have passed. Returns how many."""
        ended = 0
        for dates in self._dates:
            count, verdicts = dates.run(now)
            self._submit([wakeup for verdict in verdicts for wakeup in verdict.wakeups])
            ended += count
        return ended

    def release(self, now: datetime) -> int:
        """Make tasks ready whose time has come. Returns how many."""
        released = 0
        while True:
            with self._database.write() as tx:
                holds.enter(tx)
                batch = agenda.due(tx, now, BATCH)
                in_time = self._in_time(tx, batch, now)
                agenda.release_all(tx, in_time)
                for task in in_time:
                    journal.record(tx, "task released", now, reason="due", task=task, details={"action": task.action})
            released += len(in_time)
            if len(batch) < BATCH:
                return released

    def _in_time(self, tx: Connection, due: Sequence[Task], now: datetime) -> list[Task]:
        """Return the tasks for which it is the time; the others get another due date, and so are asked once."""
        terms = stages.terms_of_many(tx, {task.case_id for task in due})
        in_time = []
        for task in due:
            not_yet = self._timing.not_yet(task, terms.get(task.stage_id, NO_TERMS), now)
            if not_yet is None:
                in_time.append(task)
                continue
            tasks.move_due_date(tx, task.id, not_yet.until, not_yet.reason)
            details = {"action": task.action, "until": not_yet.until.isoformat(timespec="seconds")}
            journal.record(tx, "task postponed", now, reason=not_yet.reason, task=task, details=details)
        return in_time

    def rescue(self, now: datetime) -> int:
        """End attempts whose lease has run out, and make their tasks ready again. Returns how many."""
        return len(see_to_each(partial(self._lapsed, now), partial(self._rescue, now), action="rescue"))

    def submit(self, now: datetime) -> int:
        """Tell the queue about work that it has no message for. Returns how many messages."""
        submitted = 0
        for target in self._fleet:
            known = self._queued(target.name)
            if known is None or len(known) >= WINDOW:
                continue
            with self._database.read() as tx:
                waiting = agenda.runnable_accounts(tx, target.name, now, WINDOW)
                if not waiting and len(known) < LINK_WINDOW:
                    waiting = accounts.links_due(tx, target.name, now, LINK_WINDOW)
            lost = [WakeUp(target.name, account_id) for account_id in waiting if account_id not in known]
            self._submit(lost)
            submitted += len(lost)
        return submitted

    def runnable(self, target: str, now: datetime, limit: int) -> list[str]:
        """Return accounts at a target with work, for a crew that has lost its queue."""
        if limit <= 0:
            return []
        with self._database.read() as tx:
            return agenda.runnable_accounts(tx, target, now, limit)

    def _lapsed(self, now: datetime, limit: int) -> dict[str, Attempt]:
        with self._database.read() as tx:
            return {attempt.id: attempt for attempt in attempts.lapsed(tx, now, limit)}

    def _rescue(self, now: datetime, attempt: Attempt) -> Attempt | None:
        with self._database.write() as tx:
            if attempt.task_id is None:
                return attempt if attempts.end_lapsed(tx, attempt.id, now) else None
            task = tasks.task_by_id(tx, attempt.task_id)
            cases.lock_identity(tx, task.identity_id)
            if not attempts.end_lapsed(tx, attempt.id, now):
                return None
            task = tasks.task_by_id(tx, attempt.task_id, lock=True)
            if task.state is TaskState.RUNNING:
                tasks.save(tx, task, task.lapse("its worker stopped answering"))
                journal.record(
                    tx,
                    "attempt lapsed",
                    now,
                    reason="its worker stopped answering",
                    task=task,
                    details={"attempt": attempt.id, "worker": attempt.worker},
                )
        telemetry.LEASES_RESCUED.labels(attempt.target).inc()
        log.warning("attempt lapsed", action="rescue", attempt=attempt.id, target=attempt.target)
        return attempt
