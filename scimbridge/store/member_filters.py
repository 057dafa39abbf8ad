"""Filters between the brackets of ``members[…]`` in the path of a PATCH, over the rows of a group's members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scim2_models import InvalidFilterException
from scim2_models.path import AttrPath, FilterNode
from sqlalchemy import ColumnElement, Connection, or_, select, true

from scimbridge.store.filter_compiler import Entry
from scimbridge.store.filter_operands import Condition, Op, Operand, Text
from scimbridge.store.schema import groups, identities, memberships


def selected_members(tx: Connection, group_id: str, where: FilterNode) -> set[str]:
    """Return the ids of the members that a filter selects.

    Raises:
        InvalidFilterException: It compares something else than ``value``, ``type`` and ``display``.
    """
    dialect = tx.dialect.name

    def operand(attr_path: AttrPath) -> Operand:
        match str(attr_path).lower():
            case "value":
                return Text(memberships.c.member_id, dialect)
            case "type":
                return Text(memberships.c.kind, dialect, any_case=True)
            case "display":
                return _Display(dialect)
            case _:
                raise InvalidFilterException(detail=f"members cannot be selected by {attr_path}")

    query = select(memberships.c.member_id).where(memberships.c.group_id == group_id, Entry(operand).visit(where))
    return set(tx.execute(query).scalars())


@dataclass(frozen=True, slots=True)
class _Display:
    """What a member is called: a User's userName, a Group's displayName. Found by their indexes."""

    dialect: str

    def compare(self, op: Op, value: Any) -> Condition:
        return or_(
            *(
                memberships.c.member_id.in_(select(key).where(Text(name, self.dialect, folded=True).compare(op, value)))
                for key, name in _NAMES
            )
        )

    def present(self) -> Condition:
        return true()


_NAMES: tuple[tuple[ColumnElement[str], ColumnElement[str]], ...] = (
    (identities.c.id, identities.c.user_name_key),
    (groups.c.id, groups.c.display_name_key),
)
