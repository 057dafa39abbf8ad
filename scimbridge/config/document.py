"""The sections of ``scimbridge.toml``. Each field's docstring is its reference and its comment in the example."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from scimbridge.config.addresses import QueueUrl, StoreUrl
from scimbridge.config.hooks import HookSection
from scimbridge.config.moments import Cron, Day
from scimbridge.config.notify import NotifySection
from scimbridge.config.operators import OperatorsSection
from scimbridge.config.retention import RetentionSection
from scimbridge.config.values import (
    Algorithm,
    AttributePath,
    ByteSize,
    Duration,
    Filter,
    IpNetwork,
    KeyUrl,
    Listen,
    ListenAddress,
    PublicUrl,
    Rate,
    ReadableFile,
    TimeZone,
    When,
)
from scimbridge.domain.action import Action
from scimbridge.domain.lifecycle import LIFECYCLE
from scimbridge.domain.rule import Restore
from scimbridge.domain.schedule import Freeze
from scimbridge.domain.source import MEMBERSHIP_MEMORY, NameCase, OverInactive
from scimbridge.sdk.limits import GuardSection
from scimbridge.sdk.secret import Secret

LIFECYCLE_END = f"{LIFECYCLE}:endDate"


def _long_enough(password: SecretStr) -> SecretStr:
    if len(password.get_secret_value()) < 16:
        raise ValueError("must have 16 characters or more")
    return password


BasicPassword = Annotated[Secret, AfterValidator(_long_enough)]


class Section(BaseModel):
    """A table of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ServerSection(Section):
    """The HTTP server: SCIM, the dashboard and the metrics."""

    listen: ListenAddress = Field(default=Listen("127.0.0.1", 8085), examples=["127.0.0.1:8085"])
    """Where it listens, as `HOST:PORT`. Put a TLS proxy in front of anything but the loopback."""

    public_url: PublicUrl | None = Field(default=None, examples=["https://bridge.example.com"])
    """The address that identity providers use. Every `meta.location` begins with it.     Default: `http://` and the
    `listen` address."""

    max_body: ByteSize = Field(default=1 << 20, ge=1024, examples=["1MiB"])
    """The largest request that is read, in bytes or like `"1MiB"`; larger ones are answered 413. If an identity
    provider sends the whole list of members with each change, it needs some 50 bytes for each member, or 150 with names
    and links."""

    max_bulk_body: ByteSize = Field(default=4 << 20, ge=1024, examples=["4MiB"])
    """The same for a request to `/Bulk`, which carries up to 500 operations; announced as `maxPayloadSize`."""

    documentation_url: PublicUrl | None = Field(default=None, examples=["https://wiki.example.com/scimbridge"])
    """Where people read how to connect to this bridge; if set, it is announced as `documentationUri`."""

    trusted_proxies: list[IpNetwork] = []
    """The proxies whose `X-Forwarded-For` is believed, as networks or addresses; by default none. Name yours: otherwise
    all clients seem to have its address, and one that guesses credentials slows down all others."""

    core: int | None = Field(default=None, ge=0, examples=[1])
    """Keeps the web process on this one core of the machine (Linux). With SQLite its threads work in turn; beside other
    busy processes they take up to a sixth less time for a request then. Not with PostgreSQL. Default: any core."""


class StoreSection(Section):
    """The database, which holds the truth."""

    url: StoreUrl | None = Field(default=None, examples=["sqlite:///data/bridge.db"])
    """`sqlite:///PATH`, or `postgresql+psycopg://USER:PASSWORD@HOST/DATABASE` for an installation on several
    machines. With a password in it, write `{ env = "NAME" }` or `{ file = "PATH" }`.
    Default: `bridge.db` in `data_dir`."""


class QueueSection(Section):
    """Redis, which wakes the workers. It may be empty, down or flushed; nothing is lost."""

    url: QueueUrl | None = Field(default=None, examples=["embedded"])
    """`embedded` starts a private redis-server under `data_dir`; or `redis://`, `rediss://` (TLS), `unix:///PATH`.
    With a password in it, write `{ env = "NAME" }` or `{ file = "PATH" }`. Default: `embedded`."""


class JwtSection(Section):
    """JWT access tokens of an issuer of your own, as what a source presents (RFC 9068)."""

    issuer: str = Field(min_length=1, examples=["https://login.example.com/"])
    """The `iss` claim, exactly."""

    audience: str | list[str] = Field(examples=["https://bridge.example.com"])
    """The `aud` claim, or a list, of which one is enough."""

    jwks_url: KeyUrl | None = Field(default=None, examples=["https://login.example.com/keys"])
    """Where the issuer publishes its keys. They are kept for ten minutes, and a day while it does not answer."""

    jwks_file: ReadableFile | None = None
    """A file with the keys (a JWK Set), instead of `jwks_url`."""

    ca_file: ReadableFile | None = None
    """Certificates to trust at `jwks_url` instead of the public ones, in PEM."""

    scope: str | None = None
    """What the claim `scope` or `scp` must contain; a token without it is answered 403."""

    claims: dict[str, str] | None = None
    """Other claims that must have this value or, if they are lists, contain it, like `{ roles = "scim" }`; a token
    without them is answered 403."""

    algorithms: list[Algorithm] = Field(default=["RS256", "PS256", "ES256"], min_length=1)
    """The signature algorithms to accept."""

    @model_validator(mode="after")
    def _has_keys(self) -> Self:
        if (self.jwks_url is None) == (self.jwks_file is None):
            raise ValueError("write one of jwks_url and jwks_file")
        return self


