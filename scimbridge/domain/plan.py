"""Planning: from a rule and a fact to dated tasks; and joining a later fact to an open case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scimbridge.domain.action import Action, GuardClass, guard_classes
from scimbridge.domain.capability import Abilities, Capabilities, Capability, in_order
from scimbridge.domain.rule import NO_TERMS, Rule, Stage, Terms
from scimbridge.domain.task import Task, TaskState
from scimbridge.domain.trigger import Fact, Trigger

UNASSIGNED_GRACE = timedelta(minutes=15)
"""Identity providers take people out of a group and put them back while they move them about."""

NOTICES = "notify"
"""What stands in the place of a target where the bridge itself tells people."""

TELLING: Abilities = {Action.NOTIFY: Capability(action=Action.NOTIFY)}
"""What can be done there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTask:
    """One action at one target, dated.

    Attributes:
        after: Its grace.
        position: Where it stands in the order of its case.
        is_added: The rule does not name it; another action needs it.
    """

    target: str
    action: Action
    after: timedelta
    due_at: datetime
    position: int
    is_added: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStage:
    """The tasks of one stage of the rule."""

    number: int
    after: timedelta
    due_at: datetime
    tasks: tuple[PlannedTask, ...]
    terms: Terms = NO_TERMS


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
        return counted_as((*_actions(self.stages), *((each.task.target, each.task.action) for each in self.earlier)))


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
    planned: dict[str, set[Action]] = {name: set() for name in wanted}
    stages = tuple(
        _plan_stage(number, stage, trigger_at, least, wanted, planned) for number, stage in enumerate(rule.stages)
    )
    # There is nothing to tell where nothing is done.
    if all(task.action is Action.NOTIFY for stage in stages for task in stage.tasks):
        return tuple(replace(stage, tasks=()) for stage in stages)
    return stages


def guarded(stages: Iterable[PlannedStage]) -> dict[str, frozenset[GuardClass]]:
    """Return what a plan counts as for the guard, at each target that it takes something away at."""
    return counted_as(_actions(stages))


def _actions(stages: Iterable[PlannedStage]) -> Iterator[tuple[str, Action]]:
    for stage in stages:
        for task in stage.tasks:
            yield task.target, task.action


def counted_as(planned: Iterable[tuple[str, Action]]) -> dict[str, frozenset[GuardClass]]:
    """Return what actions at targets count as for the guard, at each target that they take something away at."""
    actions: dict[str, set[Action]] = {}
    for target, action in planned:
        actions.setdefault(target, set()).add(action)
    counted = {target: guard_classes(frozenset(found)) for target, found in actions.items()}
    return {target: classes for target, classes in counted.items() if classes}


def plan_fact(rule: Rule, fact: Fact, targets: Capabilities) -> tuple[PlannedStage, ...]:
    """Return the dated stages that a fact asks for, at the targets that it is about."""
    concerned = {name: can for name, can in targets.items() if fact.concerns(name) or name == NOTICES}
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


def _plan_stage(
    number: int,
    stage: Stage,
    trigger_at: datetime,
    least: timedelta,
    targets: Capabilities,
    planned: dict[str, set[Action]],
) -> PlannedStage:
    """Return a stage; ``planned`` holds what earlier ones do at each target, and gets what this one does."""
    tasks: list[PlannedTask] = []
    for name, can in targets.items():
        # After what is final there is nothing to do, and nobody to do it to.
        is_over = any(action.facts.is_final for action in planned[name])
        named = set() if is_over else _named(stage, name, can)
        after = max(stage.after_at(name), least)
        for rank, action in enumerate(in_order(named | _needed(named, can, planned[name]), can)):
            tasks.append(
                PlannedTask(
                    target=name,
                    action=action,
                    after=after,
                    due_at=stage.terms.release_at(trigger_at + after, trigger_at),
                    # What cannot be undone waits for all before it, and people are told first.
                    position=number * 100 + (0 if action is Action.NOTIFY else 1 + rank),
                    is_added=action not in named,
                )
            )
            planned[name].add(action)
    after = max(stage.after, least)
    due_at = stage.terms.release_at(trigger_at + after, trigger_at)
    return PlannedStage(number=number, after=after, due_at=due_at, tasks=tuple(tasks), terms=stage.terms)


def _named(stage: Stage, target: str, can: Abilities) -> set[Action]:
    """Return what a stage does at a target: what it names and the target can do."""
    return {action for action in stage.actions if action in can} if _concerns(stage, target) else set()


def _concerns(stage: Stage, target: str) -> bool:
    return stage.targets is None or target in stage.targets or target == NOTICES


def left_out(rule: Rule, stage: Stage, targets: Capabilities) -> dict[Action, list[str]]:
    """Return what a stage asks for that some of its targets cannot do, with those targets."""
    found: dict[Action, list[str]] = {}
    for name, can in targets.items():
        if name != NOTICES and name not in rule.exclude_targets and _concerns(stage, name):
            for action in stage.actions:
                if action not in can and action is not Action.NOTIFY:
                    found.setdefault(action, []).append(name)
    return found


def _needed(named: Iterable[Action], can: Abilities, done: set[Action]) -> set[Action]:
    """Return what has to come before these actions, and neither they nor an earlier stage do."""
    return {need for action in named for need in action.facts.needs if need in can and need not in done}
