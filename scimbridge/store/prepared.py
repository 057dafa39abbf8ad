"""Statements that are compiled once and then run by the database's driver itself.

SQLAlchemy spends some 80 µs on each execution, SQLite 5. Where a request or a task runs a
dozen statements, that is most of its time; what is rare is executed in the usual way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any

from sqlalchemy import (
    BindParameter,
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

from scimbridge.store.batch import Batch, LeftBatchError, batch_of
from scimbridge.store.schema import metadata
from scimbridge.store.values import Row, binder, first_reader, reader

Statement = Select[Any] | Insert | Update | Delete


class Prepared:
    """A statement whose parameters are all bound by name.

    Args:
        statement: Without ``IN`` over lists, whose text depends on their length.
        columns: What an INSERT or UPDATE sets.
        sums_up: A parameter by which something grows; in a batch, rows that differ in nothing else are one.
        writes_any_number: Whether it may write other than one row each time.
    """

    def __init__(
        self,
        statement: Statement,
        columns: Iterable[str] = (),
        *,
        sums_up: str | None = None,
        writes_any_number: bool = False,
    ) -> None:
        self._statement = statement.inline() if isinstance(statement, Insert) else statement
        self._columns = list(columns) or None
        self._sums_up = sums_up
        self._compiled: dict[str, _Compiled] = {}
        self._tables = _tables_of(statement)
        self.table = "" if isinstance(statement, Select) else statement.table.name  # type: ignore[union-attr]
        self.is_insert = isinstance(statement, Insert)
        self.writes_any_number = writes_any_number
        self.place = (self.is_insert, _PLACES.get(self.table, 0))

    def run(self, tx: Connection, parameters: Mapping[str, Any]) -> int:
        """Execute it now. Returns how many rows were written."""
        compiled = self._for(tx)
        return int(_execute_briefly(tx, compiled.text, compiled.bound(parameters)).rowcount)

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

    def change_any(self, tx: Connection, parameters: Mapping[str, Any]) -> None:
        """Update the rows that there are; it was made for any number of them."""
        batch = batch_of(tx)
        if batch is None:
            self.run(tx, parameters)
        else:
            batch.defer(self, parameters)

    def joined(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """Return what comes to the same as all of these rows."""
        if self._sums_up is None:
            return rows
        sums: dict[tuple[tuple[str, Any], ...], int] = {}
        for row in rows:
            rest = tuple((name, value) for name, value in row.items() if name != self._sums_up)
            sums[rest] = sums.get(rest, 0) + row[self._sums_up]
        return [{**dict(rest), self._sums_up: total} for rest, total in sums.items()]

    def write(self, tx: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Execute it for each of the rows, whoever waits. Returns how many were written."""
        compiled = self._compiled_for(tx)
        bound = [compiled.bound(row) for row in rows]
        if len(bound) == 1:
            return int(_execute_briefly(tx, compiled.text, bound[0]).rowcount)
        return _execute_many(tx, compiled.text, bound)

    def all(self, tx: Connection, parameters: Mapping[str, Any]) -> list[Row]:
        """Return all rows."""
        compiled = self._for(tx)
        found = execute(tx, compiled.text, compiled.bound(parameters)).fetchall()
        return [compiled.row(each) for each in found]

    def first(self, tx: Connection, parameters: Mapping[str, Any]) -> Row | None:
        """Return the first row, or ``None`` where there is none."""
        compiled = self._for(tx)
        found = _execute_briefly(tx, compiled.text, compiled.bound(parameters)).fetchone()
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

    def __init__(self, statement: Statement, columns: list[str] | None, dialect: Dialect) -> None:
        spelled_out: Any = replacement_traverse(statement, {}, partial(_spelled_out, dialect))
        compiled: SQLCompiler = spelled_out.compile(dialect=dialect, column_keys=columns)
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        parameters = [(name, binds[name].type) for name in compiled.positiontup or binds]
        # LIMIT and OFFSET come in when the statement is compiled.
        fixed = {name: bind.value for name, bind in binds.items() if not bind.required}
        chosen = [(column.name, column.type) for column in statement.exported_columns]
        self.text = compiled.string
        self.bound = binder(parameters, fixed, dialect, by_place=bool(compiled.positional))
        """Returns parameters as the driver takes them."""
        self.row = reader(chosen, dialect)
        """Returns a row of the driver as Python has it."""
        self._first = first_reader(chosen, dialect)

    def values(self, found: Iterable[Sequence[Any]]) -> list[Any]:
        """Return the first values of rows as Python has them."""
        if self._first is None:
            return [each[0] for each in found]
        return [self._first(each[0]) for each in found]


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


def _tables_of(statement: Statement) -> AbstractSet[str]:
    return frozenset(element.name for element in iterate(statement) if isinstance(element, Table))


def execute(tx: Connection, text: str, parameters: Any = ()) -> Any:
    """Return a cursor of the driver that has executed a statement in the database's own words."""
    return _executed(tx, driver_of(tx), text, parameters)


def driver_of(tx: Connection) -> Any:
    """Return the driver's own connection of a transaction: ``sqlite3.Connection`` or ``psycopg.Connection``."""
    return tx.connection.driver_connection


def _execute_briefly(tx: Connection, text: str, parameters: Any) -> Any:
    """Return a cursor that has executed a statement, and is used for the next one: what it found is read at once.

    To make one takes psycopg a quarter of the time of a statement. It keeps what it found last, which is one row.
    """
    if tx.dialect.name == "sqlite":
        return execute(tx, text, parameters)
    cursor = tx.info.get(_CURSOR)
    if cursor is None:
        cursor = tx.info[_CURSOR] = driver_of(tx).cursor()
    return _executed(tx, cursor, text, parameters)


_CURSOR = "scimbridge_cursor"
"""Under which name a connection keeps its cursor."""


def _executed(tx: Connection, by: Any, text: str, parameters: Any) -> Any:
    try:
        return by.execute(text, parameters)
    except tx.dialect.loaded_dbapi.Error as error:
        raise _translated(tx, error) from error


def _execute_many(tx: Connection, text: str, rows: Sequence[Any]) -> int:
    try:
        cursor = driver_of(tx).cursor()
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
