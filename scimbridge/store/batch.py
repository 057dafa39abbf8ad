"""Several units of work in the same few statements.

Most of what a unit costs on SQLite is the way to the database and back, a dozen times. What the units
of a batch ask is read ahead, and what they write is kept until all have decided. They decide by the
same code as ever: a unit that asks or does anything else leaves the batch, and is run by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from types import TracebackType
from typing import Any, Protocol, Self

from sqlalchemy import Connection

from scimbridge.errors import ConcurrentUpdateError

Row = Mapping[Any, Any]

_batches: dict[Connection, Batch] = {}
"""The batches that have begun, by their transactions."""


class LeftBatchError(Exception):
    """A unit needs more than its batch has. Nothing of it is written; it is to be run by itself."""


class Deferrable(Protocol):
    """A statement that can wait.

    Attributes:
        table: What it writes.
        is_insert: Whether it adds rows.
        place: Sorts statements so that what is referred to is written first.
        writes_any_number: Whether it may write more or fewer rows than it is given.
    """

    table: str
    is_insert: bool
    place: tuple[bool, int]
    writes_any_number: bool

    def joined(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """Return what comes to the same as all of these, in fewer rows if it can be."""
        ...

    def write(self, tx: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Execute it for each of the rows. Returns how many were written."""
        ...


class Batch:
    """A part of a write transaction, in which units wait with what they write.

    It is written at the end of the block. Each unit is about one identity, and no two about the same.

    Args:
        tx: The transaction.
        ahead: What was read ahead, by the id of the identity; ``None`` for one that is not there.
    """

    def __init__(self, tx: Connection, ahead: Mapping[str, Row | None]) -> None:
        self.tx = tx
        self._ahead = ahead
        self._about = ""
        self._waiting: list[tuple[Deferrable, Mapping[str, Any]]] = []
        self._last: dict[str, Deferrable] = {}
        self._tables: set[str] = set()
        self.notes: dict[Any, Any] = {}
        """What units have read that concerns all of them, as it will be once the batch is written."""

    def __enter__(self) -> Self:
        _batches[self.tx] = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del _batches[self.tx]
        if kind is None:
            self._write()

    def attempt(self, about: str, unit: Callable[[], object]) -> bool:
        """Run a unit that is about one identity. Returns whether it has joined; else nothing of it is left."""
        self._about = about
        self._last = {}
        length = len(self._waiting)
        try:
            unit()
        except LeftBatchError:
            del self._waiting[length:]
            return False
        return True

    @property
    def about(self) -> str:
        """The id of the identity that the present unit is about."""
        return self._about

    def known(self, identity_id: str, tables: AbstractSet[str]) -> Row | None:
        """Return what was read ahead about the identity of the unit.

        Args:
            identity_id: The identity.
            tables: Where that comes from.

        Raises:
            LeftBatchError: Nothing was read about this identity, or the unit has changed it meanwhile.
        """
        if identity_id != self._about or not tables.isdisjoint(self._last):
            raise LeftBatchError
        return self._ahead[identity_id]

    def defer(self, statement: Deferrable, row: Mapping[str, Any]) -> None:
        """Keep what a statement is to write.

        All changes are written before all that is new, and each statement for all units at once.

        Raises:
            LeftBatchError: The unit needs another order.
        """
        last = self._last.get(statement.table)
        if last is not statement:
            if last is not None and (last.is_insert or not statement.is_insert):
                raise LeftBatchError
            self._last[statement.table] = statement
            self._tables.add(statement.table)
        self._waiting.append((statement, row))

    def require_nothing_waits(self, tables: AbstractSet[str]) -> None:
        """Let a query be run that reads these tables.

        Raises:
            LeftBatchError: It would not see what waits.
        """
        if not tables.isdisjoint(self._tables):
            raise LeftBatchError

    @property
    def length(self) -> int:
        """How many rows wait."""
        return len(self._waiting)

    def undo(self, length: int) -> None:
        """Forget all rows but the first so many."""
        del self._waiting[length:]

    def _write(self) -> None:
        waiting: defaultdict[Deferrable, list[Mapping[str, Any]]] = defaultdict(list)
        for statement, row in self._waiting:
            waiting[statement].append(row)
        for statement in sorted(waiting, key=lambda each: each.place):
            rows = statement.joined(waiting[statement])
            if statement.write(self.tx, rows) != len(rows) and not statement.writes_any_number:
                raise ConcurrentUpdateError(statement.table, "a batch")


batch_of: Callable[[Connection], Batch | None] = _batches.get
"""Returns the batch that the unit which writes in a transaction is part of, if it is part of one."""


def require_no_batch(tx: Connection) -> None:
    """Let a statement be executed at once.

    Raises:
        LeftBatchError: The unit is part of a batch, which would not see it.
    """
    if batch_of(tx) is not None:
        raise LeftBatchError
