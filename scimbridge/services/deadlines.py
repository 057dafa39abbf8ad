"""Deadlines: what is not done in the time that was set for it is told to operators, once."""

from __future__ import annotations

from datetime import datetime

from scimbridge.services.alarming import Alarms
from scimbridge.store import journal, tasks
from scimbridge.store.database import Database

BATCH = 500


class Deadlines:
    """Watches the deadlines of tasks. What is held is late on purpose, and not told."""

    def __init__(self, database: Database, alarms: Alarms) -> None:
        self._database = database
        self._alarms = alarms

    def run(self, now: datetime) -> int:
        """Note the tasks that have missed their deadline. Returns how many; it costs by what is late."""
        with self._database.write() as tx:
            late = tasks.take_late(tx, now, BATCH)
            for task, deadline_at in late:
                self._alarms.deadline_missed(tx, task, deadline_at, now)
                reason = f"not done by {deadline_at:%Y-%m-%d %H:%M} UTC"
                journal.record(tx, "deadline missed", now, reason=reason, task=task, details={"action": task.action})
        return len(late)
