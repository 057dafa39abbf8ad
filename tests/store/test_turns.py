"""Processes that write to the same SQLite file take turns."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from scimbridge.errors import StoreBusyError, StoreUnavailableError
from scimbridge.store import database as module
from scimbridge.store.database import Database

A_LOOK = 0.005
"""Seconds: no look at whether it is one's turn comes later than that after the last one."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bridge.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{path}")
    with database.write() as tx:
        tx.exec_driver_sql("CREATE TABLE words (word TEXT)")
    yield database
    database.close()


@pytest.fixture
def other(path: Path, database: Database) -> Iterator[sqlite3.Connection]:
    """What another process writes with."""
    connection = sqlite3.connect(path, isolation_level=None)
    yield connection
    connection.close()


def words(database: Database) -> list[str]:
    with database.read() as tx:
        return [word for (word,) in tx.exec_driver_sql("SELECT word FROM words ORDER BY rowid")]


def test_a_writer_looks_again_soon_and_begins_once_the_other_process_has_ended(
    database: Database, other: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO words VALUES ('theirs')")
    looks: list[float] = []

    def pause(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            other.execute("COMMIT")

    monkeypatch.setattr(time, "sleep", pause)
    with database.write() as tx:
        tx.exec_driver_sql("INSERT INTO words VALUES ('ours')")

    assert len(looks) == 3
    assert max(looks) < A_LOOK
    assert words(database) == ["theirs", "ours"]


def test_a_writer_gives_up_on_a_process_that_does_not_end(
    database: Database, other: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(module, "BUSY_TIMEOUT", timedelta(milliseconds=2))

    with pytest.raises(StoreBusyError), database.write():
        pass

    other.execute("ROLLBACK")
    with database.write() as tx:
        tx.exec_driver_sql("INSERT INTO words VALUES ('ours')")
    assert words(database) == ["ours"]


def test_what_is_wrong_otherwise_is_told_at_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_seconds: float) -> None:
        pytest.fail("it waits for what does not change by itself")

    monkeypatch.setattr(time, "sleep", refuse)
    with pytest.raises(StoreUnavailableError, match="within a transaction"), database.write() as tx:
        module._begin_to_write(tx)
