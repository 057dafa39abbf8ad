"""Why something has not happened, and what would help."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from scimbridge.domain.outline import NOTICES
from scimbridge.domain.task import Task
from scimbridge.domain.times import distance, moment

PATIENCE = timedelta(minutes=1)
"""A sweeper passes every second, and workers are woken at once: what waits longer has nobody to do it."""


class Why(StrEnum):
    """Why something has not happened."""

    GRACE = "grace"
    SCHEDULE = "schedule"
    WINDOW = "window passed"
    FREEZE = "freeze"
    APPROVAL = "approval"
    LAPSED = "approval lapsed"
    HOLD = "hold"
    LEGAL_HOLD = "legal hold"
    FLOOD = "flood"
    HOOK = "hook"
    PAUSED = "target paused"
    UNUSABLE = "target cannot be used"
    OBSERVING = "target observes"
    NO_TARGET = "target removed"
    RUNNING = "running"
    LEASE = "worker gone"
    BACKOFF = "tried again"
    NO_WORKER = "no worker"
    NO_SWEEPER = "no sweeper"
    FULL = "target full"
    LETTING_GO = "backlog let go"
    EARLIER = "earlier step"
    CONTESTED = "contested"
    AMBIGUOUS = "ambiguous"
    PROTECTED = "protected"
    CHANGED = "changed since"
    SPARED = "spared before"
    UNTOLD = "not told"
    NEEDS_PERSON = "needs a person"
    LATE = "late"
    EXCLUDED = "excluded"
    OBSERVED = "observed"
    NO_ACCOUNT = "no account"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason.

    Attributes:
        said: What is so, as one sentence or two.
        step: What would help, as one sentence with the command; empty where waiting is all there is to do.
        about: What one would do it to: the id of a hold, a flood or a task, the name of a target, the number of a
            stage; empty where that is the case.
    """

    why: Why
    said: str
    step: str = ""
    about: str = ""

    def __str__(self) -> str:
        return f"{self.said} {self.step}".rstrip()


def what(task: Task) -> str:
    """Return what a task does, and where."""
    return f"{task.action} at {task.target}" if task.target != NOTICES else task.action.value


def when(at: datetime, now: datetime) -> str:
    """Return a time, and how far off it is."""
    return f"{moment(at)} ({distance(at, now)})"
