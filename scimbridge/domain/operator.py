"""Operators: people, and their programs, who use dashboard, API and command line, with what they may do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Permission(StrEnum):
    """What a page or an action takes."""

    LOOK = "look"
    """See cases, targets, queues, holds and what the guard holds."""

    AUDIT = "audit"
    """See what names more than a case needs: raw requests, the whole history, exports, settings, operators."""

    ACT = "act"
    """Decide about people, cases, holds, targets and floods."""

    ADMINISTER = "administer"
    """Let others in: sources and their tokens, operators; and say by which rules people leave."""


class Role(StrEnum):
    """Who somebody is to the bridge; ``_PERMISSIONS`` says what each may."""

    VIEWER = "viewer"
    """Looks."""

    AUDITOR = "auditor"
    """Looks at everything, and changes nothing."""

    OPERATOR = "operator"
    """Decides about people, cases, holds and targets."""

    ADMIN = "admin"
    """May do everything, and lets others in."""

    def may(self, permission: Permission) -> bool:
        """Whether somebody of this role may do what takes a permission."""
        return permission in _PERMISSIONS[self]


_PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({Permission.LOOK}),
    Role.AUDITOR: frozenset({Permission.LOOK, Permission.AUDIT}),
    Role.OPERATOR: frozenset({Permission.LOOK, Permission.AUDIT, Permission.ACT}),
    Role.ADMIN: frozenset(Permission),
}


def roles_that_may(permission: Permission) -> tuple[Role, ...]:
    """Return the roles that have a permission, the least one first."""
    return tuple(role for role in Role if role.may(permission))


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who has shown who they are."""

    name: str
    role: Role


PROVIDER_MARK = " (oidc)"
"""Ends the names of those whom an identity provider has signed in; no operator of our own can have such a name."""


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")


def is_operator_name(text: str) -> bool:
    """Whether an operator of the bridge's own can be called so."""
    return _NAME.fullmatch(text) is not None


class Way(StrEnum):
    """How somebody has signed in."""

    PASSWORD = "password"  # noqa: S105  # a word for a kind
    LINK = "link"
    PROVIDER = "provider"


def is_of_provider(name: str) -> bool:
    """Whether a name is of somebody whom an identity provider signs in."""
    return name.endswith(PROVIDER_MARK)


def without_mark(name: str) -> str:
    """Return what a name is without the mark of those whom an identity provider signs in."""
    return name.strip().removesuffix(PROVIDER_MARK)
