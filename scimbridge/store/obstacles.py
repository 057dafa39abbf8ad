"""What keeps an action from cases, as conditions on rows of ``cases``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, true, tuple_

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseKind, CaseState
from scimbridge.domain.hold import Scope
from scimbridge.domain.intent import Intent, Obstacle
from scimbridge.domain.task import TaskState
from scimbridge.store.schema import cases, holds, stages, tasks

Condition = ColumnElement[bool]

_FINAL = [action.value for action in Action if action.is_irreversible]


def free(intent: Intent, now: datetime) -> Condition:
    """Return the condition that nothing keeps an action from a case."""
    return and_(true(), *(~_condition(obstacle, intent, now) for obstacle in intent.obstacles))


def kept(intent: Intent, now: datetime) -> Iterator[tuple[Obstacle, Condition]]:
    """Yield each obstacle with the condition that it is the first one in the way of a case."""
    earlier: list[Condition] = []
    for obstacle in intent.obstacles:
        condition = _condition(obstacle, intent, now)
        yield obstacle, and_(condition, *(~each for each in earlier))
        earlier.append(condition)


def final(intent: Intent, now: datetime) -> Condition:
    """Return the condition that something in the stage that would skip its grace cannot be undone."""
    return _has_planned(intent.stage, now, tasks.c.action.in_(_FINAL))


def _condition(obstacle: Obstacle, intent: Intent, now: datetime) -> Condition:
    match obstacle:
        case Obstacle.ENDED:
            return cases.c.state != CaseState.OPEN
        case Obstacle.GIVES_BACK:
            return cases.c.kind != CaseKind.LEAVE
        case Obstacle.NOT_PLANNED:
            return ~_has_planned(intent.stage, now)
        case Obstacle.HELD:
            return _has_hold(holds.c.flood_id.is_(None))
        case Obstacle.NOT_HELD:
            return ~_has_hold()
        case Obstacle.LEGAL:
            return ~_has_hold(~holds.c.is_legal)
        case Obstacle.NOTHING_FAILED:
            return ~_has_task(tasks.c.state.in_([TaskState.FAILED, TaskState.WAITING]))
        case Obstacle.TOOK_NOTHING:
            return ~_has_task(tasks.c.state == TaskState.DONE)
        case Obstacle.NOT_NEWEST:
            other = cases.alias()
            is_newer = tuple_(other.c.opened_at, other.c.id) > tuple_(cases.c.opened_at, cases.c.id)
            return exists(select(other.c.id).where(other.c.identity_id == cases.c.identity_id, is_newer))


def _has_task(*conditions: Condition) -> Condition:
    return exists(select(tasks.c.id).where(tasks.c.case_id == cases.c.id, *conditions))


def _has_hold(*conditions: Condition) -> Condition:
    stands = and_(holds.c.lifted_at.is_(None), holds.c.scope == Scope.CASE, holds.c.subject == cases.c.id)
    return exists(select(holds.c.id).where(stands, *conditions))


def _has_planned(number: int, now: datetime, *conditions: Condition) -> Condition:
    """A stage is numbered by its place among those of its case, as people see it."""
    before = stages.alias()
    earlier = (
        select(func.count())
        .select_from(before)
        .where(
            before.c.case_id == stages.c.case_id,
            or_(
                before.c.number < stages.c.number,
                and_(before.c.number == stages.c.number, before.c.due_at < stages.c.due_at),
            ),
        )
        .correlate(stages)
        .scalar_subquery()
    )
    return exists(
        select(tasks.c.id)
        .join(stages, and_(stages.c.case_id == tasks.c.case_id, stages.c.id == tasks.c.stage_id))
        .where(
            tasks.c.case_id == cases.c.id,
            tasks.c.state == TaskState.PLANNED,
            tasks.c.due_at > now,
            earlier == number - 1,
            *conditions,
        )
    )
