"""What breaks while the machine plays: processes, commits and targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text

from scimbridge.store.database import Database
from scimbridge.store.schema import metadata
from tests.services.bench import MemoryTarget

if TYPE_CHECKING:
    from tests.services.machine.judge import Write


class Crash(BaseException):
    """The process ends here."""


def crash() -> None:
    """End the process."""
    raise Crash


def nothing() -> None:
    """Let everything be."""


class CrashingDatabase(Database):
    """Ends the process right after one of the next commits, where told to.

    Attributes:
        meanwhile: What another process does right after one of the next reads, where told to.
    """

    commits_left: int | None = None
    commits = 0
    reads_left = 0
    meanwhile: Callable[[], object] = staticmethod(nothing)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with super().read() as tx:
            yield tx
        if self.reads_left:
            self.reads_left -= 1
            if not self.reads_left:
                self.meanwhile()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with super().write() as tx:
            yield tx
        self.commits += 1
        if self.commits_left is not None:
            self.commits_left -= 1
            if self.commits_left == 0:
                self.commits_left = None
                raise Crash

    def clear(self) -> None:
        """Forget everything: faster than another store, for which each statement would be compiled anew."""
        tables = [table.name for table in reversed(metadata.sorted_tables)]
        with self.write() as tx:
            if self.is_sqlite:
                for name in tables:
                    tx.execute(text(f"DELETE FROM {name}"))  # a name of our own schema
            else:
                tx.execute(text(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE"))


class WatchedTarget(MemoryTarget):
    """Shows every write to the model before it is made, and once more when it takes effect.

    Args:
        watch: Holds a write against the model, and returns what it is.
        note: Told of a write that now takes effect: later than it was watched where it was stuck.
    """

    def __init__(self, watch: Callable[[str, str], Write | None], note: Callable[[Write], None]) -> None:
        super().__init__()
        self.watch = watch
        self.note = note
        self.effective: Counter[tuple[str, str]] = Counter()

    def write(self, what: str, native_id: str, change: Callable[[dict[str, Any]], object]) -> None:
        write = self.watch(what, native_id)

        def counted(everybody: dict[str, Any]) -> None:
            before = repr(everybody.get(native_id))
            if native_id in (self.bin if what == "undelete" else everybody):
                if write is not None:
                    self.note(write)
                change(everybody)
            if repr(everybody.get(native_id)) != before:
                self.effective[what, native_id] += 1

        super().write(what, native_id, counted)
