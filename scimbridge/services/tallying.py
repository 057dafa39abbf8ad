"""Tallying: what has happened becomes numbers by day, so that charts cost by their days."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import Connection

from scimbridge.domain.action import Action
from scimbridge.domain.figures import IN_TIME, LATE, WITHOUT_DEADLINE, FigureKind, bucket_of
from scimbridge.domain.task import TaskState
from scimbridge.store import figures
from scimbridge.store.database import Database
from scimbridge.store.figures import Figure, day_of
from scimbridge.store.values import Row

AT_ONCE = timedelta(hours=1)
"""What is counted in one transaction."""

SETTLED = timedelta(minutes=1)
"""How long ago something must have begun to be counted: by then, whoever wrote it has committed."""

KEPT = timedelta(days=400)


class Tallying:
    """Counts each thing once, in small transactions, from any number of processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def run(self, now: datetime) -> int:
        """Count what has happened since the last time. Returns in how many steps."""
        steps = 0
        while self._step(now - SETTLED):
            steps += 1
        with self._database.write() as tx:
            figures.forget(tx, day_of(now - KEPT))
        return steps

    def _step(self, until: datetime) -> bool:
        """Count up to an hour of it. Returns whether there may be more."""
        with self._database.write() as tx:
            before = figures.counted_up_to(tx, lock=True)
            start = figures.next_event(tx, before) or until
            # What is under way still is counted once it has ended.
            live = figures.oldest_live(tx)
            end = min(start + AT_ONCE, until, live or until)
            if before is not None and end <= before:
                return False
            if start < end:
                figures.add(tx, _count(tx, start, end))
            figures.note_counted(tx, end)
            return start < end < until


def _count(tx: Connection, start: datetime, end: datetime) -> Counter[Figure]:
    counted: Counter[Figure] = Counter()
    for row in figures.leavers_between(tx, start, end):
        counted[Figure(FigureKind.LEAVER, day_of(row["opened_at"]), row["source"], row["trigger"] or "")] += 1
    for row in figures.attempts_between(tx, start, end):
        day = day_of(row["ended_at"])
        counted[Figure(FigureKind.ATTEMPT, day, row["target"], row["action"], row["outcome"] or "")] += 1
        if row["outcome"] == TaskState.DONE and Action(row["action"]).is_revoking:
            bucket = bucket_of(row["ended_at"] - row["due_at"])
            counted[Figure(FigureKind.REVOKED, day, row["target"], row["action"], _in_time(row), bucket)] += 1
    return counted


def _in_time(row: Row) -> str:
    if row["deadline_at"] is None:
        return WITHOUT_DEADLINE
    return IN_TIME if row["ended_at"] <= row["deadline_at"] else LATE
