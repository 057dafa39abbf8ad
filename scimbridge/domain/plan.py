"""Planning: from a rule and a fact to dated tasks; and joining a later fact to an open case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from scimbridge.domain.action import Action
from scimbridge.domain.rule import Rule, Stage
from scimbridge.domain.task import Task, TaskState
from scimbridge.domain.trigger import Fact, Trigger

UNASSIGNED_GRACE = timedelta(minutes=15)
"""Identity providers take people out of a group and put them back while they move them about."""

Capabilities = Mapping[str, frozenset[Action]]
"""What each configured target can do."""

_ORDER = {Action.RESTORE: 0, Action.SUSPEND: 1, Action.DELETE: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTask:
    """One action at one target, dated."""

    target: str
    action: Action
    due_at: datetime
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStage:
    """The tasks of one stage of the rule."""

    number: int
    after: timedelta
    due_at: datetime
    tasks: tuple[PlannedTask, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """An existing task that a later fact makes due earlier."""

    task: Task
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """What a later fact changes in an open case."""

    stages: tuple[PlannedStage, ...]
    earlier: tuple[Earlier, ...]

    def __bool__(self) -> bool:
        return bool(self.stages or self.earlier)


def plan(
    rule: Rule, trigger_at: datetime, targets: Capabilities, *, least: timedelta = timedelta()
) -> tuple[PlannedStage, ...]:
    """Return the dated stages of a case.

    An action that a target cannot do is left out there; targets that the rule
    excludes have no task at all.

    Args:
        rule: Whose stages they are.
        trigger_at: When the graces begin.
        targets: What can be acted on.
        least: The shortest grace; stages with less get this one.
    """
    wanted = {name: can for name, can in targets.items() if name not in rule.exclude_targets}
    return tuple(_plan_stage(number, stage, trigger_at, least, wanted) for number, stage in enumerate(rule.stages))


def plan_fact(rule: Rule, fact: Fact, targets: Capabilities) -> tuple[PlannedStage, ...]:
    """Return the dated stages that a fact asks for, at the targets that it is about."""
    concerned = {name: can for name, can in targets.items() if fact.concerns(name)}
    return plan(rule, fact.at, concerned, least=least_grace(rule, fact.trigger))


def least_grace(rule: Rule, trigger: Trigger) -> timedelta:
    """Return the shortest grace that a rule gives after a trigger.

    Who is unassigned has 15 minutes at least, unless the rule is for nothing else: then its graces were meant.
    """
    is_default = trigger is Trigger.UNASSIGNED and rule.when != {Trigger.UNASSIGNED}
    return UNASSIGNED_GRACE if is_default else timedelta()


def amend(existing: Iterable[Task], planned: Iterable[PlannedStage]) -> Amendment:
    """Return what a later fact adds to an open case: missing tasks, and earlier due dates.

    Clocks never restart: a task that is already there keeps its date unless the new one is earlier.
    What was done and given back since is not there any more.
    """
    known_tasks = [task for task in existing if task.state is not TaskState.CANCELED]
    given_back = {task.target for task in known_tasks if not task.action.is_revoking}
    present = {
        (task.target, task.action): task for task in known_tasks if not (task.is_finished and task.target in given_back)
    }
    stages, earlier = [], []
    for stage in planned:
        missing = tuple(task for task in stage.tasks if (task.target, task.action) not in present)
        if missing:
            stages.append(PlannedStage(number=stage.number, after=stage.after, due_at=stage.due_at, tasks=missing))
        for task in stage.tasks:
            known = present.get((task.target, task.action))
            if known is not None and known.state is TaskState.PLANNED and task.due_at < known.due_at:
                earlier.append(Earlier(task=known, due_at=task.due_at))
    return Amendment(stages=tuple(stages), earlier=tuple(earlier))


def due_after_delay(due_at: datetime, delay: timedelta, previous_ended: datetime) -> datetime:
    """Return when an irreversible stage is due, once the stage before it has ended.

    A long hold moves the stage before; without this, suspending and deleting could fall on one day.

    Args:
        due_at: Trigger + ``after``.
        delay: The difference of the two stages' ``after``.
        previous_ended: When the last task of the stage before came to its end.
    """
    return max(due_at, previous_ended + delay)


def _plan_stage(
    number: int, stage: Stage, trigger_at: datetime, least: timedelta, targets: Capabilities
) -> PlannedStage:
    after = max(stage.after, least)
    due_at = trigger_at + after
    tasks = (
        PlannedTask(target=name, action=action, due_at=due_at, position=number * 100 + _ORDER[action])
        for name, can in targets.items()
        for action in sorted(stage.actions, key=_ORDER.__getitem__)
        if action in can
    )
    return PlannedStage(number=number, after=after, due_at=due_at, tasks=tuple(tasks))
