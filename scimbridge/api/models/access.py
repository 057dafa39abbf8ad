"""People, what was received, history, sources, tokens, operators, rules and settings."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from scimbridge.api.endpoint import Answer, Model
from scimbridge.api.paging import Page, Paging
from scimbridge.api.values import At, Duration, Id, Moment, Name
from scimbridge.config.listing import Origin
from scimbridge.domain.operator import Permission, Role

SourceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
OperatorName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$")]


class HistoryList(Paging):
    """Which entries."""

    since: Moment | None = None
    until: Moment | None = None
    event: Name | None = None
    actor: Name | None = None
    case: Id | None = None
    target: Name | None = None


class HistoryLine(Answer):
    """An entry of the history. Entries are added, never changed."""

    id: int
    at: At
    event: str
    actor: str
    reason: str
    identity_id: str | None
    case_id: str | None
    task_id: str | None
    target: str | None
    details: dict[str, Any]
    digest: str
    """Of all of it, also of personal values, which may have been erased since."""


class HistoryPage(Page[HistoryLine]):
    """The history, the newest entry first."""


class ReceivedList(Paging):
    """Which requests of sources."""

    source: Name | None = None
    since: Moment | None = None
    until: Moment | None = None
    resource: Id | None = None
    """Only about this User or Group, by its SCIM id."""

    refused: bool = False
    """Only what was answered with an error."""


class ReceivedLine(Answer):
    """What a source sent, and what was made of it."""

    id: str
    source: str
    at: At
    method: str
    path: str
    status: int
    received: Any
    """As sent, without passwords and credentials; null where it was erased."""

    understood: str
    applied: str
    resource_id: str | None


class ReceivedPage(Page[ReceivedLine]):
    """What sources sent, the newest first."""


class PeopleList(Paging):
    """Which people."""

    search: Name | None = None
    """A part of the userName, in any case; or an e-mail address, an externalId or an id, as a whole."""

    source: Name | None = None
    active: bool | None = None
    deleted: bool = False
    """Also those whom their source has deleted."""


class PersonLine(Answer):
    """Somebody as their source last described them."""

    id: str
    source: str
    user_name: str
    external_id: str | None
    active: bool
    created_at: At
    modified_at: At
    deleted_at: At | None
    end_due_at: At | None
    """When their time ends, as the source says."""


class PeoplePage(Page[PersonLine]):
    """People, those first who came first."""


class LeaveLine(Answer):
    """Somebody who is to leave on a later date."""

    id: str
    identity_id: str
    user_name: str
    source: str
    due_at: At
    reason: str
    requested_by: str
    requested_at: At


class Leaves(Answer):
    """Who is to leave on a later date, the next first."""

    items: list[LeaveLine]


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


class RuleStage(Answer):
    """A stage of a rule."""

    after: str
    actions: list[str]
    targets: list[str] | None
    grace: dict[str, str]
    approvers: int
    schedule: str | None
    window: str | None
    deadline: str | None


class RuleLine(Answer):
    """A rule, as the configuration has it."""

    name: str
    version: str
    when: list[str]
    match: str | None
    exclude: str | None
    exclude_targets: list[str]
    was: str | None
    now: str | None
    restore: str
    hook: str | None
    about_groups: bool
    stages: list[RuleStage]


class Rules(Answer):
    """The rules, in the order in which they are tried."""

    items: list[RuleLine]


class Limit(Answer):
    """A limit of the guard."""

    scope: str
    subject: str | None
    guard_class: str = Field(alias="class")
    window: str
    count: int | None
    percent: float | None


class Limits(Answer):
    """The limits of the guard."""

    items: list[Limit]


class Stats(Answer):
    """How much there is of what."""

    open_cases: int
    situations: dict[str, int]
    """Open cases that are like this; one may be like several."""

    board: dict[str, int]
    """Cases by what they are doing, as the board of the dashboard has them; each once."""

    floods: int
    holds: int
    inquiries: int
    """At most 1000."""

    targets_paused: int


class SettingLine(Answer):
    """A setting as it counts."""

    path: str
    """As problems spell it, like `targets.directory.url`."""

    value: str
    """`hidden` where it is secret; empty where it is not set."""

    origin: Origin
    variable: str
    """The environment variable that it comes from, where there is one."""


class Settings(Answer):
    """All settings."""

    items: list[SettingLine]
