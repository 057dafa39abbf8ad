"""Rows of notices: alarms that wait to be sent, and who was told of a leaver."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, not_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from scimbridge.domain.ids import ID_LENGTH, before_ids, new_id
from scimbridge.domain.task import FINISHED
from scimbridge.store.schema import notices, tasks
from scimbridge.store.values import Row

# As the partial index says it.
_UNSENT = and_(notices.c.sent_at.is_(None), notices.c.failed_at.is_(None))


def put(tx: Connection, kind: str, subject: str, details: Mapping[str, Any], now: datetime) -> bool:
    """Have something told. Returns whether nobody had asked for the same before."""
    row = {"id": new_id(now), "kind": kind, "subject": subject, "details": dict(details)}
    return _insert(tx, {**row, "created_at": now, "due_at": now})


def claim(tx: Connection, now: datetime, lease_until: datetime) -> Row | None:
    """Return the notice that is due for the longest, and keep others off it for a time; ``None`` where there is none.

    Its ``attempts`` counts this claim, and says which one may end it.
    """
    free = or_(notices.c.lease_until.is_(None), notices.c.lease_until <= now)
    query = (
        select(notices)
        .where(_UNSENT, notices.c.due_at <= now, free)
        .order_by(notices.c.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = tx.execute(query).mappings().first()
    if row is None:
        return None
    attempts = row["attempts"] + 1
    tx.execute(update(notices).where(_is_claim(row)).values(attempts=attempts, lease_until=lease_until))
    return {**row, "attempts": attempts, "lease_until": lease_until}


def finish(tx: Connection, claimed: Row, now: datetime) -> bool:
    """Note that a notice was sent. Returns whether the claim was still ours."""
    return _end(tx, claimed, sent_at=now, reason="")


def fail(tx: Connection, claimed: Row, now: datetime, reason: str) -> bool:
    """Give a notice up. Returns whether the claim was still ours."""
    return _end(tx, claimed, failed_at=now, reason=reason)


def back_off(tx: Connection, claimed: Row, until: datetime, reason: str) -> bool:
    """Try a notice again later. Returns whether the claim was still ours."""
    return _end(tx, claimed, due_at=until, reason=reason)


def note_sent(tx: Connection, kind: str, subject: str, details: Mapping[str, Any], now: datetime) -> None:
    """Note that somebody was told who is not told again."""
    row = {"id": new_id(now), "kind": kind, "subject": subject, "details": dict(details)}
    _insert(tx, {**row, "created_at": now, "due_at": now, "sent_at": now, "attempts": 1})


def sent_among(tx: Connection, kind: str, subjects: Collection[str]) -> frozenset[str]:
    """Return those of the subjects that people were told of."""
    query = select(notices.c.subject).where(
        notices.c.kind == kind, notices.c.subject.in_(subjects), notices.c.sent_at.is_not(None)
    )
    return frozenset(tx.execute(query).scalars())


def forget(tx: Connection, before: datetime, about_task: str, limit: int) -> int:
    """Delete notices from before a moment that were sent or given up, up to a number. Returns how many.

    Args:
        tx: The transaction.
        before: Later ones stay.
        about_task: The kind of which a subject begins with the id of a task; it stays until that has finished.
        limit: At most so many.
    """
    task = tasks.c.id == func.substr(notices.c.subject, 1, ID_LENGTH)
    is_open = exists(select(tasks.c.id).where(task, tasks.c.state.not_in(FINISHED)))
    # Ids are in the order of time, and so only what is old is read.
    some = (
        select(notices.c.id)
        .where(notices.c.id < before_ids(before), not_(_UNSENT), or_(notices.c.kind != about_task, not_(is_open)))
        .limit(limit)
    )
    return int(tx.execute(delete(notices).where(notices.c.id.in_(some))).rowcount)


def _insert(tx: Connection, row: Mapping[str, Any]) -> bool:
    dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
    return tx.execute(dialect.insert(notices).values(row).on_conflict_do_nothing()).rowcount > 0


def _is_claim(row: Row) -> ColumnElement[bool]:
    return and_(notices.c.id == row["id"], notices.c.attempts == row["attempts"], _UNSENT)


def _end(tx: Connection, claimed: Row, **values: Any) -> bool:
    ended = tx.execute(update(notices).where(_is_claim(claimed)).values(lease_until=None, **values))
    return ended.rowcount == 1
