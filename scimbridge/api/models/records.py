"""Who there is, what happened, and what sources sent."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from scimbridge.api.endpoint import Answer, Model
from scimbridge.api.paging import Page, Paging
from scimbridge.api.values import At, Id, Limit, Moment, Name
from scimbridge.domain.action import Action
from scimbridge.domain.task import TaskState


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


class Erased(Answer):
    """What was known of somebody whose personal values are erased."""

    identity_id: str
    cases: int
    """They stay, with what was done when, by whom and why."""

    entries: int
    """Of the history, that had personal values."""

    requests: int
    restorable: list[str]
    """The targets where something could have been given back."""


class SearchChoice(Model):
    """What somebody has in hand."""

    text: Annotated[Name, Field(min_length=2)]
    limit: Limit = 20
    """At most so many of each kind."""


class FoundPerson(Answer):
    """Somebody, with their newest case."""

    id: str
    user_name: str
    display_name: str
    source: str
    state: str
    """`active`, `inactive` or `deleted`."""

    case_id: str | None
    case_state: str


class FoundTask(Answer):
    """A task that failed, waits or is tried again, and says so in these words."""

    id: str
    case_id: str
    user_name: str
    target: str
    action: Action
    state: TaskState
    reason: str


class Found(Answer):
    """What was found."""

    people: list[FoundPerson]
    targets: list[str]
    tasks: list[FoundTask]
