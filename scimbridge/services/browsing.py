"""Lists that operators look through, page by page; a page costs by what is shown."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import RowMapping

from scimbridge.store import browsing
from scimbridge.store.browsing import PeopleQuery, TaskQuery
from scimbridge.store.database import Database

__all__ = ["Browsing", "PeopleQuery", "TaskQuery"]


class Browsing:
    """Reads; changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tasks(self, query: TaskQuery, *, before: str | None = None, limit: int = 100) -> Sequence[RowMapping]:
        """Return tasks with ``user_name`` and ``source``, the newest first.

        Args:
            query: Which.
            before: The id of the last one of the page before.
            limit: At most so many.
        """
        with self._database.read() as tx:
            return browsing.found_tasks(tx, query, before=before, limit=limit)

    def people(self, query: PeopleQuery, *, after: str | None = None, limit: int = 100) -> Sequence[RowMapping]:
        """Return people, those first who came first; ``after`` is the id of the last one of the page before."""
        with self._database.read() as tx:
            return browsing.people(tx, query, after=after, limit=limit)
