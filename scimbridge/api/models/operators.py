"""Operators, and what lets them in."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from scimbridge.api.endpoint import Answer, Model
from scimbridge.api.values import At, Duration, Id, Name, Reason
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
    is_of_provider: bool
    """An identity provider signs them in, and says their role."""

    has_password: bool
    has_app: bool
    """Codes of an app are asked for."""

    tokens: int
    """Those that let them in."""


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


class RoleRequest(Model):
    """Another role."""

    role: Role
    reason: Reason


class NewLink(Answer):
    """A link by which an operator signs in to the pages once. It is shown this once."""

    link: str
    expires_at: At


class SessionLine(Answer):
    """Where an operator is signed in to the pages."""

    id: str
    way: str
    """By what they signed in."""

    created_at: At
    seen_at: At
    """When it was last used, to the minute."""

    ends_at: At
    address: str
    browser: str


class Sessions(Answer):
    """The sessions of an operator, the newest first."""

    items: list[SessionLine]


class EndRequest(Model):
    """Which sessions end."""

    session: Id | None = None
    """One of them; all where absent."""

    reason: Reason


class EndedSessions(Answer):
    """How many ended."""

    ended: int


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
