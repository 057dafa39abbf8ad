"""Cases, tasks, and what is done to them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from scimbridge.api.endpoint import Answer, Model
from scimbridge.api.paging import Page, Paging
from scimbridge.api.values import At, Count, Id, Moment, Name, Reason, Stage
from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseKind, CaseState
from scimbridge.domain.intent import CaseAction
from scimbridge.domain.situation import CaseQuery, Wanted
from scimbridge.domain.task import TaskState
from scimbridge.domain.trigger import Trigger
from scimbridge.services.story import Why

MOST_IDS = 1000


class CaseFilter(Model):
    """Which cases: those that all of it fits."""

    state: CaseState | None = None
    source: Name | None = None
    rule: Name | None = None
    """Planned by this rule."""

    trigger: Trigger | None = None
    target: Name | None = None
    """With work at this target."""

    since: Moment | None = None
    """Opened then, or later."""

    until: Moment | None = None
    """Opened then, or earlier."""

    flood: Id | None = None
    """Of this flood of the guard."""

    situation: Wanted | None = None
    """Open, and like this."""

    search: Name | None = None
    """With this in the person's userName, in any case."""

    def as_query(self, ids: tuple[str, ...] | None = None) -> CaseQuery:
        """Return the same for the services."""
        return CaseQuery(
            state=self.state,
            source=self.source,
            rule=self.rule,
            trigger=self.trigger,
            target=self.target,
            since=self.since,
            until=self.until,
            flood_id=self.flood,
            situation=self.situation,
            search=self.search,
            ids=ids,
        )


class CaseList(CaseFilter, Paging):
    """Which cases, and how many at once."""


class CaseLine(Answer):
    """One case of a list."""

    id: str
    user_name: str
    identity_id: str
    source: str
    kind: CaseKind
    rule: str
    trigger: Trigger | None
    trigger_at: At
    state: CaseState
    situation: str
    """What it is doing, computed; or how it ended."""

    next_due_at: At | None
    opened_at: At
    closed_at: At | None
    reason: str
    tasks: dict[TaskState, int]
    """How many of its tasks are in each state."""


class CasePage(Page[CaseLine]):
    """Cases, the newest first."""


class Whom(Answer):
    """A person or a group, as its source last described it."""

    id: str
    source: str
    user_name: str
    external_id: str | None
    active: bool
    deleted_at: At | None


class Run(Answer):
    """One attempt."""

    id: str
    worker: str
    started_at: At
    ended_at: At | None
    outcome: str | None
    reason: str


class TaskStory(Answer):
    """A task, with its attempts and what they found and left."""

    id: str
    target: str
    action: Action
    state: TaskState
    irreversible: bool
    needs_person: bool
    due_at: At
    not_before: At | None
    reason: str
    deadline_at: At | None
    expected_at: At | None
    late_by_seconds: float
    evidence: dict[str, Any] | None
    attempts: list[Run]


class StageLine(Answer):
    """A stage."""

    number: int
    due_at: At
    approvers: int
    """How many operators have to approve it."""

    approved_by: list[str]
    tasks: list[str]
    """The ids of its tasks, in order."""


class WhyNot(Answer):
    """A reason, and what would help."""

    why: Why
    said: str
    step: str | None


class Sent(Answer):
    """A request of a source, as understood and as applied."""

    source: str
    method: str
    path: str
    status: int
    understood: str
    applied: str
    at: At


class Entry(Answer):
    """An entry of the history."""

    at: At
    event: str
    actor: str
    target: str | None
    task_id: str | None
    reason: str
    details: dict[str, Any]


class CaseStory(Answer):
    """Everything about a case."""

    id: str
    user_name: str
    identity_id: str
    source: str
    kind: CaseKind
    rule: str
    trigger: Trigger | None
    trigger_at: At
    state: CaseState
    situation: str
    next_due_at: At | None
    opened_at: At
    closed_at: At | None
    reason: str
    identity: Whom
    tasks: list[TaskStory]
    stages: list[StageLine]
    waiting_for: list[str]
    """Why it is not further, in sentences."""

    reasons: list[WhyNot]
    left_undone: list[WhyNot]
    requests: list[Sent]
    history: list[Entry]
    told: list[str]
    """The story, line by line, as `scimbridge cases show` tells it."""


class Snapshot(Answer):
    """An account as it was before the bridge touched it."""

    target: str
    taken_at: At
    state: dict[str, Any]


class Snapshots(Answer):
    """The accounts of a case."""

    items: list[Snapshot]


class Because(Model):
    """Why."""

    reason: Reason


class ExpediteRequest(Model):
    """What skips its grace: a stage or one task. It is named, so that asking twice lets nothing else go."""

    reason: Reason
    stage: Stage | None = None
    """Which stage, from 1."""

    task: Id | None = None
    """One task alone."""


class TaskLine(Answer):
    """A task, in short."""

    id: str
    action: Action
    target: str


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


class ManyRequest(Model):
    """What to do, and to which cases: those that are named, or those that fit."""

    action: CaseAction
    stage: Stage = 1
    """For `expedite`: which stage skips its grace."""

    ids: list[Id] | None = Field(default=None, min_length=1, max_length=MOST_IDS)
    query: CaseFilter | None = None


class LeftOut(Answer):
    """Cases to which it is not done."""

    why: str
    count: int
    first: list[CaseLine]


class ManyPreview(Answer):
    """What would be done."""

    action: CaseAction
    count: int
    first: list[CaseLine]
    """The newest ten."""

    left_out: list[LeftOut]
    unknown: list[str]
    """Ids that no case has."""

    final: int
    """How many of them would be let do something that cannot be undone."""

    can_be_undone: bool
    afterwards: str
    """How it is taken back, or that it cannot be."""

    until: At
    """Cases opened later are not in it."""


class ActRequest(ManyRequest):
    """What to do to many."""

    reason: Reason
    count: Count
    """As the preview said. Where it is another number by now, nothing is done."""

    until: Moment
    """From the preview."""


class Acted(Answer):
    """What became of one case."""

    case_id: str
    done: bool
    said: str
    made: str | None
    """The hold that was placed, or the case that gives back."""


class ManyReport(Answer):
    """What became of all."""

    done: int
    results: list[Acted]
    more: bool
    """There are more than one request does: preview and ask again."""


class TaskList(Paging):
    """Which tasks."""

    state: TaskState | None = None
    target: Name | None = None
    action: Action | None = None
    case: Id | None = None
    needs_person: bool = False
    """Only those of open cases that failed, or that somebody has to decide about."""


class TaskFound(Answer):
    """One task of a list."""

    id: str
    case_id: str
    user_name: str
    source: str
    target: str
    action: Action
    state: TaskState
    irreversible: bool
    due_at: At
    not_before: At | None
    """When it is tried again."""

    attempts: int
    reason: str
    deadline_at: At | None
    finished_at: At | None


class TaskPage(Page[TaskFound]):
    """Tasks, the newest first."""


class Candidate(Answer):
    """An account that matched."""

    id: str
    name: str


class Candidates(Answer):
    """Accounts to choose among."""

    items: list[Candidate]


class LinkRequest(Model):
    """The right account."""

    account: Name
    """Its id at the target, one of the candidates."""


class TaskDone(Answer):
    """A task after something was done to it."""

    id: str
    case_id: str
    action: Action
    target: str
    state: TaskState
    reason: str
