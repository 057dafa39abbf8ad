"""The timetable: when stages with a schedule are let go next, and when nothing is done that cannot be undone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from scimbridge.domain.action import Action
from scimbridge.domain.rule import Rule, Stage
from scimbridge.domain.schedule import Freeze

INSTANTS = 5
"""Next instants of a schedule that are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """A stage with a schedule.

    Attributes:
        number: Which of its rule, from 1.
        instants: When it is let go next; freezes are heeded where it cannot be undone.
    """

    rule: Rule
    number: int
    stage: Stage
    instants: Sequence[datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """What the configuration says about times.

    Attributes:
        scheduled: The stages with a schedule, rule by rule.
        freezes: Those that are not over, the first to begin first.
        deadlines: How long after its due date each action may take, by the action's name.
    """

    scheduled: Sequence[Scheduled]
    freezes: Sequence[Freeze]
    deadlines: Mapping[Action, timedelta]


def timetable(
    rules: Sequence[Rule], freezes: Sequence[Freeze], deadlines: Mapping[Action, timedelta], now: datetime
) -> Timetable:
    """Return the timetable as it is from now on (UTC)."""
    return Timetable(
        scheduled=[
            Scheduled(
                rule=rule, number=number, stage=stage, instants=list(islice(_instants(stage, freezes, now), INSTANTS))
            )
            for rule in rules
            for number, stage in enumerate(rule.stages, 1)
            if stage.terms.schedule is not None
        ],
        freezes=sorted((each for each in freezes if each.end > now), key=lambda each: each.start),
        deadlines=dict(sorted(deadlines.items())),
    )


def _next(stage: Stage, freezes: Sequence[Freeze], now: datetime) -> list[datetime]:
    return list(islice(_instants(stage, freezes, now), INSTANTS))


def _instants(stage: Stage, freezes: Sequence[Freeze], now: datetime) -> Iterator[datetime]:
    irreversible = any(action.is_irreversible for action in stage.actions)
    at = now
    while True:
        at = stage.terms.release_at(at, now, irreversible=irreversible, freezes=freezes)
        yield at
        at += timedelta(minutes=1)
