"""Databases of tests: what is slow about opening one is done once for all of them."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

from sqlalchemy import event

from scimbridge.store.database import Database
from scimbridge.store.prepared import execute
from scimbridge.store.upgrade import upgrade

AnyDatabase = TypeVar("AnyDatabase", bound=Database)

_SHARED_MEMORY = Path("/dev/shm")
_ENOUGH = 1 << 30
"""Several times what a run of the whole suite takes of it."""


def in_memory() -> None:
    """Let what tests write stay in memory, where there is enough: nobody waits for the disk."""
    if _SHARED_MEMORY.is_dir() and shutil.disk_usage(_SHARED_MEMORY).free > _ENOUGH:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_SHARED_MEMORY))


@cache
def empty_sqlite() -> bytes:
    """Return a SQLite file with the schema and nothing in it: copying it is much faster than migrating."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bridge.db"
        database = Database(f"sqlite:///{path}")
        upgrade(database)
        database.close()  # the last connection to close folds the log into the file
        return path.read_bytes()


def compiled_once(database: AnyDatabase) -> AnyDatabase:
    """Let a database know the statements that others before it have compiled, and return it.

    Compiling them takes half of the time of a short test.
    """
    for engine in {database._writer, database._reader}:
        engine.update_execution_options(compiled_cache=_COMPILED)
    return database


def backwards(database: AnyDatabase) -> AnyDatabase:
    """Let SQLite answer from behind wherever no order is asked for, and return the database.

    PostgreSQL answers such questions in any order, too, but seldom: what relies on one would fail once in a while.
    """

    def answer_from_behind(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA reverse_unordered_selects=ON")

    for engine in {database._writer, database._reader}:
        event.listen(engine, "connect", answer_from_behind)
    return database


@contextmanager
def before_commits(database: Database, act: Callable[[], object]) -> Iterator[None]:
    """Do something right before each commit of a database, which fails where that does."""

    def executed(tx: Any, text: str, parameters: Any = ()) -> Any:
        if text == "COMMIT":
            act()
        return execute(tx, text, parameters)

    def listener(_: object) -> None:
        act()

    event.listen(database.engine, "commit", listener)
    with mock.patch("scimbridge.store.database.execute", executed):
        yield
    event.remove(database.engine, "commit", listener)


class _Compiled(dict[Any, Any]):
    """Statements by the kind of database that they are for; SQLAlchemy would keep them by engine."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_of_kind(key), default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(_of_kind(key), value)


_COMPILED = _Compiled()


def _of_kind(key: Any) -> Any:
    dialect, *statement = key
    return dialect.name, *statement
