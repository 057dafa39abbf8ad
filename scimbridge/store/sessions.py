"""Rows of sessions: who is signed in to the pages, and since when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, bindparam, delete, insert, select, update

from scimbridge.domain.ids import new_id
from scimbridge.store.schema import operator_sessions, operators

_LIVE = (
    select(operator_sessions, operators.c.role)
    .join(operators, operators.c.name == operator_sessions.c.operator)
    .where(
        operators.c.revoked_at.is_(None),
        operator_sessions.c.ends_at > bindparam("now"),
        operator_sessions.c.seen_at > bindparam("seen_since"),
    )
)
_BY_DIGEST = _LIVE.where(operator_sessions.c.digest == bindparam("wanted"))
_OF_OPERATOR = _LIVE.where(operator_sessions.c.operator == bindparam("name")).order_by(
    operator_sessions.c.created_at.desc(), operator_sessions.c.id.desc()
)
_ALL = _LIVE.order_by(operator_sessions.c.operator, operator_sessions.c.created_at.desc())


def insert_session(
    tx: Connection,
    operator: str,
    digest: str,
    *,
    way: str,
    now: datetime,
    ends_at: datetime,
    address: str,
    browser: str,
) -> str:
    """Store a session and return its id."""
    row = {"id": new_id(now), "operator": operator, "digest": digest, "way": way, "created_at": now, "seen_at": now}
    tx.execute(insert(operator_sessions).values(**row, ends_at=ends_at, address=address, browser=browser))
    return str(row["id"])


def by_digest(tx: Connection, digest: str, now: datetime, seen_since: datetime) -> RowMapping | None:
    """Return a session that has not ended, with the role that its operator has now."""
    return tx.execute(_BY_DIGEST, {"wanted": digest, "now": now, "seen_since": seen_since}).mappings().first()


def of_operator(tx: Connection, name: str, now: datetime, seen_since: datetime) -> Sequence[RowMapping]:
    """Return an operator's sessions that have not ended, the newest first."""
    return tx.execute(_OF_OPERATOR, {"name": name, "now": now, "seen_since": seen_since}).mappings().all()


def all_live(tx: Connection, now: datetime, seen_since: datetime) -> Sequence[RowMapping]:
    """Return all sessions that have not ended, by operator, each one's newest first."""
    return tx.execute(_ALL, {"now": now, "seen_since": seen_since}).mappings().all()


def note_seen(tx: Connection, session_id: str, now: datetime) -> None:
    """Keep that a session was used."""
    tx.execute(update(operator_sessions).where(operator_sessions.c.id == session_id).values(seen_at=now))


def end(tx: Connection, operator: str, session_id: str) -> bool:
    """End one session of an operator. Returns whether there was one."""
    mine = delete(operator_sessions).where(
        operator_sessions.c.operator == operator, operator_sessions.c.id == session_id
    )
    return tx.execute(mine).rowcount > 0


def end_all(tx: Connection, operator: str, *, but: str | None = None) -> int:
    """End all sessions of an operator but one, if one is named. Returns how many."""
    theirs = delete(operator_sessions).where(operator_sessions.c.operator == operator)
    if but is not None:
        theirs = theirs.where(operator_sessions.c.id != but)
    return tx.execute(theirs).rowcount


def forget(tx: Connection, now: datetime) -> int:
    """Drop sessions that have ended by their age. Returns how many."""
    return tx.execute(delete(operator_sessions).where(operator_sessions.c.ends_at <= now)).rowcount
