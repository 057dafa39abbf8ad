"""Targets, with their accounts and groups."""

from __future__ import annotations

from pydantic import Field

from scimbridge.api.endpoint import Answer, Model
from scimbridge.api.models.cases import CaseLine
from scimbridge.api.values import At, Count, Duration, Limit, Name, Reason
from scimbridge.domain.action import Action
from scimbridge.domain.request import Outcome
from scimbridge.services.preflight import About, Verdict


class TargetLine(Answer):
    """What goes on at a target."""

    name: str
    connector: str
    mode: str
    armed_until: At | None
    """Until when it acts although it is configured to observe."""

    armed_by: str | None
    concurrency: int
    at_once: int
    """How many attempts it takes right now."""

    runnable: int
    """Accounts with work that may start now; capped at 1000."""

    live: int
    """Attempts under way."""

    needs_person: int
    pause: str | None
    """Who paused it and why, where it is paused."""

    unusable: str | None
    """Why its connector cannot be used, where that is so."""

    pace: float
    """The share of its rate that is used at most right now."""

    calls_per_second: float | None


class Targets(Answer):
    """All targets."""

    items: list[TargetLine]


class ArmRequest(Model):
    """For how long an observing target acts."""

    span: Duration = Field(alias="for", examples=["4h"])
    """A day at most."""

    reason: Reason


class Armed(Answer):
    """How long it acts, and what that lets go at most."""

    until: At
    tasks: int
    """Tasks there that are due by then."""

    people: int


class Changed(Answer):
    """Whether anything was changed."""

    changed: bool


class AccountChoice(Model):
    """Which accounts."""

    unused_for: Duration | None = None
    """Only those that nobody has signed in with for so long, as far as the target tells."""

    limit: Limit = 1000
    """At most so many; the target is asked for all before them."""

    offset: Count = 0
    """Leave out so many."""


class AccountLine(Answer):
    """An account, as its target tells it; null where it does not tell."""

    id: str
    name: str
    attributes: dict[str, list[str]]
    suspended: bool | None
    suspended_since: At | None
    signed_in_at: str | None
    """A time, or `never`."""

    signed_in_within_days: int
    expires_at: str | None
    """A time, or `never`."""

    created_at: At | None
    container: str | None
    unmanaged: bool | None
    privileged: bool | None
    licenses: list[str] | None


class Accounts(Answer):
    """Accounts of a target; nothing is kept of them."""

    items: list[AccountLine]
    more: bool
    """There are more than were asked for."""


class StaleChoice(Model):
    """Which groups seem unused."""

    unchanged_for: Duration = "365d"
    ownerless: bool = False
    """Also groups without an owner, or whose owner has left."""


class Owner(Answer):
    """An owner of a group."""

    id: str
    name: str


class StaleLine(Answer):
    """A group that seems unused."""

    id: str
    name: str
    members: int | None
    owners: list[Owner] | None
    changed_at: At | None
    container: str | None
    stamp: str | None
    protected: str | None
    reasons: list[str]
    case_id: str | None


class StaleGroups(Answer):
    """Groups that seem unused."""

    items: list[StaleLine]


class RetireRequest(Model):
    """Which groups at the target to give up."""

    groups: list[Name] = Field(min_length=1, max_length=500)
    """By name or immutable id."""

    reason: Reason
    partial: bool = False
    """Do what can be done; else one that cannot be leaves all alone."""

    again: bool = False
    """Also groups whose case is complete."""

    dry_run: bool = False
    """Only say what would become of each."""


class RetireLine(Answer):
    """What became of one group."""

    line: int
    group: str
    outcome: Outcome
    why: str
    id: str | None
    name: str | None
    members: int | None
    opens: list[str] | None
    """What it opens, as far as that is known."""

    case_id: str | None


class RetireReport(Answer):
    """What became of all; `done` is false for a dry run."""

    done: bool
    lines: list[RetireLine]


class GroupChoice(Model):
    """Which groups that are being given up."""

    target: Name | None = None
    everything: bool = Field(default=False, alias="all")
    """Ended cases, too."""

    limit: Limit = 100


class GroupLine(CaseLine):
    """A group that is being given up: its case, what was done, and what comes next."""

    target: str
    done: list[Action]
    next: Action | None


class Groups(Answer):
    """Groups that are being given up, the newest case first."""

    items: list[GroupLine]


class CheckLine(Answer):
    """What one check of a target has found."""

    name: str
    verdict: Verdict
    message: str
    next_step: str
    """What to do about it; empty where nothing has to be done."""

    about: About | None
    ends_at: At | None
    """When it ends, where it is about credentials."""


class KeptChecks(Answer):
    """What was found when a target was last checked."""

    at: At | None
    """Null where nobody has checked it yet."""

    ok: bool
    items: list[CheckLine]


class Retried(Answer):
    """What is tried again."""

    count: int
    left: int
    """How many wait for a person still: once more tries the next ones."""


class Checks(Answer):
    """What was found at a target."""

    ok: bool
    items: list[CheckLine]


class QueueLine(Answer):
    """The queue of a target; what Redis says is null while it does not answer."""

    target: str
    runnable: int
    waited_seconds: float | None
    """How long the work has been waiting that was due first."""

    live: int
    done_lately: int
    """Tasks that were done in the last 15 minutes."""

    retrying: int
    next_retry_at: At | None
    failed: int
    depth: int | None
    """Messages in Redis that no worker has taken."""

    started: int | None
    last_irreversible_at: At | None
    """When something was last done there that cannot be undone."""


class WorkerLine(Answer):
    """A worker that is registered with RQ."""

    name: str
    queues: list[str]
    state: str
    born_at: At | None
    seen_at: At | None
    is_gone: bool


class LiveLine(Answer):
    """An attempt that is under way."""

    attempt: str
    case_id: str | None
    user_name: str
    target: str
    action: Action | None
    """None where an account is looked up."""

    worker: str
    started_at: At
    lease_until: At
    past_the_line: bool
    """Its request may have left."""


class Queues(Answer):
    """What goes on at the queues. SQL is the truth: Redis may be away."""

    redis_answers: bool
    items: list[QueueLine]
    workers: list[WorkerLine]
    attempts: list[LiveLine]
    """The oldest first; at most 50."""
