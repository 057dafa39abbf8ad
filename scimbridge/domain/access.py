"""How a source shows who it is, and what it may do then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

Network = IPv4Network | IPv6Network

SCOPE = "scim"
"""The one scope that the bridge's own access tokens have."""

ACCESS_TOKEN_PREFIX = "sca_"  # noqa: S105 - only its beginning
"""Makes a leaked access token recognizable."""

LONGEST_TOKEN = 16 * 1024
"""Characters of a bearer token. Opaque ones have 47; a JWT with many claims has a few thousand."""


@dataclass(frozen=True, slots=True)
class BearerToken:
    """What a client presents as ``Bearer`` (RFC 6750)."""

    text: str = field(repr=False)

    @property
    def is_jwt(self) -> bool:
        """Whether it has the form of a signed JWT (RFC 7515 §3.1)."""
        return self.text.count(".") == 2


@dataclass(frozen=True, slots=True)
class Login:
    """A name and a password, as HTTP Basic has them (RFC 7617)."""

    username: str = field(repr=False)
    password: str = field(repr=False)


Credential = BearerToken | Login
"""What a request can be authenticated with."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Which source a credential is of.

    Attributes:
        expires_at: When the credential ends (UTC); ``None`` where it does not.
    """

    source: str
    expires_at: datetime | None = None


class Refusal(StrEnum):
    """Why a credential lets nobody in. Only metrics and logs tell them apart, and 403 for the last."""

    MISSING = "missing"
    """There was none."""

    MALFORMED = "malformed"
    """It cannot be read as any that is known here."""

    UNKNOWN = "unknown"
    """Nobody has it."""

    EXPIRED = "expired"
    """Its time is over."""

    REVOKED = "revoked"
    """It was revoked."""

    INVALID = "invalid"
    """A JWT whose signature or claims are wrong."""

    WRONG_SOURCE = "wrong_source"
    """It is another source's than the one that the address names."""

    NO_RIGHT = "no_right"
    """It is valid, but lacks the scope or a claim that the configuration asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedIssuer:
    """Whose JWT access tokens a source may present (RFC 9068).

    Attributes:
        issuer: The ``iss`` claim, compared exactly.
        audiences: One of them has to be in ``aud``.
        keys_at: Where the issuer publishes its keys (a JWK Set): an address, or a file.
        algorithms: Those that are accepted; asymmetric ones only.
        scope: What has to be in ``scope`` or ``scp``; ``None`` asks for nothing.
        claims: Claims that must have this value, or hold it where they are lists.
        ca_file: Certificates to trust when the keys are fetched, instead of the public ones.
    """

    issuer: str
    audiences: tuple[str, ...]
    keys_at: str | Path
    algorithms: tuple[str, ...]
    scope: str | None = None
    claims: Mapping[str, str] = field(default_factory=dict)
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAccess:
    """What the configuration says about a source's access. Tokens and OAuth clients are in the store.

    Attributes:
        login: What it presents as HTTP Basic.
        issuer: Whose access tokens it presents.
        allow_from: The networks that it may come from; empty for everywhere.
        rate: Requests per second of which one process answers; ``None`` for as many as come.
    """

    login: Login | None = None
    issuer: TrustedIssuer | None = None
    allow_from: tuple[Network, ...] = ()
    rate: float | None = None


DEFAULT_ACCESS = SourceAccess()
"""What a source has that the configuration does not name."""
