"""Lists of ids as one parameter of a statement, however many they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson
from sqlalchemy import ARRAY, ColumnElement, Connection, Text, any_, bindparam, func

from scimbridge.sdk.documents import storable

_LONGEST_ID = 36
_MANY = 1000
_AT_ONCE = 5_000


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
    known = _plausible(ids)
    if tx.dialect.name == "sqlite":
        return column.in_(func.json_each(_json(known)).table_valued("value").select())
    if len(known) > _MANY:
        # A plan that does not know how many there are may compare each row with each id.
        tx.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")
    return column == any_(_array(known))


def is_among_texts(tx: Connection, column: ColumnElement[str], texts: Iterable[str]) -> ColumnElement[bool]:
    """Return the condition that a column is one of some texts, of any length and in any script."""
    known = sorted(each for each in set(texts) if storable(each) == each)
    if tx.dialect.name == "sqlite":
        return column.in_(func.json_each(_json(known)).table_valued("value").select())
    return column == any_(bindparam(None, known, ARRAY(Text())))


def rows_of(tx: Connection, ids: Iterable[str]) -> ColumnElement[str]:
    """Return ids as the rows of a function, in their order."""
    known = _plausible(ids)
    if tx.dialect.name == "sqlite":
        found: ColumnElement[str] = func.json_each(_json(known)).table_valued("value").c.value
        return found
    return func.unnest(_array(known)).column_valued("value")


def _json(ids: Sequence[str]) -> str:
    return orjson.dumps(ids).decode()


def _array(ids: Sequence[str]) -> ColumnElement[Any]:
    # A text is bound in a hundredth of the time that a list takes; no id has a line feed in it.
    return func.string_to_array("\n".join(ids), "\n")


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
