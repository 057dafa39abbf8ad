"""The sections of ``scimbridge.toml``. Each field's docstring is its reference and its comment in the example."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from scimbridge.config import later
from scimbridge.config.addresses import QueueUrl, StoreUrl
from scimbridge.config.values import (
    AttributePath,
    ByteSize,
    Do,
    Duration,
    Filter,
    Listen,
    ListenAddress,
    PublicUrl,
    TimeZone,
    When,
)
from scimbridge.domain.lifecycle import LIFECYCLE
from scimbridge.domain.rule import Restore
from scimbridge.domain.source import NameCase, OverInactive

LIFECYCLE_END = f"{LIFECYCLE}:endDate"


class Section(BaseModel):
    """A table of the configuration.

    Attributes:
        later: Its keys that a later version will have; refused by name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    later: ClassVar[frozenset[str]] = frozenset()


class ServerSection(Section):
    """The HTTP server: SCIM, the dashboard and the metrics."""

    listen: ListenAddress = Field(default=Listen("127.0.0.1", 8085), examples=["127.0.0.1:8085"])
    """Where it listens, as `HOST:PORT`. Put a TLS proxy in front of anything but the loopback."""

    public_url: PublicUrl | None = Field(default=None, examples=["https://bridge.example.com"])
    """The address that identity providers use. It stands in the `meta.location` of every resource.
    Default: `http://` and the `listen` address."""

    max_body: ByteSize = Field(default=1 << 20, ge=1024, examples=["1MiB"])
    """The largest request that is read, in bytes or like `"1MiB"`; larger ones are answered 413."""


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


class SourceSection(Section):
    """One identity provider that speaks SCIM to the bridge; its token comes from `scimbridge token create NAME`."""

    later: ClassVar[frozenset[str]] = later.SOURCE_KEYS

    strict: bool = False
    """Answer 400 to attributes, paths and schemas that are not known, instead of ignoring and recording them."""

    user_name_case: NameCase = NameCase.IGNORED
    """Whether letters' case makes another userName: `ignored` (RFC 7643) or `exact`. The same rule holds for filters
    and for uniqueness."""

    over_inactive: OverInactive = OverInactive.REACTIVATE
    """What a POST with the userName of an inactive User does: `reactivate` it in place, or answer `conflict` (409)."""

    end_date: AttributePath | None = Field(default=None, examples=[LIFECYCLE_END])
    """The attribute that says when somebody's time ends, as a SCIM path.
    Default: `endDate` of the bridge's own lifecycle extension."""

    timezone: TimeZone = Field(default=ZoneInfo("UTC"), examples=["Europe/Berlin"])
    """Where an end date without a time of day ends."""


class StageSection(Section):
    """The actions of a rule that become due together."""

    later: ClassVar[frozenset[str]] = later.STAGE_KEYS

    after: Duration = Field(examples=["0s"])
    """The grace: elapsed time since the trigger, like `"0s"`, `"36h"`, `"90d"`. Stages stand in ascending order."""

    do: list[Do] = Field(min_length=1, examples=[["suspend"]])
    """What to do at every target that can: `suspend`, `delete`. The order within a stage is the bridge's affair."""

    approval: bool | None = None
    """What cannot be undone (`delete`) runs only where this says `false`; approvals come in a later version."""


class RuleSection(Section):
    """Which facts start a case, for whom, with which stages. The first rule that matches plans the case."""

    later: ClassVar[frozenset[str]] = later.RULE_KEYS

    name: str = Field(min_length=1, max_length=100, examples=["employees"])
    """What the rule is called in cases and reports."""

    when: list[When] = Field(min_length=1, examples=[["deactivated", "deleted"]])
    """The triggers that start a case: `deactivated`, `deleted`, `ended`, `unassigned`. Somebody `unassigned` has
    15 minutes at least, unless the rule is for nothing else."""

    match: Filter | None = Field(default=None, examples=['userType eq "Employee"'])
    """Whom the rule is for, as a SCIM filter; everyone where absent. `groups.display` is the groups' names."""

    exclude: Filter | None = Field(default=None, examples=['groups.display eq "Break Glass"'])
    """Whom the rule spares although they match."""

    exclude_targets: list[str] = []
    """Targets that cases of this rule leave alone."""

    restore: Restore = Restore.MANUAL
    """When the person returns: `auto` gives back what the bridge took, `manual` waits for an operator."""

    stages: list[StageSection] = Field(min_length=1)
    """What happens when; at least one."""


class ExclusionSection(Section):
    """Who is never touched, whatever the rules say."""

    match: Filter = Field(examples=['userType eq "Service"'])
    """A SCIM filter."""

    reason: str = Field(min_length=1, examples=["service accounts are owned by platform"])
    """Why; shown wherever somebody is left alone because of it."""


class Document(Section):
    """The whole file."""

    later: ClassVar[frozenset[str]] = later.DOCUMENT_KEYS

    data_dir: Path = Field(default=Path("data"), examples=["data"])
    """Where the bridge keeps its files. Relative paths are relative to this configuration file."""

    server: ServerSection = ServerSection()
    store: StoreSection = StoreSection()
    queue: QueueSection = QueueSection()
    sources: dict[str, SourceSection] = {}
    targets: dict[str, dict[str, Any]] = {}
    """Each is read a second time by its connector, which alone knows its keys."""

    rules: list[RuleSection] = []
    exclusions: list[ExclusionSection] = []
