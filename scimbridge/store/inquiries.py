"""Rows of inquiries."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from scimbridge.domain.ids import new_id
from scimbridge.domain.inquiry import Cause, Inquiry
from scimbridge.errors import NotFoundError
from scimbridge.store.schema import inquiries, memberships


def open_inquiry(
    tx: Connection,
    *,
    source: str,
    cause: Cause,
    group_id: str,
    display_name: str,
    targets: tuple[str, ...],
    people: int,
    now: datetime,
) -> Inquiry:
    """Store an open inquiry and return it."""
    row = {
        "id": new_id(now),
        "source": source,
        "cause": cause,
        "group_id": group_id,
        "display_name": display_name,
        "targets": list(targets),
        "people": people,
        "opened_at": now,
    }
    tx.execute(insert(inquiries).values(**row))
    return by_id(tx, row["id"])  # type: ignore[arg-type]  # the id is a string


def close(tx: Connection, inquiry_id: str, *, verdict: str, by: str, now: datetime) -> None:
    """End an inquiry.

    Raises:
        NotFoundError: No inquiry of this id is open.
    """
    closed = tx.execute(
        update(inquiries)
        .where(inquiries.c.id == inquiry_id, inquiries.c.closed_at.is_(None))
        .values(closed_at=now, closed_by=by, verdict=verdict)
    )
    if closed.rowcount != 1:
        raise NotFoundError("open inquiry", inquiry_id)


def by_id(tx: Connection, inquiry_id: str) -> Inquiry:
    """Return an inquiry, open or not.

    Raises:
        NotFoundError: There is none of this id.
    """
    row = tx.execute(select(inquiries).where(inquiries.c.id == inquiry_id)).mappings().first()
    if row is None:
        raise NotFoundError("inquiry", inquiry_id)
    return _inquiry(row)


def standing(tx: Connection, limit: int = 100) -> list[Inquiry]:
    """Return the inquiries that nobody has answered, oldest first."""
    query = select(inquiries).where(inquiries.c.closed_at.is_(None)).order_by(inquiries.c.opened_at).limit(limit)
    return [_inquiry(row) for row in tx.execute(query).mappings()]


def answered(tx: Connection, limit: int) -> list[Inquiry]:
    """Return the inquiries that somebody has answered, the newest answer first."""
    query = select(inquiries).where(inquiries.c.closed_at.is_not(None))
    return [_inquiry(row) for row in tx.execute(query.order_by(inquiries.c.closed_at.desc()).limit(limit)).mappings()]


def member_count(tx: Connection, group_id: str) -> int:
    """Return how many members a group has; costs by their number."""
    query = select(func.count()).select_from(memberships).where(memberships.c.group_id == group_id)
    return int(tx.execute(query).scalar_one())


def _inquiry(row: RowMapping) -> Inquiry:
    return Inquiry(
        id=row["id"],
        source=row["source"],
        cause=Cause(row["cause"]),
        group_id=row["group_id"],
        display_name=row["display_name"],
        targets=tuple(row["targets"]),
        people=row["people"],
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        closed_by=row["closed_by"],
        verdict=row["verdict"],
    )
