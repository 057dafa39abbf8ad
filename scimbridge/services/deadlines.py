"""Deadlines: what is not done in the time that was set for it is told to operators, once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from scimbridge import telemetry
from scimbridge.domain.hold import Hold
from scimbridge.domain.task import Task
from scimbridge.services.alarming import Alarms
from scimbridge.services.summing_up import concerns
from scimbridge.services.timing import ANY_TIME, Timing
from scimbridge.store import agenda, approvals, cases, holds, journal
from scimbridge.store.database import Database

BATCH = 500


class Deadlines:
    """Watches the deadlines of tasks.

    The time that people take does not count: what is held or not approved is late on purpose, and not told;
    once it may go on, it has its time anew.
    """

    def __init__(self, database: Database, alarms: Alarms, timing: Timing = ANY_TIME) -> None:
        self._database = database
        self._alarms = alarms
        self._timing = timing

    def run(self, now: datetime) -> int:
        """Note the tasks that have missed their deadline. Returns how many; it costs by what is late."""
        told = 0
        with self._database.write() as tx:
            late = agenda.late(tx, now, BATCH)
            lifted = holds.lifted_since(tx, min(task.due_at for task in late)) if late else ()
            for task in late:
                told += self._tell(tx, task, lifted, now)
        return told

    def _tell(self, tx: Connection, task: Task, lifted: Sequence[Hold], now: datetime) -> bool:
        """Tell that a task is late, unless it may go on since a moment ago only."""
        terms, _ = approvals.conditions(tx, task.case_id, task.stage_id)
        free_at = max((task.due_at, *_decisions(tx, task, lifted)))
        anew = self._timing.deadline_at(task.action, terms, free_at)
        if anew is not None and anew > now:
            agenda.move_deadline(tx, task, anew)
            return False
        deadline_at = task.deadline_at or now
        agenda.note_alarm(tx, task, now)
        self._alarms.deadline_missed(tx, task, deadline_at, now)
        reason = f"not done by {deadline_at:%Y-%m-%d %H:%M} UTC"
        journal.record(tx, "deadline missed", now, reason=reason, task=task, details={"action": task.action})
        telemetry.DEADLINES_MISSED.labels(task.target, task.action).inc()
        return True


def _decisions(tx: Connection, task: Task, lifted: Sequence[Hold]) -> Iterable[datetime]:
    """Yield when people let a task go on."""
    case = cases.case_by_id(tx, task.case_id)
    for hold in lifted:
        if hold.lifted_at is not None and concerns(hold, case) and hold.stops_work_at(task.target):
            yield hold.lifted_at
    for approval in approvals.standing(tx, task.case_id):
        if approval.stage_id == task.stage_id:
            yield approval.approved_at
