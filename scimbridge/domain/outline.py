"""Outlines: what a rule does at some targets, and in which order, whoever it is about and whenever that is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from scimbridge.domain.action import Action, GuardClass, guard_classes
from scimbridge.domain.capability import Abilities, Capabilities, Capability, in_order
from scimbridge.domain.duration import format_duration
from scimbridge.domain.lightweight import lightweight
from scimbridge.domain.rule import NO_TERMS, Rule, Stage, Terms
from scimbridge.domain.trigger import Fact, Trigger

UNASSIGNED_GRACE = timedelta(minutes=15)
"""Identity providers take people out of a group and put them back while they move them about."""

NOTICES = "notify"
"""What stands in the place of a target where the bridge itself tells people."""

TELLING: Abilities = {Action.NOTIFY: Capability(action=Action.NOTIFY)}
"""What can be done there."""


@lightweight(frozen=True, slots=True, kw_only=True)
class Step:
    """One action at one target.

    Attributes:
        after: Its grace.
        position: Where it stands in the order of its case.
        is_added: The rule does not name it; another action needs it.
    """

    target: str
    action: Action
    after: timedelta
    position: int
    is_added: bool = False


@lightweight(frozen=True, slots=True, kw_only=True)
class StageOutline:
    """What one stage of the rule does."""

    number: int
    after: timedelta
    tasks: tuple[Step, ...]
    terms: Terms = NO_TERMS


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What a rule does.

    Attributes:
        counted: What it counts as for the guard, at each target that it takes something away at.
        said: The same for people.
        is_empty: There is nothing to do anywhere.
    """

    stages: tuple[StageOutline, ...]
    counted: Mapping[str, frozenset[GuardClass]]
    said: str
    is_empty: bool


class Outlines:
    """Outlines that were asked for before: working one out takes longer than all else that is decided about a fact.

    None of them ever grows old: a process keeps the targets that it began with, and rules are never changed. Those
    that are no longer in force are not asked for any more.

    Args:
        targets: What can be acted on.
    """

    MOST = 256
    """There are a few for each rule; facts about some targets only may make more."""

    def __init__(self, targets: Capabilities) -> None:
        self._targets = targets
        self._known: dict[tuple[int, Trigger, tuple[str, ...] | None], tuple[Rule, Outline]] = {}

    def of(self, rule: Rule, fact: Fact) -> Outline:
        """Return what a fact leads to by a rule."""
        key = (id(rule), fact.trigger, fact.targets)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= self.MOST:
                self._known.clear()
            # With the rule, so that its place in memory remains its own.
            known = self._known[key] = (rule, outline_fact(rule, fact, self._targets))
        return known[1]


def outline_fact(rule: Rule, fact: Fact, targets: Capabilities) -> Outline:
    """Return what a fact leads to by a rule, at the targets that it is about."""
    concerned = {name: can for name, can in targets.items() if fact.concerns(name) or name == NOTICES}
    return outline(rule, concerned, least=least_grace(rule, fact.trigger))


def outline(rule: Rule, targets: Capabilities, *, least: timedelta = timedelta()) -> Outline:
    """Return what a rule does.

    An action that a target cannot do is left out there; targets that the rule
    excludes have no task at all.

    Args:
        rule: The rule.
        targets: What can be acted on.
        least: The shortest grace; stages with less get this one.
    """
    wanted = {name: can for name, can in targets.items() if name not in rule.exclude_targets}
    done: dict[str, set[Action]] = {name: set() for name in wanted}
    stages = tuple(_stage(number, stage, least, wanted, done) for number, stage in enumerate(rule.stages))
    # There is nothing to tell where nothing is done.
    if all(step.action is Action.NOTIFY for stage in stages for step in stage.tasks):
        stages = tuple(replace(stage, tasks=()) for stage in stages)
    return Outline(
        stages=stages,
        counted=counted_as(_actions(stages)),
        said=describe(stages),
        is_empty=not any(stage.tasks for stage in stages),
    )


