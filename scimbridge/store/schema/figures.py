"""Tables of what charts are drawn from: numbers by day, so that a chart costs by its days and not by what happened."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table

from scimbridge.store.schema.columns import UtcDateTime, Word, metadata

figures = Table(
    "figures",
    metadata,
    # What is counted; `scimbridge.domain.figures` says what the other columns mean for each.
    Column("kind", Word(16), primary_key=True),
    Column("day", String(10), primary_key=True),  # in UTC, as 2026-03-02
    Column("subject", String(64), primary_key=True),
    Column("word", String(32), primary_key=True),
    Column("outcome", String(16), primary_key=True),
    Column("bucket", Integer, primary_key=True),
    Column("count", Integer, nullable=False),
)

counted_until = Table(
    "counted_until",
    metadata,
    # One row: up to when everything is in the figures. Locked while more is added, so that nothing counts twice.
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime),
)
