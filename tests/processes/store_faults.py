"""A database that refuses writes: real errors of SQLite's, switched on and off while processes run."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any
from unittest import mock

from sqlalchemy import Connection

from scimbridge.store import database
from scimbridge.store.prepared import execute

_NO_LIMIT = 1 << 30


class StoreFault(StrEnum):
    """What is wrong with the database."""

    NONE = ""
    READ_ONLY = "read-only"
    FULL = "full"


def obey(file: Path) -> None:
    """Have every transaction of this process on SQLite look into a file for what is wrong.

    ``query_only`` and ``max_page_count`` make SQLite fail as it does on a medium that is
    mounted read-only ("attempt to write a readonly database") or full ("database or disk is full").
    """

    def begin(tx: Connection, text: str, parameters: Any = ()) -> Any:
        if text.startswith("BEGIN") and file.exists():
            _fail(tx, StoreFault(file.read_text(encoding="utf-8")), writes=text == "BEGIN IMMEDIATE")
        return execute(tx, text, parameters)

    mock.patch.object(database, "execute", begin).start()


def _fail(tx: Connection, fault: StoreFault, *, writes: bool) -> None:
    if fault is StoreFault.READ_ONLY:
        execute(tx, "PRAGMA query_only=ON")
    elif writes:
        execute(tx, "PRAGMA query_only=OFF")
    execute(tx, f"PRAGMA max_page_count={1 if fault is StoreFault.FULL else _NO_LIMIT}")
