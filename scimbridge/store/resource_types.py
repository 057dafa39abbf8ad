"""Where the attributes of Users and Groups are."""

from __future__ import annotations

from functools import partial
from typing import Any

from scim2_models import AttributeBinding
from sqlalchemy import case, func, literal, select

from scimbridge.domain.model import GROUP, USER
from scimbridge.domain.names import fold, user_name_key
from scimbridge.domain.resource import MemberKind
from scimbridge.domain.source import NameCase
from scimbridge.store.attributes import Attributes, Rows
from scimbridge.store.filter_operands import Condition, Flag, Key, Operand, Text
from scimbridge.store.schema import groups, identities, identity_values, memberships

_INDEXED = {"emails": "emails.value", "employee_number": "employeeNumber"}
"""What has rows in ``identity_values``, by the model's field."""


class UserAttributes(Attributes):
    """Users.

    Args:
        dialect: ``sqlite`` or ``postgresql``.
        base: The address of the service provider.
        name_case: The rule by which the source's userNames are compared.
    """

    model = USER
    name = "User"
    table = identities

    def __init__(self, dialect: str, base: str, name_case: NameCase) -> None:
        super().__init__(dialect, base)
        self._name_case = name_case

    def column_of(self, name: str) -> Operand | None:
        """Return the column of an attribute."""
        match name:
            case "userName":
                key_of = partial(user_name_key, case=self._name_case)
                return Key(identities.c.user_name_key, self.dialect, key_of)
            case "active":
                return Flag(identities.c.active)
            case _:
                return super().column_of(name)

    def rows_of(self, field_name: str) -> Rows | None:
        """Return the memberships: ``groups`` is in no document."""
        if field_name != "groups":
            return None
        joined = (
            select(memberships.c.member_id, groups.c.id, groups.c.display_name_key)
            .join(groups, groups.c.id == memberships.c.group_id)
            .subquery()
        )

        def operand(part: AttributeBinding) -> Operand:
            match part.sub_field_name:
                case "display":
                    return Key(joined.c.display_name_key, self.dialect, fold)
                case "type":
                    return Text(literal("direct"), self.dialect, any_case=True)
                case "ref":
                    return Text(literal(f"{self.base}/Groups/").concat(joined.c.id), self.dialect)
                case _:
                    return Text(joined.c.id, self.dialect)

        return Rows(identities.c.id, joined.c.member_id, joined.c.id, operand)

    def indexed(self, binding: AttributeBinding, value: str) -> Condition | None:
        """Return what narrows the Users with this value down by an index."""
        attribute = _INDEXED.get(binding.field_name)
        if attribute is None:
            return None
        rows = select(identity_values.c.identity_id).where(
            identity_values.c.attribute == attribute, identity_values.c.value == fold(value)
        )
        return identities.c.id.in_(rows)


class GroupAttributes(Attributes):
    """Groups."""

    model = GROUP
    name = "Group"
    table = groups

    def column_of(self, name: str) -> Operand | None:
        """Return the column of an attribute."""
        if name == "displayName":
            return Key(groups.c.display_name_key, self.dialect, fold)
        return super().column_of(name)

    def rows_of(self, field_name: str) -> Rows | None:
        """Return the memberships: ``members`` is in no document."""
        if field_name != "members":
            return None

        def operand(part: AttributeBinding) -> Operand:
            match part.sub_field_name:
                case "display":
                    return Text(member_name(), self.dialect, any_case=True)
                case "type":
                    return Text(memberships.c.kind, self.dialect, any_case=True)
                case "ref":
                    return Text(self._reference(), self.dialect)
                case _:
                    return Text(memberships.c.member_id, self.dialect)

        return Rows(groups.c.id, memberships.c.group_id, memberships.c.member_id, operand)

    def _reference(self) -> Any:
        is_user = memberships.c.kind == MemberKind.USER.value
        folder = case((is_user, f"{self.base}/Users/"), else_=f"{self.base}/Groups/")
        return folder.concat(memberships.c.member_id)


def attributes_of(kind: MemberKind, dialect: str, base: str, name_case: NameCase) -> Attributes:
    """Return the attributes of a resource type."""
    match kind:
        case MemberKind.USER:
            return UserAttributes(dialect, base, name_case)
        case MemberKind.GROUP:
            return GroupAttributes(dialect, base)


def member_name() -> Any:
    """Return what a member is called: a User's userName, a Group's displayName."""
    user = select(identities.c.user_name).where(identities.c.id == memberships.c.member_id)
    inner = groups.alias("member_group")
    group = select(inner.c.display_name).where(inner.c.id == memberships.c.member_id)
    return func.coalesce(user.correlate(memberships).scalar_subquery(), group.correlate(memberships).scalar_subquery())
