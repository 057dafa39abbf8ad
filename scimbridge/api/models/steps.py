"""What is done to one case, and what came of it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from scimbridge.api.endpoint import Answer, Model
from scimbridge.api.values import At, Id, Name, Reason, Stage
from scimbridge.domain.action import Action


class Because(Model):
    """Why."""

    reason: Reason


class TaskLine(Answer):
    """A task, in short."""

    id: str
    action: Action
    target: str


class ExpediteRequest(Model):
    """What skips its grace: a stage or one task. It is named, so that asking twice lets nothing else go."""

    reason: Reason
    stage: Stage | None = None
    """Which stage, from 1."""

    task: Id | None = None
    """One task alone."""


class Expedited(Answer):
    """What is due now."""

    tasks: list[TaskLine]
    still: list[str]
    """What they wait for all the same, in sentences."""


class RetryRequest(Model):
    """What to try again."""

    reason: Reason
    observed: bool = False
    """Do what was only observed, where the target acts by now."""


class TaskLines(Answer):
    """Tasks to which something was done."""

    tasks: list[TaskLine]


class RestoreRequest(Model):
    """What to give back."""

    reason: Reason
    targets: list[Name] | None = Field(default=None, min_length=1, max_length=100)
    """Only there; everywhere where absent."""


class Lost(Answer):
    """What nobody can give back."""

    target: str | None
    said: str


class Restored(Answer):
    """What is being given back."""

    case_id: str
    """The case that does it."""

    tasks: list[TaskLine]
    lost: list[Lost]


class StageChoice(Model):
    """Which stage."""

    stage: Stage | None = None
    """From 1; the first that waits for an approval where absent."""


class SeenAccount(Answer):
    """An account of a stage as it was read just now."""

    target: str
    id: str | None
    name: str | None
    protection: str | None
    """Why a person has to look at it, where that is so."""

    decisive: dict[str, Any] | None
    """What the approval is given to; it lapses when that changes."""

    tasks: list[TaskLine]


class Proposal(Answer):
    """What a stage will do to accounts as they are now."""

    case_id: str
    stage: int
    due_at: At
    approved_by: list[str]
    wanted: int
    """How many operators have to approve."""

    accounts: list[SeenAccount]
    digest: str
    """Of exactly this; an approval names it."""


class ApproveRequest(Model):
    """An approval of what was proposed."""

    stage: Stage
    digest: str = Field(min_length=64, max_length=64, pattern="^[0-9a-f]+$")
    """From the proposal: who approves has seen exactly that."""


class Approved(Answer):
    """What came of an approval."""

    case_id: str
    stage: int
    digest: str
    approved_by: str
    approved_at: At
    given: int
    wanted: int
    lapsed: str | None
    retried: list[str]


class WithdrawRequest(Model):
    """Whose approvals are taken back."""

    reason: Reason
    stage: Stage | None = None


class TooLate(Answer):
    """An attempt whose request may have left already."""

    attempt: str
    task_id: str | None
    target: str


class Withdrawn(Answer):
    """What came of taking approvals back."""

    stage: int
    too_late_for: list[TooLate]
