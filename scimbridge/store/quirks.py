"""Rows of quirks: what each source writes in a way of its own, and how often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, select
from sqlalchemy.dialects import postgresql, sqlite

from scimbridge.store.schema import quirks


def add_sightings(tx: Connection, source: str, seen: Mapping[str, int], now: datetime) -> None:
    """Count requests that had quirks, by name."""
    insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    for name, count in sorted(seen.items()):  # in one order, so that two processes never wait for each other
        row = insert(quirks).values(source=source, name=name, seen=count, first_seen_at=now, last_seen_at=now)
        again = {"seen": quirks.c.seen + count, "last_seen_at": now}
        tx.execute(row.on_conflict_do_update(index_elements=["source", "name"], set_=again))


def quirks_of(tx: Connection, source: str) -> Sequence[RowMapping]:
    """Return the quirks of a source, the most frequent ones first."""
    query = select(quirks).where(quirks.c.source == source).order_by(quirks.c.seen.desc(), quirks.c.name)
    return tx.execute(query).mappings().all()
