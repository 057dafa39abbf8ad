"""What breaks while the machine plays: processes, commits and targets."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from scimbridge.store.database import Database
from scimbridge.store.upgrade import upgrade
from tests.services.bench import MemoryTarget


class Crash(BaseException):
    """The process ends here."""


def crash() -> None:
    """End the process."""
    raise Crash


def nothing() -> None:
    """Let everything be."""


@cache
def empty_store() -> bytes:
    """Return a SQLite file with the schema and nothing in it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bridge.db"
        database = Database(f"sqlite:///{path}")
        upgrade(database)
        database.close()
        return path.read_bytes()


class CrashingDatabase(Database):
    """Ends the process right after one of the next commits, where told to."""

    commits_left: int | None = None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with super().write() as tx:
            yield tx
        if self.commits_left is not None:
            self.commits_left -= 1
            if self.commits_left == 0:
                self.commits_left = None
                raise Crash


class WatchedTarget(MemoryTarget):
    """Shows every write to the model before it takes effect."""

    def __init__(self, watch: Callable[[str, str], None]) -> None:
        super().__init__()
        self.watch = watch
        self.effective: Counter[tuple[str, str]] = Counter()

    def write(self, what: str, native_id: str, change: Callable[[dict[str, Any]], object]) -> None:
        self.watch(what, native_id)

        def counted(everybody: dict[str, Any]) -> None:
            before = repr(everybody.get(native_id))
            if native_id in everybody:
                change(everybody)
            if repr(everybody.get(native_id)) != before:
                self.effective[what, native_id] += 1

        super().write(what, native_id, counted)
