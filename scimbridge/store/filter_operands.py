"""The SQL sides of a filter's comparisons: strings, booleans, times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError
from scim2_models import InvalidFilterException
from scim2_models.path import CompareOperator
from sqlalchemy import ColumnElement, and_, false, func, literal, true

from scimbridge.store.identities import fold

Condition = ColumnElement[bool]
Op = CompareOperator


class Operand(Protocol):
    """The SQL side of a comparison."""

    def compare(self, op: Op, value: Any) -> Condition:
        """Return what comparing it with a value means.

        Raises:
            InvalidFilterException: It cannot be compared with this value, or in this way.
        """
        ...

    def present(self) -> Condition:
        """Return what "it has a value" means (``pr``)."""
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """A string. ``LIKE`` is not used: its wildcards and its case rules differ between databases."""

    sql: ColumnElement[Any]
    dialect: str
    folded: bool = False
    """The column holds folded values."""
    any_case: bool = False
    """The column holds values as sent, to be compared without their case."""

    def compare(self, op: Op, value: Any) -> Condition:
        """Compare strings."""
        if not isinstance(value, str):
            raise InvalidFilterException(detail="the attribute can only be compared with a string")
        left, right = self._sides(_bindable(value))
        match op:
            case Op.eq:
                return left == right
            case Op.co:
                position = func.instr if self.dialect == "sqlite" else func.strpos
                return position(left, right) > 0
            case Op.sw:
                return func.substr(left, 1, func.length(right)) == right
            case Op.ew:
                start = func.length(left) - func.length(right) + 1
                return and_(start > 0, func.substr(left, start) == right)
            case _:
                return _ordered(self._by_code_point(left), op, right)

    def present(self) -> Condition:
        """Neither missing nor empty."""
        return and_(self.sql.is_not(None), self.sql != "")

    def _sides(self, value: str) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        if self.folded:
            return self.sql, literal(fold(value))
        if self.any_case:
            return func.lower(self.sql), func.lower(value)
        return self.sql, literal(value)

    def _by_code_point(self, sql: ColumnElement[Any]) -> ColumnElement[Any]:
        return sql if self.dialect == "sqlite" else sql.collate("C")


@dataclass(frozen=True, slots=True)
class Flag:
    """A boolean; Entra ID writes it as a string in filters, too: ``primary eq "True"``."""

    sql: ColumnElement[bool]

    def compare(self, op: Op, value: Any) -> Condition:
        """Compare with true or false."""
        if op is not Op.eq:
            raise InvalidFilterException(detail=f"a boolean cannot be compared with {op.value}")
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            value = value.lower() == "true"
        if not isinstance(value, bool):
            raise InvalidFilterException(detail="a boolean can only be compared with true or false")
        return self.sql.is_(true()) if value else self.sql.is_(false())

    def present(self) -> Condition:
        """Either of them."""
        return self.sql.is_not(None)


@dataclass(frozen=True, slots=True)
class Moment:
    """A dateTime, compared as a time whatever its zone; without one it is UTC."""

    sql: ColumnElement[datetime]

    def compare(self, op: Op, value: Any) -> Condition:
        """Compare times."""
        if op in {Op.co, Op.sw, Op.ew}:
            raise InvalidFilterException(detail=f"a dateTime cannot be compared with {op.value}")
        return _ordered(self.sql, op, literal(_moment(value), self.sql.type))

    def present(self) -> Condition:
        """Not missing."""
        return self.sql.is_not(None)


@dataclass(frozen=True, slots=True)
class Complex:
    """An attribute of several parts: it is there or not, and has no value of its own."""

    sql: ColumnElement[Any]

    def compare(self, op: Op, value: Any) -> Condition:  # noqa: ARG002
        """Refuse: it has no value of its own."""
        raise InvalidFilterException(detail="a complex attribute can only be compared by its sub-attributes")

    def present(self) -> Condition:
        """Not missing."""
        return self.sql.is_not(None)


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


def _bindable(value: str) -> str:
    """Return a value that a database can take: no NUL characters and no halves of surrogate pairs."""
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidFilterException(detail="the filter compares with a character that no value can contain")
    return value


def _moment(value: Any) -> datetime:
    if not isinstance(value, str):
        raise InvalidFilterException(detail="a dateTime is written as a string")
    try:
        moment = TypeAdapter(datetime).validate_strings(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValidationError, OverflowError) as error:
        raise InvalidFilterException(detail="the value is no dateTime (RFC 7643 §2.3.5)") from error
