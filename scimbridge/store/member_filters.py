"""Filters between the brackets of ``members[…]`` in the path of a PATCH, over the rows of a group's members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scim2_models import InvalidFilterException
from scim2_models.path import AttrPath, FilterNode
from sqlalchemy import Connection, and_, false, func, or_, select, true

from scimbridge.domain.names import any_case_key, fold
from scimbridge.store.allowance import Allowance
from scimbridge.store.filter_compiler import Entry
from scimbridge.store.filter_operands import Condition, Op, Operand, Text
from scimbridge.store.resource_types import member_name
from scimbridge.store.schema import groups, identities, memberships


def selected_members(tx: Connection, group_id: str, where: FilterNode, allowance: Allowance) -> set[str]:
    """Return the ids of the members that a filter selects.

    Args:
        tx: Any transaction.
        group_id: The group.
        where: The filter.
        allowance: What it may cost, together with the others of the request.

    Raises:
        InvalidFilterException: It compares something else than ``value``, ``type`` and ``display``.
        TooManyException: It takes more work than is left.
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
    return {member_id for (member_id,) in allowance.rows(query)}


@dataclass(frozen=True, slots=True)
class _Display:
    """What a member is called: a User's userName, a Group's displayName."""

    dialect: str

    def compare(self, op: Op, value: Any) -> Condition:
        """Compare names without their case; one that must be equal is found by an index."""
        condition = Text(member_name(), self.dialect, any_case=True).compare(op, value)
        if op is not Op.eq:
            return condition
        users = select(identities.c.id).where(identities.c.any_case_name == any_case_key(value))
        nested = select(groups.c.id).where(groups.c.display_name_key == fold(value))
        return and_(or_(memberships.c.member_id.in_(users), memberships.c.member_id.in_(nested)), condition)

    def present(self) -> Condition:
        """Everything is called something."""
        return true()

    def sort_key(self) -> Any:
        """Return the name."""
        return func.lower(member_name())

    def missing(self) -> Condition:
        """Nothing is without a name."""
        return false()
