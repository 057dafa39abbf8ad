"""What each role may do."""

from __future__ import annotations

import pytest

from scimbridge.domain.operator import Permission, Role, roles_that_may

MAY = {
    Role.VIEWER: {Permission.LOOK},
    Role.AUDITOR: {Permission.LOOK, Permission.AUDIT},
    Role.OPERATOR: {Permission.LOOK, Permission.AUDIT, Permission.ACT},
    Role.ADMIN: {Permission.LOOK, Permission.AUDIT, Permission.ACT, Permission.ADMINISTER},
}


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("role", Role)
def test_a_role_may_what_the_table_says_and_nothing_else(role: Role, permission: Permission) -> None:
    assert role.may(permission) == (permission in MAY[role])


def test_the_roles_that_may_are_named_the_least_first() -> None:
    assert roles_that_may(Permission.ACT) == (Role.OPERATOR, Role.ADMIN)
