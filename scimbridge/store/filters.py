"""SCIM filters (RFC 7644 §3.4.2.2) compiled to SQL conditions, for SQLite and PostgreSQL.

Attributes with a column, an index or a table of their own are looked up there; every
other one is read from the JSON document. Values are always bound parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from inspect import isclass
from typing import Any, Protocol

from pydantic import BaseModel, TypeAdapter, ValidationError
from scim2_models import AttributeBinding, Extension, InvalidFilterException, Mutability, ScimFilter
from scim2_models.path import (
    AttrPath,
    CompareOperator,
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
    Subquery,
    and_,
    column,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)

from scimbridge.domain.model import GROUP, USER
from scimbridge.store.identities import fold
from scimbridge.store.schema import groups, identities, identity_values, memberships

MAX_LENGTH = 8192
"""Characters of a filter. Identity providers send a few hundred."""

MAX_TERMS = 100
"""Comparisons in a filter; each is a condition for the database."""

Condition = ColumnElement[bool]
Op = CompareOperator


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


class _Operand(Protocol):
    """The SQL side of a comparison."""

    def compare(self, op: Op, value: Any) -> Condition: ...

    def present(self) -> Condition: ...


@dataclass(frozen=True, slots=True)
class _Text:
    """A string. ``LIKE`` is not used: its wildcards and its case rules differ between databases."""

    sql: ColumnElement[Any]
    dialect: str
    folded: bool = False
    """The column holds folded values."""
    any_case: bool = False
    """The column holds values as sent, to be compared without their case."""

    def compare(self, op: Op, value: Any) -> Condition:
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
class _Flag:
    """A boolean; Entra ID writes it as a string in filters, too: ``primary eq "True"``."""

    sql: ColumnElement[bool]

    def compare(self, op: Op, value: Any) -> Condition:
        if op is not Op.eq:
            raise InvalidFilterException(detail=f"a boolean cannot be compared with {op.value}")
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            value = value.lower() == "true"
        if not isinstance(value, bool):
            raise InvalidFilterException(detail="a boolean can only be compared with true or false")
        return self.sql.is_(true()) if value else self.sql.is_(false())

    def present(self) -> Condition:
        return self.sql.is_not(None)


@dataclass(frozen=True, slots=True)
class _Moment:
    """A dateTime, compared as a time whatever its zone; without one it is UTC."""

    sql: ColumnElement[datetime]

    def compare(self, op: Op, value: Any) -> Condition:
        if op in {Op.co, Op.sw, Op.ew}:
            raise InvalidFilterException(detail=f"a dateTime cannot be compared with {op.value}")
        return _ordered(self.sql, op, literal(_moment(value), self.sql.type))

    def present(self) -> Condition:
        return self.sql.is_not(None)


@dataclass(frozen=True, slots=True)
class _Complex:
    """An attribute of several parts: it is there or not, and has no value of its own."""

    sql: ColumnElement[Any]

    def compare(self, op: Op, value: Any) -> Condition:  # noqa: ARG002
        raise InvalidFilterException(detail="a complex attribute can only be compared by its sub-attributes")

    def present(self) -> Condition:
        return self.sql.is_not(None)


class _Visitor(FilterVisitor[Condition]):
    """What is the same for a resource and for one entry of a multi-valued attribute."""

    def visit_logical_expr(self, node: LogicalExpr) -> Condition:
        join = and_ if node.op is LogicalOperator.and_ else or_
        return join(*(self.visit(term) for term in node.terms))

    def visit_not(self, node: Not) -> Condition:
        return _negated(self.visit(node.expr))

    def visit_comparison(self, node: Comparison) -> Condition:
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

    def __init__(self, operand: Callable[[AttrPath], _Operand]) -> None:
        self._operand = operand

    def _compared(self, node: Comparison) -> Condition:
        return self._operand(node.attr_path).compare(node.op, node.value)

    def visit_present(self, node: Present) -> Condition:
        return self._operand(node.attr_path).present()

    def visit_value_path(self, node: ValuePath) -> Condition:
        raise InvalidFilterException(detail=f"{node.attr_path}[…] cannot stand inside of another pair of brackets")


class _Compiler(_Visitor):
    """A filter over a resource type."""

    document: ColumnElement[Any]
    resource_type: str

    def __init__(self, parsed: ScimFilter[Any], dialect: str) -> None:
        self._parsed = parsed
        self._dialect = dialect

    def compiled(self) -> Condition:
        return self.visit(self._parsed.ast)

    def visit_present(self, node: Present) -> Condition:
        binding = self._bound(node.attr_path)
        if binding.is_multivalued and (node.attr_path.sub_attr or self._relation(binding)):
            return self._any(binding, Present(AttrPath(node.attr_path.sub_attr or "value")))
        return self._operand(binding).present()

    def visit_value_path(self, node: ValuePath) -> Condition:
        binding = self._bound(node.attr_path)
        if not binding.is_multivalued:
            raise InvalidFilterException(detail=f"{node.attr_path} has no entries to choose from")
        return self._any(binding, node.val_filter)

    def _compared(self, node: Comparison) -> Condition:
        binding = self._bound(node.attr_path)
        if binding.is_multivalued:
            return self._any(binding, replace(node, attr_path=AttrPath(node.attr_path.sub_attr or "value")))
        return self._operand(binding).compare(node.op, node.value)

    def _any(self, binding: AttributeBinding, entry: FilterNode) -> Condition:
        """At least one entry of a multi-valued attribute satisfies a filter."""
        relation = self._relation(binding)
        if relation is not None:
            key, rows, operand = relation
            return key.in_(select(rows).where(_Entry(operand).visit(entry)))
        return self._any_in_document(binding, entry)

    def _any_in_document(self, binding: AttributeBinding, entry: FilterNode) -> Condition:
        path = _path(replace(binding, sub_field_name=None))
        if not _is_complex(binding.field_type):
            entries, item = self._scalars(path)
            operand: Callable[[AttrPath], _Operand] = lambda _: _Text(item, self._dialect)  # noqa: E731
        else:
            entries, item = self._entries(path)
            operand = self._entry_operand(binding, item)
        return exists(select(literal(1)).select_from(entries).where(_Entry(operand).visit(entry)))

    def _entry_operand(self, binding: AttributeBinding, item: ColumnElement[Any]) -> Callable[[AttrPath], _Operand]:
        uri = str(binding.model.__schema__) if _is_extension(binding) else None  # type: ignore[attr-defined]

        def operand(attr_path: AttrPath) -> _Operand:
            if attr_path.sub_attr or attr_path.uri:
                raise InvalidFilterException(detail=f"{attr_path} is no sub-attribute")
            bound = self._bound(AttrPath(_path(binding)[-1 - bool(binding.sub_field_name)], attr_path.attr, uri))
            return self._json(item[_path(bound)[-1]], bound)

        return operand

    def _bound(self, attr_path: AttrPath) -> AttributeBinding:
        binding = self._parsed.resolve(attr_path, strict=True)
        if binding is None:  # pragma: no cover - the filter is bound to one model
            raise InvalidFilterException(detail=f"{attr_path} is unknown")
        if Mutability.write_only in (binding.get_annotation(Mutability),):
            raise InvalidFilterException(detail=f"{attr_path} cannot be filtered on")
        return binding

    def _operand(self, binding: AttributeBinding) -> _Operand:
        found = self._column(binding)
        if found is not None:
            return found
        if binding.field_name == "meta":
            raise InvalidFilterException(detail=f"{binding.urn} cannot be filtered on")
        if not binding.is_multivalued and _holds_value(binding.target_type):
            # Entra ID compares the manager itself: urn:…:User:manager eq "id".
            return _Text(self.document[(*_path(binding), "value")].as_string(), self._dialect)
        return self._json(self.document[_path(binding)], binding)

    def _json(self, value: Any, binding: AttributeBinding) -> _Operand:
        if binding.target_type is bool:
            return _Flag(value.as_boolean())
        if _is_complex(binding.target_type) or binding.target_is_multivalued:
            return _Complex(value.as_string())
        return _Text(value.as_string(), self._dialect, any_case=not binding.case_exact)

    def _entries(self, path: tuple[str, ...]) -> tuple[FromClause, ColumnElement[Any]]:
        value = column("value", JSON())
        if self._dialect == "sqlite":
            entries = func.json_each(self.document, _sqlite_path(path)).table_valued(value)
        else:
            entries = func.jsonb_array_elements(self.document[path]).table_valued(value)
        return entries, entries.c.value

    def _scalars(self, path: tuple[str, ...]) -> tuple[FromClause, ColumnElement[Any]]:
        value = column("value", String())
        if self._dialect == "sqlite":
            entries = func.json_each(self.document, _sqlite_path(path)).table_valued(value)
        else:
            entries = func.jsonb_array_elements_text(self.document[path]).table_valued(value)
        return entries, entries.c.value

    def _column(self, binding: AttributeBinding) -> _Operand | None:
        raise NotImplementedError

    def _relation(
        self, binding: AttributeBinding
    ) -> tuple[ColumnElement[Any], ColumnElement[Any], Callable[[AttrPath], _Operand]] | None:
        """Return the key column, the column of the rows it must be in, and how entries are compared."""
        raise NotImplementedError


class _Users(_Compiler):
    document = identities.c.document

    def _column(self, binding: AttributeBinding) -> _Operand | None:
        match _name(binding):
            case "id":
                return _Text(identities.c.id, self._dialect)
            case "userName":
                return _Text(identities.c.user_name_key, self._dialect, folded=True)
            case "externalId":
                return _Text(identities.c.external_id, self._dialect)
            case "active":
                return _Flag(identities.c.active)
            case "meta.created":
                return _Moment(identities.c.created_at)
            case "meta.lastModified":
                return _Moment(identities.c.modified_at)
            case "meta.resourceType":
                return _Text(literal("User"), self._dialect)
            case _:
                return None

    def _operand(self, binding: AttributeBinding) -> _Operand:
        operand = super()._operand(binding)
        return _Indexed(operand, "employeeNumber") if _name(binding) == "employeeNumber" else operand

    def _any_in_document(self, binding: AttributeBinding, entry: FilterNode) -> Condition:
        condition = super()._any_in_document(binding, entry)
        value = _wanted_value(entry) if binding.field_name == "emails" else None
        return condition if value is None else and_(_has_value("emails.value", value), condition)

    def _relation(
        self, binding: AttributeBinding
    ) -> tuple[ColumnElement[Any], ColumnElement[Any], Callable[[AttrPath], _Operand]] | None:
        if binding.field_name != "groups":
            return None
        joined: Subquery = (
            select(memberships.c.member_id, groups.c.id, groups.c.display_name, groups.c.display_name_key)
            .join(groups, groups.c.id == memberships.c.group_id)
            .subquery()
        )

        def operand(attr_path: AttrPath) -> _Operand:
            match attr_path.attr.lower():
                case "value":
                    return _Text(joined.c.id, self._dialect)
                case "display":
                    return _Text(joined.c.display_name_key, self._dialect, folded=True)
                case "type":
                    return _Text(literal("direct"), self._dialect)
                case _:
                    raise InvalidFilterException(detail=f"groups.{attr_path} cannot be filtered on")

        return identities.c.id, joined.c.member_id, operand


class _Groups(_Compiler):
    document = groups.c.document

    def _column(self, binding: AttributeBinding) -> _Operand | None:
        match _name(binding):
            case "id":
                return _Text(groups.c.id, self._dialect)
            case "displayName":
                return _Text(groups.c.display_name_key, self._dialect, folded=True)
            case "externalId":
                return _Text(groups.c.external_id, self._dialect)
            case "meta.created":
                return _Moment(groups.c.created_at)
            case "meta.lastModified":
                return _Moment(groups.c.modified_at)
            case "meta.resourceType":
                return _Text(literal("Group"), self._dialect)
            case _:
                return None

    def _relation(
        self, binding: AttributeBinding
    ) -> tuple[ColumnElement[Any], ColumnElement[Any], Callable[[AttrPath], _Operand]] | None:
        if binding.field_name != "members":
            return None

        def operand(attr_path: AttrPath) -> _Operand:
            match attr_path.attr.lower():
                case "value":
                    return _Text(memberships.c.member_id, self._dialect)
                case "type":
                    return _Text(memberships.c.kind, self._dialect, any_case=True)
                case _:
                    raise InvalidFilterException(detail=f"members.{attr_path} cannot be filtered on")

        return groups.c.id, memberships.c.group_id, operand


@dataclass(frozen=True, slots=True)
class _Indexed:
    """An attribute of the document whose values are also rows with an index."""

    operand: _Operand
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


def _negated(condition: Condition) -> Condition:
    # A comparison with a missing value is unknown to SQL, and not true to SCIM.
    return not_(func.coalesce(condition, false()))


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


def _is_complex(type_: Any) -> bool:
    return isclass(type_) and issubclass(type_, BaseModel)


def _holds_value(type_: Any) -> bool:
    return _is_complex(type_) and "value" in type_.model_fields


def _is_extension(binding: AttributeBinding) -> bool:
    return issubclass(binding.model, Extension)


def _name(binding: AttributeBinding) -> str:
    """Return the attribute as its schema spells it: ``userName``, ``meta.created``."""
    return binding.urn.removeprefix(f"{binding.model.__schema__}:")  # type: ignore[attr-defined]


def _path(binding: AttributeBinding) -> tuple[str, ...]:
    """Return where the attribute is in the document."""
    parts = _name(binding).split(".")
    if binding.sub_field_name is None:
        parts = parts[:1]
    return (str(binding.model.__schema__), *parts) if _is_extension(binding) else tuple(parts)  # type: ignore[attr-defined]


def _sqlite_path(path: tuple[str, ...]) -> str:
    return "$" + "".join(f'."{key}"' for key in path)
