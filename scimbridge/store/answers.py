"""Rows of what the API has answered."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from scimbridge.store.schema import api_answers


def begin(tx: Connection, operator: str, key: str, digest: str, now: datetime) -> bool:
    """Note that a request is being worked on. Returns whether nothing was noted under its key yet."""
    try:
        with tx.begin_nested():
            tx.execute(insert(api_answers).values(operator=operator, key=key, digest=digest, asked_at=now))
    except IntegrityError:
        return False
    return True


def noted(tx: Connection, operator: str, key: str) -> RowMapping | None:
    """Return what is noted under a key."""
    query = select(api_answers).where(api_answers.c.operator == operator, api_answers.c.key == key)
    return tx.execute(query).mappings().first()


def take_over(tx: Connection, operator: str, key: str, digest: str, now: datetime, *, asked_at: datetime) -> bool:
    """Begin anew under a key whose request is given up since a time. Returns whether nobody was faster."""
    own = update(api_answers).where(
        api_answers.c.operator == operator, api_answers.c.key == key, api_answers.c.asked_at == asked_at
    )
    return tx.execute(own.values(digest=digest, asked_at=now, answer=None)).rowcount == 1


def end(tx: Connection, operator: str, key: str, answer: str, *, asked_at: datetime) -> None:
    """Keep the answer of a request."""
    own = update(api_answers).where(
        api_answers.c.operator == operator, api_answers.c.key == key, api_answers.c.asked_at == asked_at
    )
    tx.execute(own.values(answer=answer))


def drop(tx: Connection, operator: str, key: str, *, asked_at: datetime) -> None:
    """Forget a request that came to nothing."""
    own = delete(api_answers).where(
        api_answers.c.operator == operator, api_answers.c.key == key, api_answers.c.asked_at == asked_at
    )
    tx.execute(own)


def forget(tx: Connection, before: datetime, limit: int) -> int:
    """Drop some of the answers from before a time. Returns how many."""
    old = select(api_answers.c.operator, api_answers.c.key).where(api_answers.c.asked_at < before).limit(limit)
    found = tx.execute(old).all()
    for row in found:
        own = delete(api_answers).where(api_answers.c.operator == row.operator, api_answers.c.key == row.key)
        tx.execute(own.where(api_answers.c.asked_at < before))
    return len(found)
