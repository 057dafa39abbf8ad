"""Rows of dated requests: who is to leave later, because an operator said so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, text, update

from scimbridge.domain.ids import new_id
from scimbridge.errors import NotFoundError
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import dated_requests, identities
from scimbridge.store.values import Row

_OPEN = dated_requests.c.ended_at.is_(None)
_DUE = (
    select(dated_requests)
    # Once more as the partial index says it: SQLite asks for the same words.
    .where(dated_requests.c.due_at <= bindparam("now"), text("dated_requests.ended_at IS NULL"))
    .order_by(dated_requests.c.due_at)
    .limit(bindparam("most"))
)
_OF_IDENTITY = Prepared(select(dated_requests).where(dated_requests.c.identity_id == bindparam("identity"), _OPEN))


def insert_dated(tx: Connection, identity_id: str, *, due_at: datetime, reason: str, by: str, now: datetime) -> str:
    """Store that somebody is to leave later, and return its id. An identity has one such date at a time."""
    dated_id = new_id(now)
    row = {"id": dated_id, "identity_id": identity_id, "due_at": due_at, "reason": reason}
    tx.execute(insert(dated_requests).values(**row, requested_by=by, requested_at=now))
    return dated_id


def dated_of(tx: Connection, identity_id: str) -> Row | None:
    """Return the request that waits for its date, if an identity has one."""
    return _OF_IDENTITY.first(tx, {"identity": identity_id})


def due(tx: Connection, now: datetime, limit: int) -> Sequence[Row]:
    """Return requests whose date has come, those first that were due first."""
    return tx.execute(_DUE, {"now": now, "most": limit}).mappings().all()


def end(tx: Connection, dated_id: str, verdict: str, now: datetime) -> bool:
    """End a request that waits; true once. The caller holds the identity's lock."""
    statement = update(dated_requests).where(dated_requests.c.id == dated_id, _OPEN)
    return tx.execute(statement.values(ended_at=now, verdict=verdict)).rowcount == 1


def standing(tx: Connection) -> Sequence[Row]:
    """Return the requests that wait for their date, with whom they are about, the next first."""
    query = (
        select(dated_requests, identities.c.user_name, identities.c.source)
        .join(identities, identities.c.id == dated_requests.c.identity_id)
        .where(_OPEN)
        .order_by(dated_requests.c.due_at)
    )
    return tx.execute(query).mappings().all()


def dated_by_id(tx: Connection, dated_id: str) -> Row:
    """Return a request that waits for its date.

    Raises:
        NotFoundError: There is none of this id.
    """
    row = tx.execute(select(dated_requests).where(dated_requests.c.id == dated_id, _OPEN)).mappings().first()
    if row is None:
        raise NotFoundError("request that waits for its date", dated_id)
    return row
