"""The records: what happened, and what sources sent."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import RowMapping

from scimbridge.store import records
from scimbridge.store.database import Database
from scimbridge.store.records import HistoryQuery, RequestQuery

__all__ = ["HistoryQuery", "Records", "RequestQuery"]


class Records:
    """Reads; changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def history(
        self, query: HistoryQuery, *, limit: int, before: int | None = None
    ) -> tuple[Sequence[RowMapping], int]:
        """Return entries, the newest first, and before which one to go on; 0 where there is nothing older."""
        with self._database.read() as tx:
            return records.entries(tx, query, limit=limit, before=before)

    def requests(
        self, query: RequestQuery, *, limit: int, before: int | None = None
    ) -> tuple[Sequence[RowMapping], int]:
        """Return requests as received, as understood and as applied; as ``history`` does."""
        with self._database.read() as tx:
            return records.received(tx, query, limit=limit, before=before)
