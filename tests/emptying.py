"""Databases that are made empty again between tests, in some milliseconds.

Each is one for all tests of a process: what its statements compile to is remembered, and that costs more
than to run them.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path

from sqlalchemy import text

from scimbridge.store.database import Database
from scimbridge.store.schema import metadata
from tests.databases import backwards, compiled_once

_NAMES = [table.name for table in metadata.sorted_tables]
_ALL = f"TRUNCATE {', '.join(_NAMES)} RESTART IDENTITY CASCADE"
_THOROUGHLY_EVERY = 100
_FILLED = "\n".join(f"IF EXISTS (SELECT 1 FROM {name}) THEN DELETE FROM {name}; END IF;" for name in _NAMES)
# Nothing refers to anything that stays: foreign keys need not be followed.
_FUNCTION = f"""
    CREATE OR REPLACE FUNCTION empty_for_the_next_test() RETURNS void
    LANGUAGE plpgsql SET session_replication_role = replica AS $$
    BEGIN
        {_FILLED}
        PERFORM setval(format('%%I.%%I', schemaname, sequencename)::regclass, start_value, false)
        FROM pg_sequences WHERE last_value IS NOT NULL;
    END $$
"""
"""Kept by the server, which then plans its forty statements once and not for each test."""


class OnSqlite:
    """A file with the schema, written anew."""

    def __init__(self, path: Path, template: bytes) -> None:
        self._path = path
        self._template = template
        self.database = backwards(compiled_once(Database(f"sqlite:///{path}")))

    def empty(self) -> None:
        """Begin with a new file; whoever has the old one open keeps that."""
        for ending in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
        self._path.write_bytes(self._template)

    def leave(self) -> None:
        """Close its connections: they would hold on to the file."""
        self.database.close()


class OnPostgresql:
    """A database with the schema.

    TRUNCATE makes new files for each table and index, forty times as slow as a DELETE from the few that
    have rows; but deleted rows stay in the files, so that now and then it is done thoroughly.

    Its connections stay open from test to test: a new one costs the server more than a short test does.
    """

    def __init__(self, url: str) -> None:
        self.database = compiled_once(Database(url))
        self._turns = count(1)
        with self.database.write() as tx:
            tx.exec_driver_sql(_FUNCTION)

    def empty(self) -> None:
        """Delete all rows."""
        thoroughly = next(self._turns) % _THOROUGHLY_EVERY == 0
        with self.database.write() as tx:
            tx.execute(text(_ALL if thoroughly else "SELECT empty_for_the_next_test()"))

    def leave(self) -> None:
        """Keep everything as it is: the next one empties it."""
