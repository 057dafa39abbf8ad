"""Cases, as they are listed and told."""

from __future__ import annotations

from typing import Any

from scimbridge.api.endpoint import Answer, Model
from scimbridge.api.paging import Page, Paging
from scimbridge.api.values import At, Id, Moment, Name
from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseKind, CaseState
from scimbridge.domain.situation import CaseQuery, Column, Wanted
from scimbridge.domain.task import TaskState
from scimbridge.domain.trigger import Trigger
from scimbridge.services.story import Why


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

    column: Column | None = None
    """In this column of the board of the dashboard."""

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
            column=self.column,
            search=self.search,
            ids=ids,
        )


class CaseList(CaseFilter, Paging):
    """Which cases, and how many at once."""


class CaseFacts(Answer):
    """What is true of a case wherever it is shown."""

    id: str
    user_name: str
    identity_id: str
    source: str
    kind: CaseKind
    rule: str
    rules_version: int | None
    """The version of the rules that planned it, see `/rules/versions`."""

    trigger: Trigger | None
    trigger_at: At
    state: CaseState
    situation: str
    """What it is doing, computed; or how it ended."""

    next_due_at: At | None
    opened_at: At
    closed_at: At | None
    reason: str


class CaseLine(CaseFacts):
    """One case of a list."""

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


class CaseStory(CaseFacts):
    """Everything about a case."""

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
