"""Compiling the tree of a filter to a condition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from scim2_models import AttributeBinding, InvalidFilterException
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
from sqlalchemy import and_, false, func, not_, or_, true

from scimbridge.store.attributes import Attributes, Entries, has_value, is_entry, is_secret
from scimbridge.store.filter_operands import Condition, Nothing, Op, Operand


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
            if node.op is not Op.eq:
                raise InvalidFilterException(detail=f"null cannot be compared with {node.op.value}")
            return self.missing(node.attr_path)
        return self.compared(node)

    def compared(self, node: Comparison) -> Condition:
        """Compile a comparison with a value."""
        raise NotImplementedError

    def missing(self, attr_path: AttrPath) -> Condition:
        """Compile a test for the absence of a value."""
        raise NotImplementedError


class Entry(_Visitor):
    """A filter between the brackets of ``emails[…]``, over one entry."""

    def __init__(self, operand: Callable[[AttrPath], Operand]) -> None:
        self._operand = operand

    def compared(self, node: Comparison) -> Condition:
        """Compile a comparison with a value."""
        return self._operand(node.attr_path).compare(node.op, node.value)

    def missing(self, attr_path: AttrPath) -> Condition:
        """Compile a test for the absence of a value."""
        return self._operand(attr_path).missing()

    def visit_present(self, node: Present) -> Condition:
        """Compile a test for presence."""
        return self._operand(node.attr_path).present()

    def visit_value_path(self, node: ValuePath) -> Condition:  # pragma: no cover - the grammar has none here
        """Refuse: there is nothing below an entry."""
        raise InvalidFilterException(detail=f"{node.attr_path}[…] cannot stand inside of another pair of brackets")


class Compiler(_Visitor):
    """A filter over one resource type.

    Args:
        attributes: Where the attributes of the type are.
        others: The other types that are asked at the same time. An attribute that only they have has no
            value here (RFC 7644 §3.4.2.1); one that none has is a mistake.
    """

    def __init__(self, attributes: Attributes, others: Sequence[Attributes] = ()) -> None:
        self._attributes = attributes
        self._others = others

    def visit_present(self, node: Present) -> Condition:
        """Compile a test for presence."""
        binding = self._bound(node.attr_path)
        if binding is None:
            return false()
        if not binding.is_multivalued:
            return self._attributes.operand(binding).present()
        entries = self._attributes.entries(binding)
        return entries.any(self._within(binding, entries, node.attr_path.sub_attr).present())

    def visit_value_path(self, node: ValuePath) -> Condition:
        """Compile a filter over entries."""
        binding = self._bound(node.attr_path)
        if binding is None:
            return false()
        if not binding.is_multivalued:
            raise InvalidFilterException(detail=f"{node.attr_path} has no entries to choose from")
        entries = self._attributes.entries(binding)
        condition = entries.any(Entry(lambda inner: self._inner(binding, entries, inner)).visit(node.val_filter))
        value = wanted_value(node.val_filter)
        return condition if value is None else self._narrowed(binding, value, condition)

    def compared(self, node: Comparison) -> Condition:
        """Compile a comparison with a value."""
        binding = self._bound(node.attr_path)
        if binding is None:
            return false()
        if not binding.is_multivalued:
            condition = self._attributes.operand(binding).compare(node.op, node.value)
            return self._narrowed(binding, node.value, condition) if node.op is Op.eq else condition
        name = node.attr_path.sub_attr or "value"
        entries = self._attributes.entries(binding)
        condition = entries.any(self._inner(binding, entries, AttrPath(name)).compare(node.op, node.value))
        is_equal = node.op is Op.eq and name.lower() == "value"
        return self._narrowed(binding, node.value, condition) if is_equal else condition

    def missing(self, attr_path: AttrPath) -> Condition:
        """Compile a test for the absence of a value: no entry, or one without it."""
        binding = self._bound(attr_path)
        if binding is None:
            return true()
        if not binding.is_multivalued:
            return self._attributes.operand(binding).missing()
        entries = self._attributes.entries(binding)
        is_absent = not_(entries.any(true()))
        if attr_path.sub_attr is None and not has_value(binding):
            return is_absent
        operand = self._inner(binding, entries, AttrPath(attr_path.sub_attr or "value"))
        return or_(is_absent, entries.any(operand.missing()))

    def _narrowed(self, binding: AttributeBinding, value: object, condition: Condition) -> Condition:
        """Add the condition by which an index finds what has a value, where there is one."""
        indexed = self._attributes.indexed(binding, value) if isinstance(value, str) else None
        return condition if indexed is None else and_(indexed, condition)

    def _within(self, binding: AttributeBinding, entries: Entries, sub_attr: str | None) -> Operand:
        """Return what of an entry has to be present: the part that is named, or any."""
        if sub_attr is None:
            return entries.operand(binding)
        return self._inner(binding, entries, AttrPath(sub_attr))

    def _inner(self, binding: AttributeBinding, entries: Entries, attr_path: AttrPath) -> Operand:
        """Return the SQL side of what a path means within an entry."""
        if attr_path.sub_attr or attr_path.uri:
            raise InvalidFilterException(detail=f"{attr_path} is not a sub-attribute")
        if not is_entry(binding):
            if attr_path.attr.lower() != "value":
                raise InvalidFilterException(detail=f"{attr_path} is not a sub-attribute")
            return entries.operand(binding)
        head = AttrPath(self._head(binding), attr_path.attr, str(binding.model.__schema__))  # type: ignore[attr-defined]
        inner = self._bound(head)
        return Nothing() if inner is None else entries.operand(inner)

    def _head(self, binding: AttributeBinding) -> str:
        return binding.urn.rpartition(":")[2].partition(".")[0]

    def _bound(self, attr_path: AttrPath) -> AttributeBinding | None:
        binding = self._attributes.bind(attr_path)
        if binding is None and not any(other.bind(attr_path) for other in self._others):
            raise InvalidFilterException(detail=f"{attr_path} is no attribute of {self._attributes.name}")
        if binding is not None and is_secret(binding):
            raise InvalidFilterException(detail=f"{attr_path} cannot be filtered on")
        return binding


def wanted_value(entry: FilterNode) -> str | None:
    """Return what ``value`` must equal for an entry to match at all."""
    terms = entry.terms if isinstance(entry, LogicalExpr) and entry.op is LogicalOperator.and_ else (entry,)
    for term in terms:
        if isinstance(term, Comparison) and term.op is Op.eq and term.attr_path.attr.lower() == "value":
            return term.value if isinstance(term.value, str) else None
    return None


def _negated(condition: Condition) -> Condition:
    # A comparison with a missing value is unknown to SQL, and not true to SCIM.
    return not_(func.coalesce(condition, false()))
