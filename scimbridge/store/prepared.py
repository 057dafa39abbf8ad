"""Statements that are compiled once and then run by the database's driver itself.

SQLAlchemy spends some 80 µs on each execution, SQLite 5. Where a request or a task runs a
dozen statements, that is most of its time; what is rare is executed in the usual way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BindParameter,
    Boolean,
    ColumnElement,
    Connection,
    Delete,
    Dialect,
    Insert,
    Select,
    Table,
    Update,
    literal_column,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import ExternallyTraversible, iterate, replacement_traverse
from sqlalchemy.types import TypeEngine

from scimbridge.store.batch import Batch, LeftBatchError, batch_of
from scimbridge.store.schema import UtcDateTime, metadata

Row = Mapping[Any, Any]
"""A row by the names of its columns; SQLAlchemy's own kind is one, too."""

_Process = Callable[[Any], Any]
_Statement = Select[Any] | Insert | Update | Delete


class Prepared:
    """A statement whose parameters are all bound by name.

    Args:
        statement: Without ``IN`` over lists, whose text depends on their length.
        columns: What an INSERT or UPDATE sets.
    """

    def __init__(self, statement: _Statement, columns: Iterable[str] = ()) -> None:
        self._statement = statement.inline() if isinstance(statement, Insert) else statement
        self._columns = list(columns) or None
        self._compiled: dict[str, _Compiled] = {}
        self._tables = _tables_of(statement)
        self.table = "" if isinstance(statement, Select) else statement.table.name  # type: ignore[union-attr]
        self.is_insert = isinstance(statement, Insert)
        self.place = (self.is_insert, _PLACES.get(self.table, 0))

    def run(self, tx: Connection, parameters: Mapping[str, Any]) -> int:
        """Execute it now. Returns how many rows were written."""
        compiled = self._for(tx)
        return int(execute(tx, compiled.text, compiled.bound(parameters)).rowcount)

    def run_many(self, tx: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute it now, once for each of the rows."""
        if rows:
            self._for(tx)
            self.write(tx, rows)

    def add(self, tx: Connection, row: Mapping[str, Any]) -> None:
        """Insert a row: now, or with those of the other units of a batch."""
        batch = batch_of(tx)
        if batch is None:
            self.run(tx, row)
        else:
            batch.defer(self, row)

    def change(self, tx: Connection, parameters: Mapping[str, Any]) -> bool:
        """Update one row. Returns whether it was there to be updated.

        In a batch that shows later; where it was not, the batch is undone and its units are run by themselves.
        """
        batch = batch_of(tx)
        if batch is None:
            return self.run(tx, parameters) == 1
        batch.defer(self, parameters)
        return True

    def write(self, tx: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Execute it for each of the rows, whoever waits. Returns how many were written."""
        compiled = self._compiled_for(tx)
        bound = [compiled.bound(row) for row in rows]
        if len(bound) == 1:
            return int(execute(tx, compiled.text, bound[0]).rowcount)
        return _execute_many(tx, compiled.text, bound)

    def all(self, tx: Connection, parameters: Mapping[str, Any]) -> list[Row]:
        """Return all rows."""
        compiled = self._for(tx)
        found = execute(tx, compiled.text, compiled.bound(parameters)).fetchall()
        return [compiled.row(each) for each in found]

    def first(self, tx: Connection, parameters: Mapping[str, Any]) -> Row | None:
        """Return the first row, or ``None`` where there is none."""
        compiled = self._for(tx)
        found = execute(tx, compiled.text, compiled.bound(parameters)).fetchone()
        return None if found is None else compiled.row(found)

    def column(self, tx: Connection, parameters: Mapping[str, Any]) -> list[Any]:
        """Return the first value of each row."""
        compiled = self._for(tx)
        found = execute(tx, compiled.text, compiled.bound(parameters)).fetchall()
        return compiled.values(found)

    def _for(self, tx: Connection) -> _Compiled:
        batch = batch_of(tx)
        if batch is not None:
            self._require_apart(batch)
        return self._compiled_for(tx)

    def _require_apart(self, batch: Batch) -> None:
        """Make sure that the batch makes no difference to a query, and none to what is read ahead."""
        if self.table:
            raise LeftBatchError
        batch.require_nothing_waits(self._tables)

    def _compiled_for(self, tx: Connection) -> _Compiled:
        dialect = tx.dialect
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = _Compiled(self._statement, self._columns, dialect)
        return compiled


class _Compiled:
    """A statement as one kind of database takes it."""

    def __init__(self, statement: _Statement, columns: list[str] | None, dialect: Dialect) -> None:
        spelled_out: Any = replacement_traverse(statement, {}, partial(_spelled_out, dialect))
        compiled: SQLCompiler = spelled_out.compile(dialect=dialect, column_keys=columns)
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        self.text = compiled.string
        # LIMIT and OFFSET come in when the statement is compiled.
        self._fixed = {name: bind.value for name, bind in binds.items() if not bind.required}
        self._order = tuple(compiled.positiontup or binds)
        self._take: Callable[[Mapping[str, Any]], tuple[Any, ...]] = _taker(self._order)
        self._is_positional = bool(compiled.positional)
        self._binds = [
            (place, process)
            for place, name in enumerate(self._order)
            if (process := _bind_process(binds[name].type, dialect)) is not None
        ]
        chosen = tuple(statement.exported_columns)
        self._names = tuple(column.name for column in chosen)
        self._results = [
            (place, process)
            for place, column in enumerate(chosen)
            if (process := _result_process(column.type, dialect)) is not None
        ]

    def bound(self, parameters: Mapping[str, Any]) -> Any:
        """Return parameters as the driver takes them."""
        taken = self._take({**self._fixed, **parameters} if self._fixed else parameters)
        if self._is_positional and not self._binds:
            return taken
        values = list(taken)
        for place, process in self._binds:
            values[place] = process(values[place])
        return values if self._is_positional else dict(zip(self._order, values, strict=True))

    def row(self, found: Sequence[Any]) -> Row:
        """Return a row as Python has it."""
        values = list(found)
        for place, process in self._results:
            values[place] = process(values[place])
        return dict(zip(self._names, values, strict=True))

    def values(self, found: Iterable[Sequence[Any]]) -> list[Any]:
        """Return the first values of rows as Python has them."""
        for place, process in self._results:
            if place == 0:
                return [process(each[0]) for each in found]
        return [each[0] for each in found]


def _spelled_out(dialect: Dialect, element: ExternallyTraversible, **_: object) -> ColumnElement[Any] | None:
    """Return what stands in place of a value of the statement itself: the same as a literal.

    SQLite plans a statement anew at every execution, which takes longer than running it, where a
    parameter is compared with a column that the condition of a partial index names.
    """
    if not isinstance(element, BindParameter):
        return None
    if element.expanding:
        message = "the text of the statement depends on its parameters"
        raise TypeError(message)
    if element.required:
        return None
    as_literal = element.type.dialect_impl(dialect).literal_processor(dialect)
    if as_literal is None:
        raise TypeError(f"{element.value!r} has no literal")
    return literal_column(as_literal(element.value), element.type)


_PLACES = {table.name: place for place, table in enumerate(metadata.sorted_tables)}
"""Tables, those that are referred to first."""


def _tables_of(statement: _Statement) -> AbstractSet[str]:
    return frozenset(element.name for element in iterate(statement) if isinstance(element, Table))


def _taker(names: tuple[str, ...]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """Return what takes these values out of parameters, as a tuple."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda given: tuple(given[name] for name in names)


def execute(tx: Connection, text: str, parameters: Any = ()) -> Any:
    """Return a cursor of the driver that has executed a statement in the database's own words."""
    try:
        return tx.connection.driver_connection.execute(text, parameters)  # type: ignore[union-attr]
    except tx.dialect.loaded_dbapi.Error as error:
        raise _translated(tx, error) from error


def _execute_many(tx: Connection, text: str, rows: Sequence[Any]) -> int:
    try:
        cursor = tx.connection.driver_connection.cursor()  # type: ignore[union-attr]
        cursor.executemany(text, rows)
        return int(cursor.rowcount)
    except tx.dialect.loaded_dbapi.Error as error:
        raise _translated(tx, error) from error


def _translated(tx: Connection, error: Exception) -> BaseException:
    """Return the error that SQLAlchemy would raise, without the parameters: those are personal data."""
    dialect = tx.dialect
    is_lost = dialect.is_disconnect(error, tx.connection.dbapi_connection, None)  # type: ignore[arg-type]
    return DBAPIError.instance(
        None, None, error, dialect.loaded_dbapi.Error, connection_invalidated=is_lost, dialect=dialect
    )


def _bind_process(kind: TypeEngine[Any], dialect: Dialect) -> _Process | None:
    if dialect.name == "sqlite" and isinstance(kind, UtcDateTime):
        return _as_text
    if isinstance(kind, Boolean):
        return None  # both drivers take Python's own
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _result_process(kind: TypeEngine[Any], dialect: Dialect) -> _Process | None:
    if dialect.name == "sqlite" and isinstance(kind, UtcDateTime):
        return _as_time
    return kind.dialect_impl(dialect).result_processor(dialect, None)


# What SQLAlchemy's own conversion makes of a time on SQLite, in one step instead of four.


@lru_cache(maxsize=64)  # one request stores the same moment many times
def _as_text(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def _as_time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(f"{value}+00:00")


def moment(value: str) -> datetime:
    """Return a time as JSON has it: PostgreSQL says the zone, SQLite keeps UTC without saying so."""
    if len(value) == _WITHOUT_ZONE:
        return datetime.fromisoformat(f"{value}+00:00")
    return datetime.fromisoformat(value).astimezone(UTC)


_WITHOUT_ZONE = len("2026-03-01 12:30:15.123456")
