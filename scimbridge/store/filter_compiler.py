"""Compiling the tree of a filter: what is the same for every resource type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from inspect import isclass
from typing import Any

from pydantic import BaseModel
from scim2_models import AttributeBinding, Extension, InvalidFilterException, Mutability, ScimFilter
from scim2_models.path import (
    AttrPath,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
)
from sqlalchemy import (
    JSON,
    ColumnElement,
    FromClause,
    String,
    and_,
    column,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
)

from scimbridge.store.filter_operands import Complex, Condition, Flag, Op, Operand, Text


@dataclass(frozen=True, slots=True)
class Relation:
    """A multi-valued attribute with a table of its own.

    Attributes:
        key: The resource's column that must be among ``rows``.
        rows: The column that names the resource of an entry.
        operand: The SQL side of a sub-attribute.
    """

    key: ColumnElement[Any]
    rows: ColumnElement[Any]
    operand: Callable[[AttrPath], Operand]


class _Visitor(FilterVisitor[Condition]):
    """What is the same for a resource and for one entry of a multi-valued attribute."""

    def visit_logical_expr(self, node: LogicalExpr) -> Condition:
        """Compile a conjunction or disjunction."""
        join = and_ if node.op is LogicalOperator.and_ else or_
        return join(*(self.visit(term) for term in node.terms))

    def visit_not(self, node: Not) -> Condition:
        """Compile a negation."""
        return _negated(self.visit(node.expr))

    def visit_comparison(self, node: Comparison) -> Condition:
        """Compile a comparison."""
        # "Not equal" also holds where there is no value; and null is no value (RFC 7643 §2.5).
        if node.op is Op.ne:
            return _negated(self.visit_comparison(replace(node, op=Op.eq)))
        if node.value is None:
            return _negated(self.visit_present(Present(node.attr_path))) if node.op is Op.eq else false()
        return self._compared(node)

    def _compared(self, node: Comparison) -> Condition:
        raise NotImplementedError


class _Entry(_Visitor):
    """A filter between the brackets of ``emails[…]``, over one entry."""

    def __init__(self, operand: Callable[[AttrPath], Operand]) -> None:
        self._operand = operand

    def _compared(self, node: Comparison) -> Condition:
        return self._operand(node.attr_path).compare(node.op, node.value)

    def visit_present(self, node: Present) -> Condition:
        """Compile a test for presence."""
        return self._operand(node.attr_path).present()

    def visit_value_path(self, node: ValuePath) -> Condition:
        """Compile a filter over entries."""
        raise InvalidFilterException(detail=f"{node.attr_path}[…] cannot stand inside of another pair of brackets")


class Compiler(_Visitor):
    """A filter over a resource type, which says what has columns and tables of its own.

    Attributes:
        document: The column of the JSON document.
    """

    document: ColumnElement[Any]

    def __init__(self, parsed: ScimFilter[Any], dialect: str) -> None:
        self._parsed = parsed
        self.dialect = dialect

    def compiled(self) -> Condition:
        """Return the whole filter as a condition."""
        return self.visit(self._parsed.ast)

    def visit_present(self, node: Present) -> Condition:
        """Compile a test for presence."""
        binding = self._bound(node.attr_path)
        if binding.is_multivalued and (node.attr_path.sub_attr or self.relation_of(binding)):
            return self._any(binding, Present(AttrPath(node.attr_path.sub_attr or "value")))
        return self.operand_of(binding).present()

    def visit_value_path(self, node: ValuePath) -> Condition:
        """Compile a filter over entries."""
        binding = self._bound(node.attr_path)
        if not binding.is_multivalued:
            raise InvalidFilterException(detail=f"{node.attr_path} has no entries to choose from")
        return self._any(binding, node.val_filter)

    def _compared(self, node: Comparison) -> Condition:
        binding = self._bound(node.attr_path)
        if binding.is_multivalued:
            return self._any(binding, replace(node, attr_path=AttrPath(node.attr_path.sub_attr or "value")))
        return self.operand_of(binding).compare(node.op, node.value)

    def _any(self, binding: AttributeBinding, entry: FilterNode) -> Condition:
        """At least one entry of a multi-valued attribute satisfies a filter."""
        relation = self.relation_of(binding)
        if relation is not None:
            return relation.key.in_(select(relation.rows).where(_Entry(relation.operand).visit(entry)))
        return self.any_in_document(binding, entry)

    def any_in_document(self, binding: AttributeBinding, entry: FilterNode) -> Condition:
        """At least one entry in the document satisfies a filter."""
        path = _path(replace(binding, sub_field_name=None))
        if not _is_complex(binding.field_type):
            entries, item = self._scalars(path)
            operand: Callable[[AttrPath], Operand] = lambda _: Text(item, self.dialect)  # noqa: E731
        else:
            entries, item = self._entries(path)
            operand = self._entry_operand(binding, item)
        return exists(select(literal(1)).select_from(entries).where(_Entry(operand).visit(entry)))

    def _entry_operand(self, binding: AttributeBinding, item: ColumnElement[Any]) -> Callable[[AttrPath], Operand]:
        name = _path(replace(binding, sub_field_name=None))[-1]
        uri = str(binding.model.__schema__) if _is_extension(binding) else None  # type: ignore[attr-defined]

        def operand(attr_path: AttrPath) -> Operand:
            if attr_path.sub_attr or attr_path.uri:
                raise InvalidFilterException(detail=f"{attr_path} is no sub-attribute")
            bound = self._bound(AttrPath(name, attr_path.attr, uri))
            return self._json(item[_path(bound)[-1]], bound)

        return operand

    def _bound(self, attr_path: AttrPath) -> AttributeBinding:
        binding = self._parsed.resolve(attr_path, strict=True)
        if binding is None:  # pragma: no cover - the filter is bound to one model
            raise InvalidFilterException(detail=f"{attr_path} is unknown")
        if Mutability.write_only in (binding.get_annotation(Mutability),):
            raise InvalidFilterException(detail=f"{attr_path} cannot be filtered on")
        return binding

    def operand_of(self, binding: AttributeBinding) -> Operand:
        """Return the SQL side of a single-valued attribute."""
        found = self.column_of(binding)
        if found is not None:
            return found
        if binding.field_name == "meta":
            raise InvalidFilterException(detail=f"{binding.urn} cannot be filtered on")
        if not binding.is_multivalued and _holds_value(binding.target_type):
            # Entra ID compares the manager itself: urn:…:User:manager eq "id".
            return Text(self.document[(*_path(binding), "value")].as_string(), self.dialect)
        return self._json(self.document[_path(binding)], binding)

    def _json(self, value: Any, binding: AttributeBinding) -> Operand:
        if binding.target_type is bool:
            return Flag(value.as_boolean())
        if _is_complex(binding.target_type) or binding.target_is_multivalued:
            return Complex(value.as_string())
        return Text(value.as_string(), self.dialect, any_case=not binding.case_exact)

    def _entries(self, path: tuple[str, ...]) -> tuple[FromClause, ColumnElement[Any]]:
        value = column("value", JSON())
        if self.dialect == "sqlite":
            entries = func.json_each(self.document, _sqlite_path(path)).table_valued(value)
        else:
            entries = func.jsonb_array_elements(self.document[path]).table_valued(value)
        return entries, entries.c.value

    def _scalars(self, path: tuple[str, ...]) -> tuple[FromClause, ColumnElement[Any]]:
        value = column("value", String())
        if self.dialect == "sqlite":
            entries = func.json_each(self.document, _sqlite_path(path)).table_valued(value)
        else:
            entries = func.jsonb_array_elements_text(self.document[path]).table_valued(value)
        return entries, entries.c.value

    def column_of(self, binding: AttributeBinding) -> Operand | None:
        """Return the column of an attribute, or ``None`` where it is in the document only."""
        raise NotImplementedError

    def relation_of(self, binding: AttributeBinding) -> Relation | None:
        """Return the table of a multi-valued attribute, or ``None`` where it is in the document."""
        raise NotImplementedError


def _negated(condition: Condition) -> Condition:
    # A comparison with a missing value is unknown to SQL, and not true to SCIM.
    return not_(func.coalesce(condition, false()))


def _is_complex(type_: Any) -> bool:
    return isclass(type_) and issubclass(type_, BaseModel)


def _holds_value(type_: Any) -> bool:
    return _is_complex(type_) and "value" in type_.model_fields


def _is_extension(binding: AttributeBinding) -> bool:
    return issubclass(binding.model, Extension)


def name_of(binding: AttributeBinding) -> str:
    """Return the attribute as its schema spells it: ``userName``, ``meta.created``."""
    return binding.urn.removeprefix(f"{binding.model.__schema__}:")  # type: ignore[attr-defined]


def _path(binding: AttributeBinding) -> tuple[str, ...]:
    """Return where the attribute is in the document."""
    parts = name_of(binding).split(".")
    if binding.sub_field_name is None:
        parts = parts[:1]
    return (str(binding.model.__schema__), *parts) if _is_extension(binding) else tuple(parts)  # type: ignore[attr-defined]


def _sqlite_path(path: tuple[str, ...]) -> str:
    return "$" + "".join(f'."{key}"' for key in path)
