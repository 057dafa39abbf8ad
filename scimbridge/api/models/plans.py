"""What would happen to people."""

from __future__ import annotations

from pydantic import Field

from scimbridge.api.endpoint import Answer
from scimbridge.api.models.leaving import MOST_PEOPLE, Model, Named
from scimbridge.api.models.protection import HoldLine
from scimbridge.api.models.rules import Text as RulesText
from scimbridge.api.values import At
from scimbridge.domain.action import Action, GuardClass
from scimbridge.domain.trigger import Trigger


class PlanRequest(Model):
    """Who might leave."""

    people: list[Named] = Field(min_length=1, max_length=MOST_PEOPLE)
    trigger: Trigger = Trigger.DEACTIVATED
    """What the source would say, or the target."""

    rules: RulesText | None = None
    """The text of `[[rules]]`, in TOML, as a draft of the rules has it: what would happen by these. By those in force
    where absent. Exclusions, the guard and freezes are those of the bridge."""


class GuardAnswer(Answer):
    """What a limit of the guard would say to one more person."""

    where: str
    guard_class: GuardClass = Field(alias="class")
    window_seconds: float
    counted: int
    """The identities within the window, this one included."""

    most: float | None
    """How many it has room for; null where nothing bounds it."""

    flood_id: str | None
    """The flood that is open already."""

    held: bool


class PlannedTask(Answer):
    """What would be done to one account."""

    target: str
    action: Action
    irreversible: bool
    account: str | None
    """What it is called there; null where it was not linked yet."""

    due_at: At
    released_at: At
    """When it would be let go: later where a schedule or a freeze says so."""

    kept_until: At | None
    """Until when what is removed could be brought back, where the target would keep it."""

    frozen: bool
    because_of: Action | None
    """The action that it was put before, where the rule does not name it."""

    snapshot: bool
    observe: bool
    """The target would only be read."""

    spared: str | None
    """Why nothing would be done here, where that is so."""

    contested: bool
    """Another active identity owns the account: a person would be asked."""

    verified: bool
    """Whether it could be read back."""


class PlannedStage(Answer):
    """What becomes due together."""

    number: int
    after_seconds: float
    due_at: At
    approvers: int
    schedule: str | None
    tasks: list[PlannedTask]


class Plan(Answer):
    """What would happen to one identity; `stages` is empty where nothing would."""

    identity_id: str
    user_name: str
    source: str
    active: bool
    trigger: Trigger
    rule: str | None
    hook: str | None
    """Who would be asked first."""

    excluded: str | None
    holds: list[HoldLine]
    open_case: str | None
    """The case that the fact would be recorded on; `stages` are then what it would add."""

    earlier: int
    """How many of that case's tasks would be due earlier."""

    guard: list[GuardAnswer]
    stages: list[PlannedStage]
    left_out: dict[Action, list[str]]
    """What the rule asks for that these targets cannot do."""

    unusable: dict[str, str]
    """Why targets cannot be used that it has tasks at."""


class PlannedPerson(Answer):
    """What would happen to somebody who was named, in every source that knows them."""

    line: int
    """Which of the request, from 1."""

    named: str | None
    problem: str | None
    plans: list[Plan]


class PlanCounts(Answer):
    """How many would be treated how."""

    lines: int
    problems: int
    """Lines that name nobody who is known."""

    people: int
    would_act: int
    held: int
    excluded: int
    without_rule: int
    nothing_to_do: int


class Trip(Answer):
    """A limit of the guard that would be exceeded."""

    line: int
    where: str
    reason: str


class Plans(Answer):
    """What would happen to all of them, if they left one after the other."""

    counts: PlanCounts
    guard: list[Trip]
    lines: list[PlannedPerson]
