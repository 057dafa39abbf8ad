"""Lists of ids as one parameter of a statement, however many they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import orjson
from sqlalchemy import ARRAY, ColumnElement, Connection, Text, any_, bindparam, func

from scimbridge.sdk.documents import storable
from scimbridge.store.prepared import Prepared, Statement

_LONGEST_ID = 36
_MANY = 1000
_AT_ONCE = 5_000
_BETWEEN = "\n"


def in_parts(tx: Connection, ids: Iterable[str]) -> Iterator[Sequence[str]]:
    """Yield ids in their order, as many at a time as one statement is given.

    SQLite works in our memory, and takes several times that of the ids. PostgreSQL may read a whole index for
    them, once for each statement.
    """
    known = sorted(ids)
    most = _AT_ONCE if tx.dialect.name == "sqlite" else len(known)
    for start in range(0, len(known), most or 1):
        yield known[start : start + most]


def is_among(tx: Connection, column: ColumnElement[str], ids: Iterable[str]) -> ColumnElement[bool]:
    """Return the condition that a column is one of any number of ids."""
    return these(tx, ids).have(column)


def these(tx: Connection, ids: Iterable[str]) -> Ids:
    """Return ids as a part of a statement that is executed once."""
    return Ids(tx.dialect.name, bindparam(None, bound(tx, ids), Text()))


class Ids:
    """Any number of ids as a part of a statement, whose text is the same for all numbers.

    Attributes:
        dialect: The name of the kind of database that the statement is for.
    """

    def __init__(self, dialect: str, parameter: ColumnElement[str]) -> None:
        self.dialect = dialect
        self._is_sqlite = dialect == "sqlite"
        self._parsed = func.json_each(parameter) if self._is_sqlite else func.string_to_array(parameter, _BETWEEN)

    def have(self, column: ColumnElement[str]) -> ColumnElement[bool]:
        """Return the condition that a column is one of them."""
        if self._is_sqlite:
            return column.in_(self._parsed.table_valued("value").select())
        return column == any_(self._parsed)

    def as_rows(self) -> ColumnElement[str]:
        """Return them as the rows of a function, in their order."""
        if self._is_sqlite:
            found: ColumnElement[str] = self._parsed.table_valued("value").c.value
            return found
        return func.unnest(self._parsed).column_valued("value")


def prepared_of_ids(make: Callable[[Ids], Statement]) -> Mapping[str, Prepared]:
    """Return a statement about any number of ids for each kind of database; its parameter ``ids`` is what they bind to.

    Args:
        make: Makes the statement of the ids.
    """
    parameter = bindparam("ids", type_=Text())
    return {name: Prepared(make(Ids(name, parameter))) for name in ("sqlite", "postgresql")}


def bound(tx: Connection, ids: Iterable[str]) -> str:
    """Return ids as the parameter of a statement that is about to be executed."""
    known = _plausible(ids)
    if tx.dialect.name == "sqlite":
        return orjson.dumps(known).decode()
    if len(known) > _MANY:
        # A plan that does not know how many there are may compare each row with each id.
        tx.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")
    # A text is bound in a hundredth of the time that a list takes; no id has a line feed in it.
    return _BETWEEN.join(known)


def is_among_texts(tx: Connection, column: ColumnElement[str], texts: Iterable[str]) -> ColumnElement[bool]:
    """Return the condition that a column is one of some texts, of any length and in any script."""
    known = sorted(each for each in set(texts) if storable(each) == each)
    if tx.dialect.name == "sqlite":
        return column.in_(func.json_each(orjson.dumps(known).decode()).table_valued("value").select())
    return column == any_(bindparam(None, known, ARRAY(Text())))


def _plausible(ids: Iterable[str]) -> list[str]:
    """Return, in their order, those that can be the id of anything.

    What cannot goes no further: databases refuse NULs and surrogates. In their order, rows are next to
    each other where the database keeps them, which halves the time that tens of thousands of them take.
    """
    known = sorted(ids)
    whole = "".join(known)
    if whole.isascii() and whole.isprintable() and max(map(len, known), default=0) <= _LONGEST_ID:
        return known
    return [each for each in known if len(each) <= _LONGEST_ID and each.isascii() and each.isprintable()]
