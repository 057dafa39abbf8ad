"""Timing: whether it is the time for work that is due, and by when it should be done."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from scimbridge.domain.action import Action
from scimbridge.domain.rule import Terms
from scimbridge.domain.schedule import Freeze
from scimbridge.domain.task import Task


@dataclass(frozen=True, slots=True)
class NotYet:
    """When it is the time for work, and why not now, as part of a sentence."""

    until: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What the configuration says about times for everybody.

    Attributes:
        freezes: Periods without irreversible work.
        deadlines: How long after its due date each action may take.
    """

    freezes: Collection[Freeze] = ()
    deadlines: Mapping[Action, timedelta] = field(default_factory=dict)

    def not_yet(self, task: Task, terms: Terms, now: datetime) -> NotYet | None:
        """Return why a task that is due has to wait: for its schedule, or for the end of a freeze.

        What has been started once is not held back by its window any more: a retry is no release.
        """
        irreversible = task.action.is_irreversible
        if terms.schedule is None and not (irreversible and self.freezes):
            return None
        until = terms.release_at(task.due_at, now, irreversible=irreversible, freezes=self.freezes)
        if until <= now:
            return None
        frozen = next((each for each in self.freezes if irreversible and each.covers(now)), None)
        if frozen is not None:
            return NotYet(until, f"frozen until {frozen.end:%Y-%m-%d %H:%M} UTC: {frozen.reason}")
        if task.attempts:
            return None
        has_passed = replace(terms, window=None).release_at(task.due_at, now) <= now
        why = "its window has passed" if has_passed else "it waits for its schedule"
        return NotYet(until, f"{why}; next at {until:%Y-%m-%d %H:%M} UTC")

    def deadline_at(self, action: Action, terms: Terms, due_at: datetime) -> datetime | None:
        """Return by when an action should be done that is due at a time; ``None`` where nobody has said so."""
        span = terms.deadline if terms.deadline is not None else self.deadlines.get(action)
        return due_at + span if span is not None else None


ANY_TIME = Timing()
"""Where the configuration says nothing."""
