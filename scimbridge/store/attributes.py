"""Where the attributes of a resource type are in SQL: in columns, in tables, or in the JSON document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from inspect import isclass
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel
from scim2_models import AttributeBinding, Extension, InvalidPathException, Mutability, Path
from scim2_models.path import AttrPath
from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    FromClause,
    String,
    case,
    column,
    exists,
    func,
    literal,
    select,
)

from scimbridge.store.filter_operands import Binary, Complex, Condition, Flag, Moment, Number, Operand, Text
from scimbridge.store.functions import moment_of, number_of

OperandOf = Callable[[AttributeBinding], Operand]
"""The SQL side of a sub-attribute of one entry; ``sub_field_name`` names it, or is ``None`` for a list of strings."""


class Entries(Protocol):
    """The entries of a multi-valued attribute of one resource."""

    def operand(self, binding: AttributeBinding) -> Operand:
        """Return the SQL side of a sub-attribute of an entry."""
        ...

    def any(self, condition: Condition) -> Condition:
        """At least one entry satisfies a condition."""
        ...

    def first(self, key: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return a value of the primary entry, or else of the first one (RFC 7644 §3.4.2.3)."""
        ...


@dataclass(frozen=True, slots=True)
class Rows:
    """Entries that are rows of a table.

    Attributes:
        key: The resource's column that must be among the rows.
        owner: The column that names the resource of an entry.
        order: The column by which entries are ordered.
        operand_of: The SQL side of a sub-attribute.
    """

    key: ColumnElement[Any]
    owner: ColumnElement[Any]
    order: ColumnElement[Any]
    operand_of: OperandOf

    def operand(self, binding: AttributeBinding) -> Operand:
        """Return the SQL side of a sub-attribute."""
        return self.operand_of(binding)

    def any(self, condition: Condition) -> Condition:
        """At least one row satisfies a condition."""
        return self.key.in_(select(self.owner).where(condition))

    def first(self, key: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return a value of the first row."""
        rows = select(key).where(self.owner == self.key).order_by(self.order).limit(1)
        return rows.correlate(self.key.table).scalar_subquery()


@dataclass(frozen=True, slots=True)
class Items:
    """Entries of a list in the document."""

    rows: FromClause
    position: ColumnElement[Any]
    primary: ColumnElement[bool] | None
    operand_of: OperandOf

    def operand(self, binding: AttributeBinding) -> Operand:
        """Return the SQL side of a sub-attribute."""
        return self.operand_of(binding)

    def any(self, condition: Condition) -> Condition:
        """At least one item of the list satisfies a condition."""
        return exists(select(literal(1)).select_from(self.rows).where(condition))

    def first(self, key: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return a value of the primary item, or else of the first one."""
        order = [self.position] if self.primary is None else [case((self.primary, 0), else_=1), self.position]
        return select(key).select_from(self.rows).order_by(*order).limit(1).scalar_subquery()


class Attributes:
    """The attributes of a resource type, by their bindings to its model.

    Args:
        dialect: ``sqlite`` or ``postgresql``.
        base: The address of the service provider, of which locations and references are made.

    Attributes:
        model: The resource type's model, its extensions included.
        name: What ``meta.resourceType`` says.
        table: The resources.
    """

    model: ClassVar[Any]
    name: ClassVar[str]
    table: ClassVar[Any]

    def __init__(self, dialect: str, base: str) -> None:
        self.dialect = dialect
        self.base = base

    def bind(self, attr_path: AttrPath) -> AttributeBinding | None:
        """Return the attribute that a path names, or ``None`` where the resource type has none."""
        try:
            binding: AttributeBinding | None = Path(str(attr_path)).resolve(self.model)
        except InvalidPathException:
            return None  # it begins with a URN that is none
        return binding

    def operand(self, binding: AttributeBinding) -> Operand:
        """Return the SQL side of a single-valued attribute."""
        found = self.column_of(name_of(binding))
        if found is not None:
            return found
        if name_of(binding) == "meta":
            return Complex(self.table.c.id, [Text(self.table.c.id, self.dialect)])
        value = self.table.c.document[path_of(binding)]
        if _holds_value(binding):
            # Entra ID compares the manager itself: urn:…:User:manager eq "id".
            return _Reference(self.json(value, binding), Text(self._inside(binding, "value"), self.dialect))
        return self.json(value, binding)

    def entries(self, binding: AttributeBinding) -> Entries:
        """Return the entries of a multi-valued attribute."""
        return self.rows_of(binding.field_name) or self._items(binding)

    def column_of(self, name: str) -> Operand | None:
        """Return the column of an attribute, or ``None`` where it is in the document only."""
        match name:
            case "id":
                return Text(self.table.c.id, self.dialect)
            case "externalId":
                return Text(self.table.c.external_id, self.dialect)
            case "meta.created":
                return Moment(self.table.c.created_at)
            case "meta.lastModified":
                return Moment(self.table.c.modified_at)
            case "meta.resourceType":
                return Text(literal(self.name), self.dialect)
            case "meta.location":
                return Text(literal(f"{self.base}/{self.name}s/").concat(self.table.c.id), self.dialect, any_case=True)
            case "meta.version":
                version = literal('W/"v').concat(func.cast(self.table.c.version, String)).concat('"')
                return Text(version, self.dialect)
            case _:
                return None

    def rows_of(self, field_name: str) -> Rows | None:
        """Return the table of a multi-valued attribute, or ``None`` where it is in the document."""
        raise NotImplementedError

    def indexed(self, binding: AttributeBinding, value: str) -> Condition | None:  # noqa: ARG002
        """Return what narrows the resources with this value down by an index, or ``None`` where there is none."""
        return None

    def json(self, value: Any, binding: AttributeBinding) -> Operand:
        """Return the SQL side of a value in the document, by the type that the model gives it."""
        type_ = binding.target_type
        if binding.target_is_multivalued or _is_complex(type_):
            return Complex(value.as_string(), [self.json(value[name], part) for name, part in _parts_of(binding)])
        if not isclass(type_):
            return Text(value.as_string(), self.dialect, any_case=not binding.case_exact)
        if issubclass(type_, bool):
            return Flag(value.as_boolean())
        if issubclass(type_, int | float):
            return Number(number_of(value.as_string()))
        if issubclass(type_, datetime):
            return Moment(moment_of(value.as_string(), self.dialect))
        if issubclass(type_, bytes):
            return Binary(value.as_string())
        return Text(value.as_string(), self.dialect, any_case=not binding.case_exact)

    def _inside(self, binding: AttributeBinding, name: str) -> ColumnElement[Any]:
        return self.table.c.document[(*path_of(binding), name)].as_string()  # type: ignore[no-any-return]

    def _items(self, binding: AttributeBinding) -> Items:
        path = path_of(replace(binding, sub_field_name=None))
        if not _is_complex(binding.field_type):
            rows = self._unnested(path, String())
            item = rows.c.value
            any_case = not binding.case_exact
            return Items(rows, rows.c.key, None, lambda _: Text(item, self.dialect, any_case=any_case))
        rows = self._unnested(path, JSON())
        item = rows.c.value
        parts: Any = binding.field_type
        primary = item["primary"].as_boolean() if "primary" in parts.model_fields else None

        def operand(part: AttributeBinding) -> Operand:
            if part.sub_field_name is None:
                return Complex(item, [self.json(item[name], inner) for name, inner in _parts_of(part)])
            return self.json(item[path_of(part)[-1]], part)

        return Items(rows, rows.c.key, primary, operand)

    def _unnested(self, path: tuple[str, ...], type_: Any) -> Any:
        value: Column[Any] = column("value", type_)  # type: ignore[assignment]
        if self.dialect == "sqlite":
            keys = "".join(f'."{key}"' for key in path)
            return func.json_each(self.table.c.document, f"${keys}").table_valued(value, column("key"))
        unnest = func.jsonb_array_elements_text if isinstance(type_, String) else func.jsonb_array_elements
        items = unnest(self.table.c.document[path]).table_valued(value, with_ordinality="key", name="item")
        return items.render_derived()


@dataclass(frozen=True, slots=True)
class _Reference:
    """A complex attribute that is compared by its ``value``."""

    whole: Operand
    value: Operand

    def compare(self, op: Any, value: Any) -> Condition:
        return self.value.compare(op, value)

    def present(self) -> Condition:
        return self.whole.present()

    def missing(self) -> Condition:
        return self.whole.missing()

    def sort_key(self) -> ColumnElement[Any]:
        return self.whole.sort_key()


def name_of(binding: AttributeBinding) -> str:
    """Return the attribute as its schema spells it: ``userName``, ``meta.created``."""
    return binding.urn.removeprefix(f"{binding.model.__schema__}:")  # type: ignore[attr-defined]


def path_of(binding: AttributeBinding) -> tuple[str, ...]:
    """Return where the attribute is in the document."""
    parts = name_of(binding).split(".")
    if binding.sub_field_name is None:
        parts = parts[:1]
    is_extension = issubclass(binding.model, Extension)
    return (str(binding.model.__schema__), *parts) if is_extension else tuple(parts)  # type: ignore[attr-defined]


def is_secret(binding: AttributeBinding) -> bool:
    """Whether neither a filter nor an order may tell anything about the attribute's values."""
    head = binding.model.get_field_annotation(binding.field_name, Mutability)
    return Mutability.write_only in (head, binding.get_annotation(Mutability))


def is_entry(binding: AttributeBinding) -> bool:
    """Whether a multi-valued attribute has entries with parts, rather than strings."""
    return _is_complex(binding.field_type)


def has_value(binding: AttributeBinding) -> bool:
    """Whether the entries of a multi-valued attribute are, or have, a ``value``; addresses have none."""
    type_: Any = binding.field_type
    return not _is_complex(type_) or "value" in type_.model_fields


def _is_complex(type_: Any) -> bool:
    return isclass(type_) and issubclass(type_, BaseModel)


def _holds_value(binding: AttributeBinding) -> bool:
    type_: Any = binding.target_type
    return _is_complex(type_) and not binding.is_multivalued and "value" in type_.model_fields


def _parts_of(binding: AttributeBinding) -> list[tuple[str, AttributeBinding]]:
    """Return the sub-attributes of a complex attribute, with their names in the document."""
    if not _is_complex(binding.target_type) or binding.sub_field_name is not None:
        return []
    head = f"{binding.model.__schema__}:{name_of(binding)}"  # type: ignore[attr-defined]
    fields = binding.target_type.model_fields.items()  # type: ignore[union-attr]
    found = [Path(f"{head}.{field.serialization_alias or name}").resolve(binding.model) for name, field in fields]
    return [(path_of(part)[-1], part) for part in found if part is not None]
