"""Filters between the brackets of ``members[…]`` in the path of a PATCH, over the rows of a group's members."""

from __future__ import annotations

from scim2_models import InvalidFilterException
from scim2_models.path import AttrPath, FilterNode
from sqlalchemy import Connection, select

from scimbridge.store.filter_compiler import Entry
from scimbridge.store.filter_operands import Operand, Text
from scimbridge.store.resource_types import member_name
from scimbridge.store.schema import memberships


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
                return Text(member_name(), dialect, any_case=True)
            case _:
                raise InvalidFilterException(detail=f"members cannot be selected by {attr_path}")

    query = select(memberships.c.member_id).where(memberships.c.group_id == group_id, Entry(operand).visit(where))
    return set(tx.execute(query).scalars())
