"""Statements that are compiled once and then run by the database's driver itself.

SQLAlchemy spends some 80 µs on each execution, SQLite 5. Where a request or a task runs a
dozen statements, that is most of its time; what is rare is executed in the usual way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Delete, Dialect, Executable, Insert, Select, Update
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

Row = Mapping[Any, Any]
"""A row by the names of its columns; SQLAlchemy's own kind is one, too."""

_Process = Callable[[Any], Any] | None
_Statement = Select[Any] | Insert | Update | Delete


class Prepared:
    """A statement whose parameters are all bound by name.

    Args:
        statement: Without ``IN`` over lists, whose text depends on their length.
        columns: What an INSERT or UPDATE sets.
    """

    def __init__(self, statement: _Statement, columns: Iterable[str] = ()) -> None:
        self._statement: Executable = statement.inline() if isinstance(statement, Insert) else statement
        self._columns = list(columns) or None
        self._compiled: dict[str, _Compiled] = {}

    def run(self, tx: Connection, parameters: Mapping[str, Any]) -> int:
        """Execute it. Returns how many rows were written."""
        return int(self._for(tx).execute(tx, parameters).rowcount)

    def run_many(self, tx: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute it once for each of the rows."""
        if rows:
            self._for(tx).execute_many(tx, rows)

    def all(self, tx: Connection, parameters: Mapping[str, Any]) -> list[Row]:
        """Return all rows."""
        compiled = self._for(tx)
        return [compiled.row(found) for found in compiled.execute(tx, parameters).fetchall()]

    def first(self, tx: Connection, parameters: Mapping[str, Any]) -> Row | None:
        """Return the first row, or ``None`` where there is none."""
        compiled = self._for(tx)
        found = compiled.execute(tx, parameters).fetchone()
        return None if found is None else compiled.row(found)

    def column(self, tx: Connection, parameters: Mapping[str, Any]) -> list[Any]:
        """Return the first value of each row."""
        compiled = self._for(tx)
        return [compiled.value(found) for found in compiled.execute(tx, parameters).fetchall()]

    def _for(self, tx: Connection) -> _Compiled:
        name = tx.dialect.name
        compiled = self._compiled.get(name)
        if compiled is None:
            compiled = self._compiled[name] = _Compiled(self._statement, self._columns, tx.dialect)
        return compiled


class _Compiled:
    """A statement as one kind of database takes it."""

    def __init__(self, statement: Any, columns: list[str] | None, dialect: Dialect) -> None:
        compiled: SQLCompiler = statement.compile(dialect=dialect, column_keys=columns)
        if compiled.post_compile_params:
            message = "the text of the statement depends on its parameters"
            raise TypeError(message)
        self._dialect = dialect
        self._text = compiled.string
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        self._fixed = {name: bind.value for name, bind in binds.items() if bind.value is not None}
        self._binds = [
            (name, binds[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in (compiled.positiontup or binds)
        ]
        self._is_positional = bool(compiled.positional)
        chosen = statement.selected_columns if isinstance(statement, Select) else ()
        self._names = tuple(column.name for column in chosen)
        self._results: list[_Process] = [
            column.type.dialect_impl(dialect).result_processor(dialect, None) for column in chosen
        ]

    def execute(self, tx: Connection, parameters: Mapping[str, Any]) -> DBAPICursor:
        """Return a cursor that has executed the statement."""
        cursor = self._cursor(tx)
        try:
            cursor.execute(self._text, self._bound(parameters))
        except self._dialect.loaded_dbapi.Error as error:
            raise self._translated(tx, error) from error
        return cursor

    def execute_many(self, tx: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute the statement for each row."""
        cursor = self._cursor(tx)
        try:
            cursor.executemany(self._text, [self._bound(row) for row in rows])
        except self._dialect.loaded_dbapi.Error as error:
            raise self._translated(tx, error) from error

    def row(self, found: Sequence[Any]) -> Row:
        """Return a row as Python has it."""
        return {
            name: value if process is None else process(value)
            for name, process, value in zip(self._names, self._results, found, strict=True)
        }

    def value(self, found: Sequence[Any]) -> Any:
        """Return the first value of a row as Python has it."""
        process = self._results[0]
        return found[0] if process is None else process(found[0])

    @staticmethod
    def _cursor(tx: Connection) -> DBAPICursor:
        cursor: DBAPICursor = tx.connection.cursor()
        return cursor

    def _bound(self, parameters: Mapping[str, Any]) -> Any:
        given = {**self._fixed, **parameters} if self._fixed else parameters
        if self._is_positional:
            return [given[name] if process is None else process(given[name]) for name, process in self._binds]
        return {name: given[name] if process is None else process(given[name]) for name, process in self._binds}

    def _translated(self, tx: Connection, error: Exception) -> BaseException:
        """Return the error that SQLAlchemy would raise, without the parameters: those are personal data."""
        is_lost = self._dialect.is_disconnect(error, tx.connection.dbapi_connection, None)  # type: ignore[arg-type]
        return DBAPIError.instance(
            None,
            None,
            error,
            self._dialect.loaded_dbapi.Error,
            connection_invalidated=is_lost,
            dialect=self._dialect,
        )
