"""The order of a list (RFC 7644 §3.4.2.3), and where a page begins in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scim2_models import InvalidCursorException, InvalidPathException, Path, SCIMException
from scim2_models.path import AttrPath
from sqlalchemy import ColumnElement, and_, cast, literal, null, or_, tuple_

from scimbridge.domain.sort import Sort
from scimbridge.store.attributes import Attributes, is_entry, is_secret
from scimbridge.store.filter_operands import Complex, Condition

_NEVER_MISSING = {"id", "userName", "meta.created", "meta.lastModified", "meta.resourceType", "active"}
_NEVER_MISSING_IN_GROUPS = {*_NEVER_MISSING, "displayName"}


@dataclass(frozen=True, slots=True)
class Position:
    """A place between two resources of a sorted list: that of a resource, whether it still is there or not.

    Attributes:
        key: What it was sorted by; ``None`` where it had no value, or the list is not sorted.
    """

    key: str | float | bool | datetime | None
    id: str


@dataclass(frozen=True, slots=True)
class Order:
    """The order of the resources of one type: by a key, and by id where keys are the same.

    Resources without a value come last, or first where the order is descending.

    Attributes:
        id: The column of the id.
        key: The SQL of the value; ``None`` sorts by id alone.
    """

    id: ColumnElement[Any]
    key: ColumnElement[Any] | None = None
    nullable: bool = False
    descending: bool = False

    def reversed(self) -> Order:
        """Return the order from the end to the beginning."""
        return Order(self.id, self.key, self.nullable, not self.descending)

    def clauses(self) -> list[ColumnElement[Any]]:
        """Return what to write after ORDER BY."""
        direct = _down if self.descending else _up
        if self.key is None:
            return [self.id.desc() if self.descending else self.id.asc()]
        return [direct(self.key, nullable=self.nullable), direct(self.id, nullable=False)]

    def after(self, position: Position) -> Condition:
        """Return what is true of the resources behind a position.

        Raises:
            InvalidCursorException: The position is none in this order.
        """
        by_id = self.id < position.id if self.descending else self.id > position.id
        if self.key is None:
            return by_id
        if position.key is None:
            at_the_nulls = and_(self.key.is_(None), by_id)
            return or_(at_the_nulls, self.key.is_not(None)) if self.descending else at_the_nulls
        if not isinstance(position.key, self.key.type.python_type):
            raise InvalidCursorException
        mine, theirs = tuple_(self.key, self.id), tuple_(literal(position.key, self.key.type), literal(position.id))
        behind: Condition = mine < theirs if self.descending else mine > theirs
        return or_(behind, self.key.is_(None)) if self.nullable and not self.descending else behind


def orders(sort: Sort | None, types: Sequence[Attributes]) -> list[Order]:
    """Return the order of each of several resource types that are listed together.

    Raises:
        InvalidPathException: None of the types has the attribute, or it has no order.
    """
    if sort is None:
        return [Order(each.table.c.id) for each in types]
    found = [_key(sort.by, each) for each in types]
    known = next((key for key, _ in found if key is not None), None)
    if known is None:
        raise InvalidPathException(detail="sortBy names no attribute of these resources")
    return [
        Order(each.table.c.id, cast(null(), known.type) if key is None else key, nullable, sort.descending)
        for each, (key, nullable) in zip(types, found, strict=True)
    ]


def _key(by: str, attributes: Attributes) -> tuple[ColumnElement[Any] | None, bool]:
    """Return what the resources of a type are sorted by, and whether it may be missing."""
    binding = attributes.bind(_attr_path(by))
    if binding is None:
        return None, True
    if is_secret(binding):
        raise InvalidPathException(detail="resources cannot be sorted by this attribute")
    if binding.is_multivalued:
        return _first(by, attributes), True
    name = binding.urn.rpartition(":")[2]
    never = _NEVER_MISSING_IN_GROUPS if attributes.name == "Group" else _NEVER_MISSING
    return attributes.operand(binding).sort_key(), name not in never


def _first(by: str, attributes: Attributes) -> ColumnElement[Any]:
    path = _attr_path(by)
    head = attributes.bind(AttrPath(path.attr, None, path.uri))
    part = attributes.bind(AttrPath(path.attr, path.sub_attr or "value", path.uri))
    if head is None or not is_entry(head):
        part = head
    if head is None or part is None:
        raise InvalidPathException(detail="resources are sorted by a sub-attribute of a complex attribute")
    entries = attributes.entries(head)
    operand = entries.operand(part)
    key = Complex(attributes.table.c.id, []).sort_key() if isinstance(operand, Complex) else operand.sort_key()
    return entries.first(key)


def _attr_path(by: str) -> AttrPath:
    try:
        path = Path(by)
    except SCIMException as error:
        raise InvalidPathException(detail="sortBy is not the path of an attribute") from error
    if not isinstance(path.ast, AttrPath):
        raise InvalidPathException(detail="sortBy takes the name of an attribute, without a condition")
    return path.ast


def _up(sql: ColumnElement[Any], *, nullable: bool) -> ColumnElement[Any]:
    return sql.asc().nulls_last() if nullable else sql.asc()


def _down(sql: ColumnElement[Any], *, nullable: bool) -> ColumnElement[Any]:
    return sql.desc().nulls_first() if nullable else sql.desc()
