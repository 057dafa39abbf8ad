"""Exporting: who took a list out of the bridge is in the history."""

from __future__ import annotations

from datetime import datetime

from scimbridge.store import journal
from scimbridge.store.database import Database


class Exporting:
    """Notes exports."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, what: str, *, by: str, now: datetime) -> None:
        """Note that somebody took a list."""
        with self._database.write() as tx:
            journal.record(tx, "list exported", now, reason=f"as CSV: {what}", actor=by, details={"list": what})
