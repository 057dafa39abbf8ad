"""Tasks, and the accounts to choose among for them."""

from __future__ import annotations

from scimbridge.api.endpoint import Answer, Model
from scimbridge.api.paging import Page, Paging
from scimbridge.api.values import At, Id, Name
from scimbridge.domain.action import Action
from scimbridge.domain.task import TaskState


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
