"""The SQL sides of a filter's comparisons: strings, booleans, times, numbers."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from scim2_models import InvalidFilterException, InvalidPathException
from scim2_models.path import CompareOperator
from sqlalchemy import ColumnElement, String, and_, false, func, literal, or_, true

from scimbridge.domain.boolean import boolean_of
from scimbridge.store.functions import folded, moment

Condition = ColumnElement[bool]
Op = CompareOperator

_SUBSTRING = {Op.co, Op.sw, Op.ew}
_LONGEST_SORTED = 256
"""Characters of a string that decide about its place; a cursor has to carry them."""


class Operand(Protocol):
    """The SQL side of a comparison."""

    def compare(self, op: Op, value: Any) -> Condition:
        """Return what comparing it with a value means.

        Raises:
            InvalidFilterException: It cannot be compared with this value, or in this way.
        """
        ...

    def present(self) -> Condition:
        """Return what "it has a value" means (``pr``): neither missing nor empty."""
        ...

    def missing(self) -> Condition:
        """Return what "it has no value" means (``eq null``, RFC 7643 §2.5)."""
        ...

    def sort_key(self) -> ColumnElement[Any]:
        """Return what resources are sorted by.

        Raises:
            InvalidPathException: There is no order among its values.
        """
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """A string. ``LIKE`` is not used: its wildcards and its case rules differ between databases."""

    sql: ColumnElement[Any]
    dialect: str
    any_case: bool = False
    """Compared without the case of letters."""

    def compare(self, op: Op, value: Any) -> Condition:
        """Compare strings."""
        left, right = self._plain(self.sql), self._plain(literal(_text(value)))
        return _compared(left, op, right, self.dialect, _by_code_point(left, self.dialect))

    def present(self) -> Condition:
        """Neither missing nor empty."""
        return and_(self.sql.is_not(None), self.sql != "")

    def missing(self) -> Condition:
        """Missing."""
        return self.sql.is_(None)

    def sort_key(self) -> ColumnElement[Any]:
        """The beginning of the string, by code points."""
        return _by_code_point(func.substr(self._plain(self.sql), 1, _LONGEST_SORTED, type_=String), self.dialect)

    def _plain(self, sql: ColumnElement[Any]) -> ColumnElement[Any]:
        return folded(sql, self.dialect) if self.any_case else sql


@dataclass(frozen=True, slots=True)
class Key:
    """A string of which a column holds the form in which it is compared."""

    column: ColumnElement[Any]
    dialect: str
    key_of: Callable[[str], str]

    def compare(self, op: Op, value: Any) -> Condition:
        """Compare with the column."""
        return _compared(self.column, op, literal(self.key_of(_text(value))), self.dialect, self.column)

    def present(self) -> Condition:
        """Neither missing nor empty."""
        return and_(self.column.is_not(None), self.column != "")

    def missing(self) -> Condition:
        """Missing."""
        return self.column.is_(None)

    def sort_key(self) -> ColumnElement[Any]:
        """The column: its own order is that of code points."""
        return self.column


@dataclass(frozen=True, slots=True)
class _Plain:
    """An expression that has a value or none, and an order of its own."""

    sql: ColumnElement[Any]

    def present(self) -> Condition:
        """It has a value; false and zero are values."""
        return self.sql.is_not(None)

    def missing(self) -> Condition:
        """It has none."""
        return self.sql.is_(None)

    def sort_key(self) -> ColumnElement[Any]:
        """The expression: false before true, earlier and smaller values first."""
        return self.sql


class Flag(_Plain):
    """A boolean; Entra ID writes it as a string in filters, too: ``primary eq "True"``."""

    def compare(self, op: Op, value: Any) -> Condition:
        """Compare with true or false."""
        if op is not Op.eq:
            raise InvalidFilterException(detail=f"a boolean cannot be compared with {op.value}")
        found = boolean_of(value)
        if found is None:
            raise InvalidFilterException(detail="a boolean can only be compared with true or false")
        return self.sql.is_(true()) if found else self.sql.is_(false())


class Moment(_Plain):
    """A dateTime, compared as a time whatever its zone; without one it is UTC."""

    def compare(self, op: Op, value: Any) -> Condition:
        """Compare times."""
        if op in _SUBSTRING:
            raise InvalidFilterException(detail=f"a dateTime cannot be compared with {op.value}")
        if not isinstance(value, str):
            raise InvalidFilterException(detail="a dateTime is written as a string")
        try:
            return _ordered(self.sql, op, literal(moment(value), self.sql.type))
        except ValueError as error:
            raise InvalidFilterException(detail="the value is not a dateTime (RFC 7643 §2.3.5)") from error


class Number(_Plain):
    """An integer or a decimal."""

    def compare(self, op: Op, value: Any) -> Condition:
        """Compare numbers."""
        if op in _SUBSTRING:
            raise InvalidFilterException(detail=f"a number cannot be compared with {op.value}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidFilterException(detail="a number can only be compared with a number")
        if abs(value) > 1e300:  # beyond what a database takes
            raise InvalidFilterException(detail="the number is out of range")
        return _ordered(self.sql, op, literal(float(value)))


@dataclass(frozen=True, slots=True)
class Binary:
    """Bytes, in base64: equal or not."""

    sql: ColumnElement[Any]

    def compare(self, op: Op, value: Any) -> Condition:
        """Compare bytes, whatever way base64 was written."""
        if op is not Op.eq:
            raise InvalidFilterException(detail=f"a binary value cannot be compared with {op.value}")
        try:
            content = b64decode(_text(value), validate=True)
        except ValueError as error:
            raise InvalidFilterException(detail="the value is not base64") from error
        return self.sql == literal(b64encode(content).decode())

    def present(self) -> Condition:
        """Neither missing nor empty."""
        return and_(self.sql.is_not(None), self.sql != "")

    def missing(self) -> Condition:
        """Missing."""
        return self.sql.is_(None)

    def sort_key(self) -> NoReturn:
        """Refuse: RFC 7644 §3.4.2.3 has no order for it."""
        raise InvalidPathException(detail="resources cannot be sorted by a binary attribute")


@dataclass(frozen=True, slots=True)
class Complex:
    """An attribute of several parts: it is there or not, and has no value of its own."""

    sql: ColumnElement[Any]
    parts: Sequence[Operand]

    def compare(self, op: Op, value: Any) -> Condition:  # noqa: ARG002
        """Refuse: it has no value of its own."""
        raise InvalidFilterException(detail="a complex attribute can only be compared by its sub-attributes")

    def present(self) -> Condition:
        """One of its parts has a value."""
        return or_(false(), *(part.present() for part in self.parts))

    def missing(self) -> Condition:
        """Missing."""
        return self.sql.is_(None)

    def sort_key(self) -> NoReturn:
        """Refuse: RFC 7644 §3.4.2.3 asks for a sub-attribute."""
        raise InvalidPathException(detail="resources are sorted by a sub-attribute of a complex attribute")


class Nothing:
    """An attribute that the resource type does not have, where another one does (RFC 7644 §3.4.2.1)."""

    def compare(self, op: Op, value: Any) -> Condition:  # noqa: ARG002
        """Nothing is equal to no value."""
        return false()

    def present(self) -> Condition:
        """It never is."""
        return false()

    def missing(self) -> Condition:
        """It always is."""
        return true()

    def sort_key(self) -> NoReturn:
        """Refuse; who asks several resource types asks each of them."""
        raise InvalidPathException(detail="the resource type does not have the attribute")


def _compared(
    left: ColumnElement[Any], op: Op, right: ColumnElement[Any], dialect: str, in_order: ColumnElement[Any]
) -> Condition:
    match op:
        case Op.eq:
            return left == right
        case Op.co:
            position = func.instr if dialect == "sqlite" else func.strpos
            return position(left, right) > 0
        case Op.sw:
            return func.substr(left, 1, func.length(right)) == right
        case Op.ew:
            start = func.length(left) - func.length(right) + 1
            return and_(start > 0, func.substr(left, start) == right)
        case _:
            return _ordered(in_order, op, right)


def _ordered(left: ColumnElement[Any], op: Op, right: ColumnElement[Any]) -> Condition:
    match op:
        case Op.gt:
            return left > right
        case Op.ge:
            return left >= right
        case Op.lt:
            return left < right
        case Op.le:
            return left <= right
        case _:
            return left == right


def _by_code_point(sql: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    return sql if dialect == "sqlite" else sql.collate("C")


def _text(value: Any) -> str:
    """Return a string that a database can take: no NUL characters and no halves of surrogate pairs."""
    if not isinstance(value, str):
        raise InvalidFilterException(detail="the attribute can only be compared with a string")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidFilterException(detail="the filter compares with a character that no value can contain")
    return value
