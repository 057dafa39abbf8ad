"""``[operators]``: how people sign in to the pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from scimbridge.config.notify import NotifyTable
from scimbridge.config.values import Duration, IssuerUrl, ReadableFile
from scimbridge.domain.operator import Role
from scimbridge.domain.provider import Provider
from scimbridge.domain.session import SessionTerms
from scimbridge.sdk.secret import Secret

Claim = Annotated[str, Field(min_length=1, max_length=100)]


class OidcSection(NotifyTable):
    """An OpenID provider that signs operators in, beside those with a password of their own.

    Register a confidential client there, with the redirect address `PUBLIC_URL/sign-in/oidc/callback`.
    """

    issuer: IssuerUrl = Field(examples=["https://login.example.com"])
    """The issuer, exactly as `/.well-known/openid-configuration` below it says."""

    client_id: Claim = Field(examples=["scimbridge"])
    """What the bridge is called there."""

    client_secret: Secret = Field(examples=[{"env": "OIDC_SECRET"}])
    """Its secret: `{ env = "NAME" }` or `{ file = "PATH" }`."""

    scopes: list[Claim] = Field(default=["openid", "profile", "email"], min_length=1)
    """What is asked for; `openid` is among them."""

    claim: Claim = "groups"
    """The claim that says what somebody may do here: a text, or a list of them. One within another is written with a
    dot: `realm_access.roles`."""

    roles: dict[Role, list[Claim]] = Field(
        min_length=1, examples=[{"viewer": ["staff"], "operator": ["it-operations"], "admin": ["it-admins"]}]
    )
    """The values of that claim for each of the roles `viewer`, `auditor`, `operator` and `admin`. Who has several gets
    the one that may do most; who has none is not let in."""

    name: Literal["email", "preferred_username", "sub"] = "email"
    """The claim that names somebody in the history, where ` (oidc)` is added to it."""

    max_age: Duration = Field(default=timedelta(hours=12), examples=["12h"], gt=timedelta(minutes=1))
    """How long after somebody has shown the provider who they are they have to do it again. Their role is asked for
    then, too."""

    label: Annotated[str, Field(min_length=1, max_length=60)] = "single sign-on"
    """What the sign-in page calls it."""

    ca_file: ReadableFile | None = None
    """Certificates to trust there instead of the public ones, in PEM."""

    @model_validator(mode="after")
    def _is_clear(self) -> Self:
        if "openid" not in self.scopes:
            raise ValueError('scopes needs "openid"')
        values = [value for found in self.roles.values() for value in found]
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise ValueError(f'roles has "{twice}" twice; give each value one role')
        return self


class OperatorsSection(NotifyTable):
    """How operators sign in to the pages, and for how long. `scimbridge operator create` makes the first one."""

    session: Duration = Field(
        default=timedelta(hours=12), examples=["12h"], ge=timedelta(minutes=5), le=timedelta(days=30)
    )
    """How long a session lasts, whatever happens."""

    idle: Duration = Field(default=timedelta(hours=1), examples=["1h"], ge=timedelta(minutes=5))
    """How long a session lasts that nobody uses."""

    edit_rules: bool = True
    """Whether admins may change `[[rules]]` while the bridge runs, on its pages, with `scimbridge rules` or by the API.
    `false`: this file is the only authority; what was activated elsewhere ends when the web process starts."""

    rules_approvers: int = Field(default=1, ge=1, le=2)
    """How many different admins it takes to put rules in force that were drafted here; 2 for four eyes: who began a
    draft, or was the last to change it, does not activate it. Rules of this file are not asked about."""

    oidc: OidcSection | None = None
    """An OpenID provider; see `[operators.oidc]`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSettings:
    """How operators sign in.

    Attributes:
        terms: How long sessions last.
        edit_rules: Whether rules may be changed elsewhere than in the file.
        rules_approvers: How many different people it takes to put a draft in force.
        provider: Who signs operators in beside the bridge; ``None`` where nobody does.
    """

    terms: SessionTerms
    provider: Provider | None
    edit_rules: bool = True
    rules_approvers: int = 1


def operators_of(section: OperatorsSection) -> OperatorSettings:
    """Return what the section says."""
    return OperatorSettings(
        terms=SessionTerms(length=section.session, idle=section.idle),
        provider=None if section.oidc is None else _provider(section.oidc),
        edit_rules=section.edit_rules,
        rules_approvers=section.rules_approvers,
    )


def _provider(section: OidcSection) -> Provider:
    return Provider(
        issuer=section.issuer,
        client_id=section.client_id,
        client_secret=section.client_secret.get_secret_value(),
        scopes=tuple(section.scopes),
        claim=section.claim,
        roles={value: role for role, values in section.roles.items() for value in values},
        named_by=section.name,
        max_age=section.max_age,
        ca_file=section.ca_file,
        label=section.label,
    )
