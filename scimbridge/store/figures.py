"""Rows of figures: adding to them, and what charts read of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from scimbridge.domain.case import CaseKind
from scimbridge.domain.figures import FigureKind
from scimbridge.domain.ids import before_ids
from scimbridge.store.schema import attempts, cases, counted_until, figures, tasks
from scimbridge.store.values import Row

_DIALECTS: Mapping[str, Any] = {"sqlite": sqlite, "postgresql": postgresql}
_ONE = 1
"""The only row that says how far counting has come."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What is counted, of one day.

    Attributes:
        day: In UTC, as ``2026-03-02``.
        subject: The source or target.
        word: The trigger or action.
        outcome: How it came out.
        bucket: How long it took (``scimbridge.domain.figures``).
    """

    kind: FigureKind
    day: str
    subject: str
    word: str = ""
    outcome: str = ""
    bucket: int = 0


def day_of(at: datetime) -> str:
    """Return the day of a time, as figures have it."""
    return at.astimezone(UTC).strftime("%Y-%m-%d")


def add(tx: Connection, counted: Mapping[Figure, int]) -> None:
    """Add to the figures."""
    if not counted:
        return
    statement = _DIALECTS[tx.dialect.name].insert(figures)
    statement = statement.on_conflict_do_update(
        index_elements=list(figures.primary_key), set_={"count": figures.c.count + statement.excluded.count}
    )
    # In one order, because others add at the same time.
    rows = [
        {
            "kind": each.kind,
            "day": each.day,
            "subject": each.subject,
            "word": each.word,
            "outcome": each.outcome,
            "bucket": each.bucket,
            "count": number,
        }
        for each, number in sorted(counted.items(), key=lambda item: _key(item[0]))
    ]
    tx.execute(statement, rows)


def counted_up_to(tx: Connection, *, lock: bool = False) -> datetime | None:
    """Return up to when everything is counted; ``None`` where nothing is. Locked, nobody else counts meanwhile."""
    query = select(counted_until.c.at).where(counted_until.c.id == _ONE)
    row = tx.execute(query.with_for_update() if lock else query).first()
    if row is None and lock:
        tx.execute(_DIALECTS[tx.dialect.name].insert(counted_until).on_conflict_do_nothing(), {"id": _ONE, "at": None})
        return counted_up_to(tx, lock=True)
    found: datetime | None = row[0] if row is not None else None
    return found


def note_counted(tx: Connection, until: datetime) -> None:
    """Note up to when everything is counted."""
    tx.execute(update(counted_until).where(counted_until.c.id == _ONE).values(at=until))


def next_event(tx: Connection, since: datetime | None) -> datetime | None:
    """Return when the first case was opened, or the first attempt began, since a time; ``None`` where none was."""
    found = []
    for table, at in ((cases, cases.c.opened_at), (attempts, attempts.c.started_at)):
        query = select(at).order_by(table.c.id).limit(1)
        query = query.where(table.c.id >= before_ids(since)) if since is not None else query
        found += [each for each in tx.execute(query).scalars() if each is not None]
    return min(found, default=None)


def oldest_live(tx: Connection) -> datetime | None:
    """Return when the oldest attempt began that is under way still."""
    query = select(func.min(attempts.c.started_at)).where(attempts.c.ended_at.is_(None))
    found: datetime | None = tx.execute(query).scalar_one()
    return found


def leavers_between(tx: Connection, start: datetime, end: datetime) -> Iterator[Row]:
    """Yield the cases of leavers that were opened in a time: ``source``, ``trigger``, ``opened_at``."""
    query = select(cases.c.source, cases.c.trigger, cases.c.opened_at).where(
        cases.c.id >= before_ids(start), cases.c.id < before_ids(end), cases.c.kind == CaseKind.LEAVE
    )
    yield from tx.execute(query).mappings()


def attempts_between(tx: Connection, start: datetime, end: datetime) -> Iterator[Row]:
    """Yield the attempts at tasks that began in a time and have ended."""
    query = (
        select(
            attempts.c.target,
            attempts.c.outcome,
            attempts.c.ended_at,
            tasks.c.action,
            tasks.c.due_at,
            tasks.c.deadline_at,
        )
        .join(tasks, tasks.c.id == attempts.c.task_id)
        .where(attempts.c.id >= before_ids(start), attempts.c.id < before_ids(end), attempts.c.ended_at.is_not(None))
    )
    yield from tx.execute(query).mappings()


def by_day(tx: Connection, kind: FigureKind, since: str, column: str) -> list[tuple[str, str, int]]:
    """Return numbers by day and one other column, since a day."""
    by = figures.c[column]
    query = (
        select(figures.c.day, by, func.sum(figures.c.count))
        .where(figures.c.kind == kind, figures.c.day >= since)
        .group_by(figures.c.day, by)
        .order_by(figures.c.day, by)
    )
    return [(row[0], row[1], int(row[2])) for row in tx.execute(query)]


def times(tx: Connection, since: str) -> list[tuple[str, str, str, int, int]]:
    """Return how long revocations took since a day: target, action, whether in time, bucket, and how many."""
    by = (figures.c.subject, figures.c.word, figures.c.outcome, figures.c.bucket)
    query = (
        select(*by, func.sum(figures.c.count))
        .where(figures.c.kind == FigureKind.REVOKED, figures.c.day >= since)
        .group_by(*by)
    )
    return [(row[0], row[1], row[2], row[3], int(row[4])) for row in tx.execute(query)]


def forget(tx: Connection, before: str) -> None:
    """Delete the figures of days before a day."""
    tx.execute(delete(figures).where(figures.c.kind.in_(list(FigureKind)), figures.c.day < before))


def _key(figure: Figure) -> tuple[str, ...]:
    return (figure.kind, figure.day, figure.subject, figure.word, figure.outcome, f"{figure.bucket:03}")
