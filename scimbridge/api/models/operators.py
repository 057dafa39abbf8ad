"""Operators, and what lets them in."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from scimbridge.api.endpoint import Answer, Model
from scimbridge.api.values import At, Duration, Name
from scimbridge.domain.operator import Permission, Role

OperatorName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$")]


class Me(Answer):
    """Who asks."""

    name: str
    role: Role
    permissions: list[Permission]


class OperatorLine(Answer):
    """An operator."""

    name: str
    role: Role
    created_at: At
    revoked_at: At | None


class Operators(Answer):
    """All operators, revoked ones too."""

    items: list[OperatorLine]


class OperatorRequest(Model):
    """A new operator."""

    name: OperatorName
    """As it stands in the history."""

    role: Role
    expires: Duration | None = "365d"
    """How long the first token is good; null is for good."""


class OperatorTokenRequest(Model):
    """A new token of an operator."""

    name: Name
    """What it is for."""

    expires: Duration | None = "365d"
    """How long it is good; null is for good."""


class OperatorTokenLine(Answer):
    """A token of an operator."""

    id: str
    operator: str
    name: str
    hint: str
    created_at: At
    expires_at: At | None
    revoked_at: At | None


class OperatorTokens(Answer):
    """Tokens of an operator, revoked and expired ones too."""

    items: list[OperatorTokenLine]
