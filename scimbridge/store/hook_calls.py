"""Rows of questions to hooks: a case waits under a hold until its question is answered."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, or_, select, text, update

from scimbridge.domain.case import Case
from scimbridge.domain.hold import Scope
from scimbridge.domain.ids import new_id
from scimbridge.store import holds
from scimbridge.store.schema import holds as hold_rows
from scimbridge.store.schema import hook_calls
from scimbridge.store.values import Row

_IS_OPEN = text("hook_calls.answered_at IS NULL")
"""As the partial index says it: SQLite asks for the same words."""

_DUE = (
    select(hook_calls.c.id)
    .where(
        hook_calls.c.due_at <= bindparam("now"),
        _IS_OPEN,
        or_(hook_calls.c.lease_until.is_(None), hook_calls.c.lease_until <= bindparam("now")),
    )
    .order_by(hook_calls.c.due_at)
    .limit(bindparam("most"))
)


def ask(tx: Connection, case: Case, hook: str, now: datetime, *, is_addition: bool) -> None:
    """Hold a case, and have a hook asked about it. Once for each hook, while it has not answered.

    Args:
        tx: The transaction that plans.
        case: What it is asked about.
        hook: Its name.
        now: When (UTC).
        is_addition: Whether the case has been open already, for other reasons.
    """
    waiting = select(hook_calls.c.id).where(hook_calls.c.case_id == case.id, hook_calls.c.hook == hook, _IS_OPEN)
    if tx.execute(waiting).first() is not None:
        return
    hold = holds.place(tx, Scope.CASE, case.id, reason=f"waits for what hook {hook!r} says", by=f"hook {hook}", now=now)
    row = {"id": new_id(now), "case_id": case.id, "hold_id": hold.id, "hook": hook, "asked_at": now, "due_at": now}
    tx.execute(insert(hook_calls).values(**row, is_addition=is_addition))


def has_due(tx: Connection, now: datetime) -> bool:
    """Whether some question is to be asked now."""
    return tx.execute(_DUE, {"now": now, "most": 1}).first() is not None


def lease(tx: Connection, now: datetime, until: datetime, limit: int) -> list[Row]:
    """Return questions that are to be asked now; nobody else gets them before ``until``."""
    found = tx.execute(_DUE, {"now": now, "most": limit}).scalars().all()
    return [row for call_id in found if (row := _lease_one(tx, call_id, now, until)) is not None]


def _lease_one(tx: Connection, call_id: str, now: datetime, until: datetime) -> Row | None:
    is_free = or_(hook_calls.c.lease_until.is_(None), hook_calls.c.lease_until <= now)
    statement = update(hook_calls).where(hook_calls.c.id == call_id, hook_calls.c.answered_at.is_(None), is_free)
    values = {"lease_until": until, "attempts": hook_calls.c.attempts + 1}
    return tx.execute(statement.values(values).returning(*hook_calls.c)).mappings().first()


def is_held(tx: Connection, call: Row) -> bool:
    """Whether the hold of a question stands: a person may have decided without the hook."""
    standing = select(hold_rows.c.id).where(hold_rows.c.id == call["hold_id"], hold_rows.c.lifted_at.is_(None))
    return tx.execute(standing).first() is not None


def answer(tx: Connection, call: Row, said: str, now: datetime) -> bool:
    """Store an answer; true once."""
    statement = update(hook_calls).where(hook_calls.c.id == call["id"], hook_calls.c.answered_at.is_(None))
    return tx.execute(statement.values(answered_at=now, answer=said, lease_until=None)).rowcount == 1


def postpone(tx: Connection, call: Row, why: str, due_at: datetime) -> bool:
    """Ask again later, and say so where people see the hold. False where it was answered meanwhile."""
    statement = update(hook_calls).where(
        hook_calls.c.id == call["id"],
        hook_calls.c.answered_at.is_(None),
        hook_calls.c.lease_until == call["lease_until"],
    )
    postponed = tx.execute(statement.values(due_at=due_at, lease_until=None, answer=why)).rowcount == 1
    if postponed:
        say(tx, call, f"hook {call['hook']!r} is broken: {why}; it is asked again")
    return postponed


def say(tx: Connection, call: Row, reason: str) -> None:
    """Change the reason that people see at the hold of a question."""
    tx.execute(
        update(hold_rows)
        .where(hold_rows.c.id == call["hold_id"], hold_rows.c.lifted_at.is_(None))
        .values(reason=reason)
    )
