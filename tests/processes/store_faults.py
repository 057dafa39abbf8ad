"""A database that refuses writes: real errors of SQLite's, switched on and off while processes run."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from sqlalchemy import Connection, Engine, event

_NO_LIMIT = 1 << 30


class StoreFault(StrEnum):
    """What is wrong with the database."""

    NONE = ""
    READ_ONLY = "read-only"
    FULL = "full"


def obey(file: Path) -> None:
    """Have every write transaction of this process look into a file for what is wrong.

    ``query_only`` and ``max_page_count`` make SQLite fail as it does on a medium that is
    mounted read-only ("attempt to write a readonly database") or full ("database or disk is full").
    """

    @event.listens_for(Engine, "begin")
    def look(connection: Connection) -> None:
        if connection.dialect.name != "sqlite" or not file.exists():
            return
        fault = StoreFault(file.read_text(encoding="utf-8"))
        if fault is StoreFault.READ_ONLY:
            connection.exec_driver_sql("PRAGMA query_only=ON")
        elif connection.engine.pool.size() == 1:  # type: ignore[attr-defined]  # the one that writes
            connection.exec_driver_sql("PRAGMA query_only=OFF")
        connection.exec_driver_sql(f"PRAGMA max_page_count={1 if fault is StoreFault.FULL else _NO_LIMIT}")
