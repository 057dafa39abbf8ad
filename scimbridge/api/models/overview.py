"""By what people leave, how much there is of what, and the settings."""

from __future__ import annotations

from pydantic import Field

from scimbridge.api.endpoint import Answer
from scimbridge.api.values import At
from scimbridge.config.listing import Origin


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

    version: int | None
    """Which version that is; null where the web process has put none in force yet."""

    items: list[RuleLine]


class Limit(Answer):
    """A limit of the guard, and how much of it is used."""

    scope: str
    subject: str | None
    guard_class: str = Field(alias="class")
    window: str
    count: int | None
    percent: float | None
    counted: int
    """Distinct identities within the window; no more than 10 000 are counted."""

    room: float | None
    """How many it has room for; null where only a share is set, and too few are active for it to bind."""

    active: int | None
    """How many identities the share is of; null where there is no share, or nobody has counted them yet."""

    flood_id: str | None
    """The flood that it holds right now."""


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

    returning: int
    """Accounts that are still to be given back to people who came back together with many others."""

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


class SettingNote(Answer):
    """What is worth a look about a setting."""

    path: str
    message: str


class Settings(Answer):
    """All settings."""

    items: list[SettingLine]
    file: str | None
    """Where the configuration was read from."""

    warnings: list[SettingNote]
    unusable: dict[str, str]
    """Targets whose connectors cannot be used, each with the reason. They wait; all others work."""


class ScheduledStage(Answer):
    """A stage that is let go at certain times only."""

    rule: str
    stage: int
    actions: list[str]
    schedule: str
    timezone: str
    window: str | None
    next: list[At]
    """When it is let go next; freezes are heeded where it cannot be undone."""


class FreezeLine(Answer):
    """A period in which nothing is done that cannot be undone."""

    start: At
    end: At
    reason: str
    stands: bool


class Schedules(Answer):
    """When work is let go."""

    stages: list[ScheduledStage]
    freezes: list[FreezeLine]
    """Those that are not over."""

    deadlines: dict[str, str]
    """How long after its due date each action may take before an alarm goes out."""


class ConnectorLine(Answer):
    """A kind of target that can be configured."""

    kind: str
    package: str
    version: str
    contract: int | None
    """Which contract it says that it was written for."""

    usable: bool
    fault: str
    """Why it cannot be used, and what to do; empty where it can."""


class Connectors(Answer):
    """The connectors that are installed."""

    items: list[ConnectorLine]