class BasicSection(Section):
    """HTTP Basic, for an identity provider that can do nothing else; prefer tokens, which can be replaced."""

    username: str = Field(min_length=1, pattern=r"^[^:\x00-\x1f\x7f]+$", examples=["okta"])
    """The name that the source presents; without a colon."""

    password: BasicPassword = Field(examples=[{"env": "OKTA_PASSWORD"}])
    """Its password, of 16 characters or more: `{ env = "NAME" }` or `{ file = "PATH" }`."""


class SourceSection(Section):
    """One identity provider that speaks SCIM to the bridge; its token comes from `scimbridge token create NAME`.

    `NAME` has letters, digits, `.`, `_` and `-`, at most 64 of them, and first a letter or a digit.
    """

    guard: GuardSection | None = None
    """Limits for this source alone; see `[guard]`."""

    strict: bool = False
    """Answer 400 to unknown attributes, paths and schemas, instead of ignoring and recording them."""

    user_name_case: NameCase = NameCase.IGNORED
    """Whether upper and lower case make two userNames different: `ignored` (RFC 7643) means no, `exact` yes. The same
    goes for filters and for uniqueness."""

    over_inactive: OverInactive = OverInactive.REACTIVATE
    """What a POST does that has the userName of an inactive User, or else its externalId: `reactivate` it in place, or
    answer `conflict` (409)."""

    end_date: AttributePath | None = Field(default=None, examples=[LIFECYCLE_END])
    """The attribute that says when somebody's time ends, as a SCIM path.
    Default: `endDate` of the bridge's own lifecycle extension."""

    timezone: TimeZone = Field(default=ZoneInfo("UTC"), examples=["Europe/Berlin"])
    """Where an end date without a time of day ends."""

    membership_memory: Duration = Field(
        default=MEMBERSHIP_MEMORY, ge=timedelta(), le=timedelta(days=31), examples=["24h"]
    )
    """How long rules still see a group that somebody has left, because identity providers take people out of their
    groups just before they disable them. A change counts for memberships that end from then on; at most `"31d"`."""

    token_lifetime: Duration | None = Field(default=None, gt=timedelta())
    """How long tokens of `scimbridge token create` are valid, unless `--expires` says otherwise; by default they never
    expire."""

    allow_from: list[IpNetwork] = []
    """The networks or addresses that the source may come from; others are answered 403. By default anywhere."""

    rate_limit: Rate | None = None
    """How many requests each web process accepts from the source, like `"50/s"`; more are answered 429. At least
    `"25/s"`; by default there is no limit."""

    jwt: JwtSection | None = None
    """JWT access tokens that the source may present; see `[sources.NAME.jwt]`."""

    basic: BasicSection | None = None
    """A name and password that the source may present; see `[sources.NAME.basic]`."""


class FreezeSection(Section):
    """A period without irreversible work."""

    start: Day = Field(alias="from", examples=["2026-12-20"])
    """When it begins, as a date or a time."""

    until: Day = Field(examples=["2027-01-04"])
    """When it ends; with only a date, at the end of that day."""

    timezone: TimeZone = ZoneInfo("UTC")
    """The time zone of dates and times without an offset."""

    reason: str = Field(min_length=1, examples=["year-end closing"])
    """Why; shown wherever something waits for its end."""

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        self.freeze()
        return self

    def freeze(self) -> Freeze:
        """Return the period.

        Raises:
            ValueError: It ends before it has begun.
        """
        return Freeze.between(self.start.said, self.until.said, self.timezone, self.reason)


class StageSection(Section):
    """The actions of a rule that become due together."""

    after: Duration = Field(examples=["0s"])
    """The grace: elapsed time since the trigger, like `"0s"`, `"36h"`, `"90d"`. Stages stand in ascending order."""

    do: list[Action] = Field(min_length=1, examples=[["suspend"]])
    """What to do, at every target that can do it. The bridge chooses the order within a stage."""

    targets: list[str] | None = None
    """The only targets that the stage is for; by default all of the rule's."""

    grace: dict[str, Duration] | None = None
    """Another grace at some targets, like `{ salesforce = "14d" }`."""

    approval: bool | None = None
    """Whether an operator has to approve the stage before it is released. Default: `true` for what cannot be undone."""

    approvers: int = Field(default=1, ge=1, le=2)
    """How many different operators have to approve; 2 for four eyes."""

    schedule: Cron | None = None
    """The only times at which it is released, as a cron expression with five fields, like `"0 22 * * 1-5"`."""

    timezone: TimeZone = ZoneInfo("UTC")
    """The time zone of `schedule`."""

    window: Duration | None = Field(default=None, gt=timedelta())
    """How long after a time of `schedule` it may still be released; then it waits for the next one."""

    deadline: Duration | None = Field(default=None, gt=timedelta())
    """How long after the due date its tasks may take; then retrying ends, and an alarm goes out. Default: 7d, without
    an alarm unless `[deadlines]` says so."""

    notify: list[str] = []
    """Whom `notify` tells: `manager`, `owner`, `webhook`, or e-mail addresses. Anybody who cannot be found is left out,
    and the history says so. If nobody is found, the task is skipped, or waits for a person if something follows that
    cannot be undone."""

    only: list[str] | None = None
    """Names of the groups and licenses that are taken away; by default all."""

    successor: str | None = None
    """Who gets mail and belongings: `manager`, or a userName of the same source."""


