"""Planning: from an outline and a fact to dated tasks; and joining a later fact to an open case."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scimbridge.domain.action import Action, GuardClass
from scimbridge.domain.capability import Capabilities
from scimbridge.domain.lightweight import lightweight
from scimbridge.domain.outline import Outline, StageOutline, Step, counted_as, outline_fact
from scimbridge.domain.rule import Rule, Terms
from scimbridge.domain.task import Task, TaskState
from scimbridge.domain.trigger import Fact


@lightweight(frozen=True, slots=True, kw_only=True)
class PlannedTask(Step):
    """A step, dated."""

    due_at: datetime


@lightweight(frozen=True, slots=True, kw_only=True)
class PlannedStage(StageOutline):
    """The tasks of one stage of the rule, dated."""

    due_at: datetime
    tasks: tuple[PlannedTask, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """An existing task that a later fact makes due earlier.

    Attributes:
        after: The grace that it has by that fact.
        approvers: How many operators the later fact's rule wants to approve it.
    """

    task: Task
    due_at: datetime
    after: timedelta = timedelta()
    approvers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """What a later fact changes in an open case."""

    stages: tuple[PlannedStage, ...]
    earlier: tuple[Earlier, ...]

    def __bool__(self) -> bool:
        return bool(self.stages or self.earlier)

    @property
    def guarded(self) -> dict[str, frozenset[GuardClass]]:
        """What it counts as for the guard, at each target. What was far off and is due earlier counts again."""
        new = [(task.target, task.action) for stage in self.stages for task in stage.tasks]
        return counted_as((*new, *((each.task.target, each.task.action) for each in self.earlier)))


def plan_fact(rule: Rule, fact: Fact, targets: Capabilities) -> tuple[PlannedStage, ...]:
    """Return the dated stages that a fact asks for, at the targets that it is about."""
    return dated(outline_fact(rule, fact, targets), fact.at)


def dated(planned: Outline, trigger_at: datetime) -> tuple[PlannedStage, ...]:
    """Return what an outline comes to when the graces begin at a time (UTC)."""
    return tuple(
        PlannedStage(
            number=stage.number,
            after=stage.after,
            due_at=_due_at(stage.after, stage.terms, trigger_at),
            tasks=tuple(
                PlannedTask(
                    target=step.target,
                    action=step.action,
                    after=step.after,
                    due_at=_due_at(step.after, stage.terms, trigger_at),
                    position=step.position,
                    is_added=step.is_added,
                )
                for step in stage.tasks
            ),
            terms=stage.terms,
        )
        for stage in planned.stages
    )


def guarded(stages: Iterable[PlannedStage]) -> dict[str, frozenset[GuardClass]]:
    """Return what a plan counts as for the guard, at each target that it takes something away at."""
    return counted_as((task.target, task.action) for stage in stages for task in stage.tasks)


def amend(existing: Iterable[Task], planned: Iterable[PlannedStage]) -> Amendment:
    """Return what a later fact adds to an open case: missing tasks, and earlier due dates.

    Clocks never restart: a task that is already there keeps its date unless the new one is earlier.
    What was done and given back since is not there any more. People are told once with each stage.
    """
    known_tasks = [task for task in existing if task.state is not TaskState.CANCELED]
    given_back = {task.target for task in known_tasks if task.action.gives_back}
    present = {_key(task): task for task in known_tasks if not (task.is_finished and task.target in given_back)}
    stages, earlier = [], []
    for stage in planned:
        missing = tuple(task for task in stage.tasks if _key(task) not in present)
        if missing:
            stages.append(replace(stage, tasks=missing))
        for task in stage.tasks:
            known = present.get(_key(task))
            if known is not None and known.state is TaskState.PLANNED and task.due_at < known.due_at:
                earlier.append(
                    Earlier(task=known, due_at=task.due_at, after=task.after, approvers=stage.terms.approvers)
                )
    return Amendment(stages=tuple(stages), earlier=tuple(earlier))


def _key(task: Task | PlannedTask) -> tuple[str, Action, int | None]:
    """Return what makes a task the same in two plans: a target loses a thing once, whatever the stage."""
    return task.target, task.action, task.position if task.action is Action.NOTIFY else None


def due_after_delay(due_at: datetime, delay: timedelta, previous_ended: datetime) -> datetime:
    """Return when an irreversible stage is due, once the stage before it has ended.

    A long hold moves the stage before; without this, suspending and deleting could fall on one day.

    Args:
        due_at: Trigger + ``after``.
        delay: The difference of the two stages' ``after``.
        previous_ended: When the last task of the stage before came to its end.
    """
    return max(due_at, previous_ended + delay)


def _due_at(after: timedelta, terms: Terms, trigger_at: datetime) -> datetime:
    due = trigger_at + after
    return due if terms.schedule is None else terms.release_at(due, trigger_at)
