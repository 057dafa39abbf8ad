"""Sources, and how they show who they are."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from scimbridge.api.endpoint import Answer, Model
from scimbridge.api.values import At, Duration


class TokenHint(Answer):
    """A token of a source that was not revoked."""

    id: str
    hint: str
    """How it begins."""

    created_at: At
    last_used_at: At | None
    expires_at: At | None


class Quirk(Answer):
    """What a source writes in a way of its own."""

    name: str
    seen: int
    first_seen_at: At
    last_seen_at: At


class SourceLine(Answer):
    """A source: who writes, how, and what became of it."""

    name: str
    configured: bool
    created_at: At | None
    users: int
    active_users: int
    groups: int
    tokens: list[TokenHint]
    last_request_at: At | None
    refused_24h: dict[str, int]
    """Writes of the last 24 hours that were refused, by status."""

    quirks: list[Quirk]


class Sources(Answer):
    """All sources."""

    items: list[SourceLine]


class TokenLine(Answer):
    """A token of a source."""

    id: str
    source: str
    hint: str
    created_at: At
    last_used_at: At | None
    expires_at: At | None
    revoked_at: At | None
    is_live: bool


class Tokens(Answer):
    """Tokens, revoked and expired ones too."""

    items: list[TokenLine]


class TokenRequest(Model):
    """A new token."""

    expires: Duration | None = None
    """How long it lets in; as the configuration says where absent."""


class NewToken(Answer):
    """A new token. It is shown this once."""

    token: str
    expires_at: At | None


class ClientLine(Answer):
    """An OAuth client of a source."""

    id: str
    source: str
    method: str
    created_at: At
    last_used_at: At | None
    revoked_at: At | None


class Clients(Answer):
    """OAuth clients, revoked ones too."""

    items: list[ClientLine]


class ClientRequest(Model):
    """A new OAuth client."""

    keys: Annotated[str, StringConstraints(min_length=1, max_length=50_000)] | None = None
    """Its public key in PEM, or a JWK Set; where absent, it gets a secret."""


class NewClient(Answer):
    """A new OAuth client. Its secret is shown this once; with keys there is none."""

    client_id: str
    secret: str | None
    token_endpoint: str


class RevokedOf(Answer):
    """What was revoked."""

    id: str
    of: str
    """Whose it was."""
