"""When the time of identities ends."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, select, text, update

from scimbridge.store.schema import identities

_SET = update(identities).where(identities.c.id == bindparam("identity")).values(end_due_at=bindparam("due"))
_DUE = (
    select(identities.c.id)
    .where(
        identities.c.end_due_at <= bindparam("now"),
        # Once more as the partial index says it: SQLite asks for the same words.
        text("end_due_at IS NOT NULL AND deleted_at IS NULL"),
    )
    .order_by(identities.c.end_due_at)
    .limit(bindparam("most"))
)
_TAKE = (
    update(identities)
    .where(
        identities.c.id == bindparam("identity"),
        identities.c.end_due_at <= bindparam("now"),
        identities.c.deleted_at.is_(None),
    )
    .values(end_due_at=None)
)


def set_end(tx: Connection, identity_id: str, due_at: datetime | None) -> None:
    """Note when the time of an identity ends, or that nobody knows."""
    tx.execute(_SET, {"identity": identity_id, "due": due_at})


def due(tx: Connection, now: datetime, limit: int) -> list[str]:
    """Return the ids of identities whose time has ended, those first that ended first."""
    return list(tx.execute(_DUE, {"now": now, "most": limit}).scalars())


def take(tx: Connection, identity_id: str, now: datetime) -> bool:
    """Take the end of an identity's time for a fact; true once for each date. The caller holds the identity's lock."""
    return tx.execute(_TAKE, {"identity": identity_id, "now": now}).rowcount == 1
