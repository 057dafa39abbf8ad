"""SCIM filters (RFC 7644 §3.4.2.2) compiled to SQL conditions, for SQLite and PostgreSQL.

Attributes with a column, an index or a table of their own are looked up there; every
other one is read from the JSON document. Values are always bound parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scim2_models import AttributeBinding, InvalidFilterException, ScimFilter
from scim2_models.path import (
    AttrPath,
    Comparison,
    FilterNode,
    LogicalExpr,
    LogicalOperator,
    Not,
    ValuePath,
)
from sqlalchemy import (
    Subquery,
    and_,
    literal,
    select,
)

from scimbridge.domain.model import GROUP, USER
from scimbridge.store.filter_compiler import Compiler, Relation, name_of
from scimbridge.store.filter_operands import Condition, Flag, Moment, Op, Operand, Text
from scimbridge.store.identities import fold
from scimbridge.store.schema import groups, identities, identity_values, memberships

MAX_LENGTH = 8192
"""Characters of a filter. Identity providers send a few hundred."""

MAX_TERMS = 100
"""Comparisons in a filter; each is a condition for the database."""


def user_condition(text: str, dialect: str) -> Condition:
    """Return what a filter over Users means on ``identities``.

    Args:
        text: The filter as sent.
        dialect: ``sqlite`` or ``postgresql``.

    Raises:
        InvalidFilterException: It is no filter, names an attribute that Users do not have or that
            must not be filtered on, compares it with something it cannot be compared with, or is too large.
    """
    return _Users(_parsed(USER, text), dialect).compiled()


def group_condition(text: str, dialect: str) -> Condition:
    """Return what a filter over Groups means on ``groups``; see ``user_condition``."""
    return _Groups(_parsed(GROUP, text), dialect).compiled()


def _parsed(model: Any, text: str) -> ScimFilter[Any]:
    if len(text) > MAX_LENGTH:
        raise InvalidFilterException(detail=f"the filter is longer than {MAX_LENGTH} characters")
    try:
        parsed: ScimFilter[Any] = ScimFilter[model](text)
    except RecursionError as error:
        raise InvalidFilterException(detail="the filter is nested too deeply") from error
    if sum(1 for _ in _terms(parsed.ast)) > MAX_TERMS:
        raise InvalidFilterException(detail=f"the filter has more than {MAX_TERMS} comparisons")
    return parsed


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


class _Users(Compiler):
    document = identities.c.document

    def column_of(self, binding: AttributeBinding) -> Operand | None:
        match name_of(binding):
            case "id":
                return Text(identities.c.id, self.dialect)
            case "userName":
                return Text(identities.c.user_name_key, self.dialect, folded=True)
            case "externalId":
                return Text(identities.c.external_id, self.dialect)
            case "active":
                return Flag(identities.c.active)
            case "meta.created":
                return Moment(identities.c.created_at)
            case "meta.lastModified":
                return Moment(identities.c.modified_at)
            case "meta.resourceType":
                return Text(literal("User"), self.dialect)
            case _:
                return None

    def operand_of(self, binding: AttributeBinding) -> Operand:
        operand = super().operand_of(binding)
        return _Indexed(operand, "employeeNumber") if name_of(binding) == "employeeNumber" else operand

    def any_in_document(self, binding: AttributeBinding, entry: FilterNode) -> Condition:
        condition = super().any_in_document(binding, entry)
        value = _wanted_value(entry) if binding.field_name == "emails" else None
        return condition if value is None else and_(_has_value("emails.value", value), condition)

    def relation_of(self, binding: AttributeBinding) -> Relation | None:
        if binding.field_name != "groups":
            return None
        joined: Subquery = (
            select(memberships.c.member_id, groups.c.id, groups.c.display_name, groups.c.display_name_key)
            .join(groups, groups.c.id == memberships.c.group_id)
            .subquery()
        )

        def operand(attr_path: AttrPath) -> Operand:
            match attr_path.attr.lower():
                case "value":
                    return Text(joined.c.id, self.dialect)
                case "display":
                    return Text(joined.c.display_name_key, self.dialect, folded=True)
                case "type":
                    return Text(literal("direct"), self.dialect)
                case _:
                    raise InvalidFilterException(detail=f"groups.{attr_path} cannot be filtered on")

        return Relation(identities.c.id, joined.c.member_id, operand)


class _Groups(Compiler):
    document = groups.c.document

    def column_of(self, binding: AttributeBinding) -> Operand | None:
        match name_of(binding):
            case "id":
                return Text(groups.c.id, self.dialect)
            case "displayName":
                return Text(groups.c.display_name_key, self.dialect, folded=True)
            case "externalId":
                return Text(groups.c.external_id, self.dialect)
            case "meta.created":
                return Moment(groups.c.created_at)
            case "meta.lastModified":
                return Moment(groups.c.modified_at)
            case "meta.resourceType":
                return Text(literal("Group"), self.dialect)
            case _:
                return None

    def relation_of(self, binding: AttributeBinding) -> Relation | None:
        if binding.field_name != "members":
            return None

        def operand(attr_path: AttrPath) -> Operand:
            match attr_path.attr.lower():
                case "value":
                    return Text(memberships.c.member_id, self.dialect)
                case "type":
                    return Text(memberships.c.kind, self.dialect, any_case=True)
                case _:
                    raise InvalidFilterException(detail=f"members.{attr_path} cannot be filtered on")

        return Relation(groups.c.id, memberships.c.group_id, operand)


@dataclass(frozen=True, slots=True)
class _Indexed:
    """An attribute of the document whose values are also rows with an index."""

    operand: Operand
    attribute: str

    def compare(self, op: Op, value: Any) -> Condition:
        condition = self.operand.compare(op, value)
        return and_(_has_value(self.attribute, value), condition) if op is Op.eq else condition

    def present(self) -> Condition:
        return self.operand.present()


def _wanted_value(entry: FilterNode) -> str | None:
    """Return what ``value`` must equal for an entry to match at all."""
    terms = entry.terms if isinstance(entry, LogicalExpr) and entry.op is LogicalOperator.and_ else (entry,)
    for term in terms:
        if isinstance(term, Comparison) and term.op is Op.eq and term.attr_path.attr.lower() == "value":
            return term.value if isinstance(term.value, str) else None
    return None


def _has_value(attribute: str, value: str) -> Condition:
    rows = select(identity_values.c.identity_id).where(
        identity_values.c.attribute == attribute, identity_values.c.value == fold(value)
    )
    return identities.c.id.in_(rows)