def least_grace(rule: Rule, trigger: Trigger) -> timedelta:
    """Return the shortest grace that a rule gives after a trigger.

    Who is unassigned has 15 minutes at least, unless the rule is for nothing else: then its graces were meant.
    """
    is_default = trigger is Trigger.UNASSIGNED and rule.when != {Trigger.UNASSIGNED}
    return UNASSIGNED_GRACE if is_default else timedelta()


def left_out(rule: Rule, stage: Stage, targets: Capabilities) -> dict[Action, list[str]]:
    """Return what a stage asks for that some of its targets cannot do, with those targets."""
    found: dict[Action, list[str]] = {}
    for name, can in targets.items():
        if name != NOTICES and name not in rule.exclude_targets and _concerns(stage, name):
            for action in stage.actions:
                if action not in can and action is not Action.NOTIFY:
                    found.setdefault(action, []).append(name)
    return found


def counted_as(planned: Iterable[tuple[str, Action]]) -> dict[str, frozenset[GuardClass]]:
    """Return what actions at targets count as for the guard, at each target that they take something away at."""
    actions: dict[str, set[Action]] = {}
    for target, action in planned:
        actions.setdefault(target, set()).add(action)
    counted = {target: guard_classes(frozenset(found)) for target, found in actions.items()}
    return {target: classes for target, classes in counted.items() if classes}


def describe(stages: Iterable[StageOutline]) -> str:
    """Return stages as people say them: ``suspend at crm, directory at once; delete there after 30d``."""
    parts = []
    for stage in stages:
        for action in dict.fromkeys(step.action for step in stage.tasks):
            where = ", ".join(step.target for step in stage.tasks if step.action is action)
            what = f"{action} at {where}" if action is not Action.NOTIFY else action
            when = f"after {format_duration(stage.after)}" if stage.after else "at once"
            parts.append(f"{what} {when}")
    return "; ".join(parts) or "nothing to do at any target"


def _actions(stages: Iterable[StageOutline]) -> Iterator[tuple[str, Action]]:
    for stage in stages:
        for step in stage.tasks:
            yield step.target, step.action


def _stage(
    number: int, stage: Stage, least: timedelta, targets: Capabilities, done: dict[str, set[Action]]
) -> StageOutline:
    """Return a stage; ``done`` holds what earlier ones do at each target, and gets what this one does."""
    steps: list[Step] = []
    for name, can in targets.items():
        named = {action for action in _named(stage, name, can) if is_possible_after(done[name], action)}
        after = max(stage.after_at(name), least)
        for rank, action in enumerate(in_order(named | _needed(named, can, done[name]), can)):
            steps.append(
                Step(
                    target=name,
                    action=action,
                    after=after,
                    # What cannot be undone waits for all before it, and people are told first.
                    position=number * 100 + (0 if action is Action.NOTIFY else 1 + rank),
                    is_added=action not in named,
                )
            )
            done[name].add(action)
    return StageOutline(number=number, after=max(stage.after, least), tasks=tuple(steps), terms=stage.terms)


def _named(stage: Stage, target: str, can: Abilities) -> set[Action]:
    """Return what a stage does at a target: what it names and the target can do."""
    return {action for action in stage.actions if action in can} if _concerns(stage, target) else set()


def is_possible_after(done: Collection[Action], action: Action) -> bool:
    """Whether an action can be done to an account to which these were done in earlier stages.

    After what is final nothing can, but for what follows exactly that, and can be done at no other time.
    """
    final = {each for each in done if each.facts.is_final}
    return final == ({action.facts.follows} if action.facts.follows else set())


def _concerns(stage: Stage, target: str) -> bool:
    return stage.targets is None or target in stage.targets or target == NOTICES


def _needed(named: Iterable[Action], can: Abilities, done: set[Action]) -> set[Action]:
    """Return what has to come before these actions, and neither they nor an earlier stage do."""
    return {need for action in named for need in action.facts.needs if need in can and need not in done}
