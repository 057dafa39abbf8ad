"""Where everything stands, how the last days went, and what is ahead."""

from __future__ import annotations

from scimbridge.api.endpoint import Answer, Model
from scimbridge.api.paging import Page, Paging
from scimbridge.api.values import At, Days, Moment, Name
from scimbridge.domain.case import CaseState
from scimbridge.domain.trigger import Trigger


class Load(Answer):
    """What falls due."""

    tasks: int
    """More than 1000 of one day are not counted."""

    irreversible: int


class DayAhead(Load):
    """What falls due on a day."""

    day: str
    """In UTC, like `2026-12-31`."""


class TimeToRevoke(Answer):
    """How long one action takes at one target, from when it is due to when it was read back."""

    target: str
    action: str
    count: int
    median_seconds: float
    p95_seconds: float
    deadline_seconds: float | None
    late: int
    """How many of those with a deadline missed it."""

    with_deadline: int


class ReportChoice(Model):
    """Which days."""

    days: Days = 30
    """So many days back, today included (UTC)."""

    days_ahead: Days = 90
    """So many days ahead, today included."""


class Report(Answer):
    """The numbers of the board and of the charts. Series are numbers by what they are of, and by day (UTC)."""

    cases: dict[str, int]
    """By the columns of the board."""

    days: int
    counted_until: At | None
    """Up to when everything is counted; null where nothing was ever counted."""

    leavers: dict[str, dict[str, int]]
    """How many began to leave, by trigger."""

    attempts: dict[str, dict[str, int]]
    """By how they ended."""

    throttled: dict[str, dict[str, int]]
    """How often a target asked for fewer calls."""

    time_to_revoke: list[TimeToRevoke]
    due: Load
    """What is due already, and waits."""

    ahead: list[DayAhead]


class LeaverList(Paging):
    """Which leavers."""

    since: Moment | None = None
    """Who began to leave then, or later."""

    until: Moment | None = None
    source: Name | None = None
    state: CaseState | None = None


class LeaverStage(Answer):
    """How far a stage is."""

    number: int
    due_at: At
    tasks: int
    finished: int
    """Of how many of them nothing more is expected."""

    finished_at: At | None
    """Null while one is left."""


class LeaverLine(Answer):
    """Somebody who leaves, or has left."""

    case_id: str
    user_name: str
    identity_id: str
    source: str
    trigger: Trigger | None
    trigger_at: At
    rule: str
    state: CaseState
    situation: str
    stages: list[LeaverStage]
    revoked_at: At | None
    """When access was last taken away so far, and read back."""

    time_to_revoke_seconds: float | None
    """Of the slowest task, from when it was due to when it was read back."""

    late: int
    """Tasks that missed their deadline."""

    opened_at: At
    closed_at: At | None


class LeaverPage(Page[LeaverLine]):
    """Leavers, the newest first."""


class LeftAloneList(Paging):
    """Since when."""

    since: Moment | None = None


class LeftAlone(Answer):
    """A fact that opened no case."""

    id: str
    identity_id: str
    user_name: str
    source: str
    trigger: Trigger
    at: At
    verdict: str
    """Why."""


class LeftAlonePage(Page[LeftAlone]):
    """Facts that opened no case, the newest first."""
