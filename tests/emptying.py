"""Databases that are made empty again between tests, in some milliseconds.

Each is one for all tests of a process: what its statements compile to is remembered, and that costs more
than to run them.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path

from sqlalchemy import Connection, text

from scimbridge.store.database import Database
from scimbridge.store.schema import metadata
from tests.databases import compiled_once

_NAMES = [table.name for table in metadata.sorted_tables]
_ALL = f"TRUNCATE {', '.join(_NAMES)} RESTART IDENTITY CASCADE"
_FILLED = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in _NAMES)
_FROM_THE_START = """
    SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
    FROM pg_sequences WHERE last_value IS NOT NULL
"""
_THOROUGHLY_EVERY = 100


class OnSqlite:
    """A file with the schema, written anew."""

    def __init__(self, path: Path, template: bytes) -> None:
        self._path = path
        self._template = template
        self.database = compiled_once(Database(f"sqlite:///{path}"))

    def empty(self) -> None:
        """Begin with a new file; whoever has the old one open keeps that."""
        for ending in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
        self._path.write_bytes(self._template)


class OnPostgresql:
    """A database with the schema.

    TRUNCATE makes new files for each table and index, forty times as slow as a DELETE from the few that
    have rows; but deleted rows stay in the files, so that now and then it is done thoroughly.
    """

    def __init__(self, url: str) -> None:
        self.database = compiled_once(Database(url))
        self._turns = count(1)

    def empty(self) -> None:
        """Delete all rows."""
        with self.database.write() as tx:
            if next(self._turns) % _THOROUGHLY_EVERY == 0:
                tx.execute(text(_ALL))
            else:
                _delete(tx)


def _delete(tx: Connection) -> None:
    # Nothing refers to anything that stays: foreign keys need not be followed.
    tx.execute(text("SET LOCAL session_replication_role = replica"))
    for name in list(tx.execute(text(_FILLED)).scalars()):
        tx.execute(text(f"DELETE FROM {name}"))
    tx.execute(text(_FROM_THE_START))
