"""SCIM filters (RFC 7644 §3.4.2.2) compiled to SQL conditions, for SQLite and PostgreSQL.

Attributes with a column, an index or a table of their own are looked up there; every
other one is read from the JSON document. Values are always bound parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from scim2_models import InvalidFilterException, ScimFilter
from scim2_models.path import Comparison, FilterNode, LogicalExpr, LogicalOperator, Not, ValuePath

from scimbridge.store.allowance import Expected
from scimbridge.store.attributes import Attributes
from scimbridge.store.filter_compiler import Compiler, wanted_value
from scimbridge.store.filter_operands import Condition, Op

MAX_LENGTH = 8192
"""Characters of a filter. Identity providers send a few hundred."""

MAX_TERMS = 100
"""Comparisons in a filter; each is a condition for the database, and SQLite takes a tree of 1000 levels."""

_LOOKED_UP = frozenset({"id", "username", "externalid", "emails", "emails.value"})
"""What one or a few resources have the same value of, by an index."""


class Filter:
    """A filter of a request.

    Args:
        text: As sent.

    Raises:
        InvalidFilterException: It is no filter, or too large.
    """

    def __init__(self, text: str) -> None:
        self._tree = _parsed(text)

    def condition(self, attributes: Attributes, others: Sequence[Attributes] = ()) -> Condition:
        """Return what it means for one resource type.

        Args:
            attributes: The resource type.
            others: Those that are asked at the same time.

        Raises:
            InvalidFilterException: It names an attribute that there is not or that must not be
                filtered on, or compares one with something it cannot be compared with.
        """
        return Compiler(attributes, others).visit(self._tree)

    @property
    def expected(self) -> Expected:
        """What is known of its cost: one condition with an index, or one among others, tells where to look."""
        match self._tree:
            case Comparison() if _has_order(self._tree) or _looks_up(self._tree):
                return Expected.LITTLE
            case LogicalExpr(op=LogicalOperator.and_, terms=terms) if any(map(_looks_up, terms)):
                return Expected.FEW
            case ValuePath() if _looks_up(self._tree):
                return Expected.FEW
            case _:
                return Expected.NOTHING

    @property
    def only_group(self) -> str | None:
        """The id of the Group, where the filter says "the members of this Group" and nothing else."""
        match self._tree:
            case Comparison(op=Op.eq, value=str()) if str(self._tree.attr_path).lower() in {"groups", "groups.value"}:
                return str(self._tree.value)
            case ValuePath(val_filter=Comparison()) if str(self._tree.attr_path).lower() == "groups":
                return wanted_value(self._tree.val_filter)
            case _:
                return None


def _has_order(term: Comparison) -> bool:
    return str(term.attr_path).lower() == "meta.lastmodified" and term.op in {Op.gt, Op.ge, Op.lt, Op.le}


def _looks_up(term: FilterNode) -> bool:
    match term:
        case Comparison(op=Op.eq, value=str()):
            return str(term.attr_path).lower() in _LOOKED_UP
        case ValuePath():
            return str(term.attr_path).lower() == "emails" and wanted_value(term.val_filter) is not None
        case _:
            return False


def _parsed(text: str) -> FilterNode:
    if len(text) > MAX_LENGTH:
        raise InvalidFilterException(detail=f"the filter is longer than {MAX_LENGTH} characters")
    try:
        parsed: ScimFilter[Any] = ScimFilter(text)
    except RecursionError as error:
        raise InvalidFilterException(detail="the filter is nested too deeply") from error
    if sum(1 for _ in _terms(parsed.ast)) > MAX_TERMS:
        raise InvalidFilterException(detail=f"the filter has more than {MAX_TERMS} comparisons")
    return parsed.ast


def _terms(node: FilterNode) -> Iterator[FilterNode]:
    match node:
        case LogicalExpr():
            for term in node.terms:
                yield from _terms(term)
        case Not():
            yield from _terms(node.expr)
        case ValuePath():
            yield from _terms(node.val_filter)
        case _:
            yield node