class RuleSection(Section):
    """Which facts start a case, for whom, with which stages. The first rule that matches plans the case."""

    name: str = Field(min_length=1, max_length=100, examples=["employees"])
    """What the rule is called in cases and reports."""

    when: list[When] = Field(min_length=1, examples=[["deactivated", "deleted"]])
    """The triggers that start a case: `deactivated`, `deleted`, `ended`, `unassigned`, `changed`, `requested`. After
    `unassigned`, at least 15 minutes pass, unless the rule is for nothing else."""

    match: Filter | None = Field(default=None, examples=['userType eq "Employee"'])
    """Whom the rule is for, as a SCIM filter; by default everybody. `groups.display` is the groups' names."""

    exclude: Filter | None = Field(default=None, examples=['groups.display eq "Break Glass"'])
    """Whom the rule spares although they match."""

    exclude_targets: list[str] = []
    """Targets that cases of this rule leave alone."""

    was: Filter | None = None
    """For `changed`: what somebody matched before the change."""

    now: Filter | None = None
    """For `changed`: what they match after it."""

    hook: str | None = None
    """Who is asked before anything happens: the name of an entry point in the group `scimbridge.hooks`, or of a table
    `[hooks.NAME]`."""

    restore: Restore = Restore.MANUAL
    """When the person returns: `auto` gives back what the bridge took, `manual` waits for an operator."""

    stages: list[StageSection] = Field(min_length=1)
    """What happens when; at least one."""


class ExclusionSection(Section):
    """Who or what is never touched, whatever the rules say.

    Name one of `match`, `identity`, `members`, `target`, `account` and `group`; `target` beside `account` or `group`
    says where that is.
    """

    match: Filter | None = Field(default=None, examples=['userType eq "Service"'])
    """The identities that match a SCIM filter."""

    identity: str | None = None
    """One identity, by its SCIM id."""

    members: str | None = None
    """Everybody in the SCIM group with this display name."""

    target: str | None = None
    """A whole target, or where the account or group is."""

    account: str | None = None
    """One account, by its immutable id or its name at the target."""

    group: str | None = None
    """A group at the target, by its name: nobody is taken out of it, and it is not given up."""

    until: Day | None = None
    """When it ends; with only a date, at the end of that day in UTC. By default never."""

    reason: str = Field(min_length=1, examples=["service accounts are owned by platform"])
    """Why; shown wherever something is left alone because of it."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        named = [self.match, self.identity, self.members, self.account, self.group]
        count = sum(each is not None for each in named)
        if count > 1 or (count == 0 and self.target is None):
            raise ValueError("name one of match, identity, members, target, account and group")
        if self.target is not None and count == 1 and self.account is None and self.group is None:
            raise ValueError("target goes with account and group, or stands alone")
        return self


class EvidenceSection(Section):
    """Proof of what was done: the history is sealed, so that a later change of it can be found."""

    key_file: Path | None = Field(default=None, examples=["evidence.key"])
    """The Ed25519 key that signs the seals. If there is none, it is created, readable by its owner alone. Machines that
    share a database must share the key, too, and people who can change the database should not be able to read it.
    Default: `evidence.key` in `data_dir`."""


class Document(Section):
    """The whole file."""

    data_dir: Path = Field(default=Path("data"), examples=["data"])
    """Where the bridge keeps its files. Relative paths are relative to this configuration file."""

    server: ServerSection = ServerSection()
    store: StoreSection = StoreSection()
    queue: QueueSection = QueueSection()
    operators: OperatorsSection = OperatorsSection()
    sources: dict[str, SourceSection] = {}
    targets: dict[str, dict[str, Any]] = {}
    """Each is read a second time by its connector, which alone knows its keys."""

    rules: list[RuleSection] = []
    exclusions: list[ExclusionSection] = []
    guard: GuardSection | None = None
    freeze: list[FreezeSection] = []
    notify: NotifySection | None = None
    hooks: dict[str, HookSection] = {}
    evidence: EvidenceSection = EvidenceSection()
    retention: RetentionSection = RetentionSection()
    deadlines: dict[Action, Duration] = Field(default={}, examples=[{"suspend": "5m", "revoke_sessions": "15m"}])
    """How long after its due date each action may take before an alarm goes out, like `suspend = "5m"`."""
