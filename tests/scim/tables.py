"""Everything that is stored, to be compared before and after."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from scimbridge.store.database import Database
from scimbridge.store.schema import metadata

_NOT_COMPARED = {"requests", "history", "tokens", "quirks"}
"""What a refused request may leave behind: that it was made, by whom, and what was odd about it."""


def stored(database: Database) -> dict[str, list[Any]]:
    """Return the rows of all tables, but for the record of requests; of all sources."""
    with database.read() as tx:
        return {
            table.name: sorted(map(repr, tx.execute(select(table))))
            for table in metadata.sorted_tables
            if table.name not in _NOT_COMPARED
        }
