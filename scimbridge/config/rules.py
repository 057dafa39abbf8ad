"""What must hold across a rule's keys, and between rules and targets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from scimbridge.config.document import RuleSection
from scimbridge.config.problems import spell, suggestion
from scimbridge.config.values import Duration
from scimbridge.domain.action import Action
from scimbridge.domain.duration import format_duration
from scimbridge.domain.rule import Rule, Stage
from scimbridge.errors import Problem

T = TypeVar("T")

_DURATION: TypeAdapter[timedelta] = TypeAdapter(Duration)
_FLAG: TypeAdapter[bool] = TypeAdapter(bool)


@dataclass(frozen=True, slots=True)
class KnownTargets:
    """The targets as far as they are known while others may still be wrong.

    Attributes:
        names: All that the file names.
        capabilities: What those can do whose connector is known.
    """

    names: frozenset[str]
    capabilities: Mapping[str, frozenset[Action]]


@dataclass(frozen=True, slots=True)
class _Stage:
    """A stage as far as it can be read.

    Attributes:
        after: ``None`` where it is no duration.
    """

    number: int
    after: timedelta | None
    actions: tuple[Action, ...]
    approval: bool | None


@dataclass(frozen=True, slots=True)
class _Draft:
    """A rule as far as it can be read: one bad key must not hide what else is wrong."""

    index: int
    name: str
    exclude_targets: tuple[str, ...]
    stages: tuple[_Stage, ...]

    def at(self, *loc: str | int) -> str:
        return spell(("rules", self.index, *loc))

    def actions(self) -> Iterator[tuple[int, Action]]:
        return ((stage.number, action) for stage in self.stages for action in stage.actions)


def check_rules(tables: Any, targets: KnownTargets) -> list[Problem]:
    """Return what is wrong with the plain ``[[rules]]`` tables beyond single values."""
    if not isinstance(tables, list):
        return []  # reported when it was read as a value
    drafts = [_draft(index, table) for index, table in enumerate(tables) if isinstance(table, dict)]
    return [
        *_repeated_names(drafts),
        *(
            problem
            for draft in drafts
            for check in (_stage_order, _repeated_actions, _restore_as_stage, _approvals, _delete_first)
            for problem in check(draft)
        ),
        *(problem for draft in drafts for problem in _unknown_targets(draft, targets)),
        *(problem for draft in drafts for problem in _nobody_can(draft, targets)),
    ]


def rule_of(section: RuleSection) -> Rule:
    """Return the domain's rule."""
    return Rule(
        name=section.name,
        when=frozenset(section.when),
        stages=tuple(Stage(after=stage.after, actions=tuple(stage.do)) for stage in section.stages),
        match=section.match,
        exclude=section.exclude,
        exclude_targets=frozenset(section.exclude_targets),
        restore=section.restore,
    )


def _draft(index: int, table: Mapping[str, Any]) -> _Draft:
    return _Draft(
        index=index,
        name=str(table.get("name", "")),
        exclude_targets=tuple(str(name) for name in _list(table.get("exclude_targets"))),
        stages=tuple(
            _stage(number, stage) for number, stage in enumerate(_list(table.get("stages"))) if isinstance(stage, dict)
        ),
    )


def _stage(number: int, table: Mapping[str, Any]) -> _Stage:
    do = _list(table.get("do"))
    actions = tuple(Action(name) for name in do if isinstance(name, str) and name in set(Action))
    return _Stage(
        number=number,
        after=_read_or_none(_DURATION, table.get("after")),
        actions=actions,
        approval=_read_or_none(_FLAG, table.get("approval")),
    )


def _read_or_none(adapter: TypeAdapter[T], value: Any) -> T | None:
    """Return a value, or ``None`` where it is missing or wrong, which is reported elsewhere."""
    try:
        return adapter.validate_python(value)
    except ValidationError:
        return None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _repeated_names(drafts: Iterable[_Draft]) -> Iterator[Problem]:
    first: dict[str, _Draft] = {}
    for draft in drafts:
        if draft.name and draft.name in first:
            yield Problem(draft.at("name"), f"is also the name of {first[draft.name].at()}; each rule needs its own")
        first.setdefault(draft.name, draft)


def _stage_order(draft: _Draft) -> Iterator[Problem]:
    dated = [(stage.number, stage.after) for stage in draft.stages if stage.after is not None]
    for (_, before), (number, after) in pairwise(dated):
        if after == before:
            yield Problem(draft.at("stages", number, "after"), "is that of the stage before; put their actions in one")
        elif after < before:
            limit = format_duration(before)
            yield Problem(draft.at("stages", number, "after"), f"is earlier than the stage before ({limit}); sort them")


def _repeated_actions(draft: _Draft) -> Iterator[Problem]:
    seen = set()
    for number, action in draft.actions():
        if action in seen:
            yield Problem(draft.at("stages", number, "do"), f'"{action}" is in this rule already; each action once')
        seen.add(action)


def _restore_as_stage(draft: _Draft) -> Iterator[Problem]:
    for number, action in draft.actions():
        if action is Action.RESTORE:
            message = '"restore" is what happens when somebody returns; set restore = "auto" on the rule'
            yield Problem(draft.at("stages", number, "do"), message)


def _approvals(draft: _Draft) -> Iterator[Problem]:
    for stage in draft.stages:
        at = draft.at("stages", stage.number, "approval")
        irreversible = next((action for action in stage.actions if action.is_irreversible), None)
        if stage.approval:
            yield Problem(at, "approvals come in a later version; write approval = false, or leave the stage out")
        elif irreversible and stage.approval is None:
            yield Problem(
                at,
                f'is missing: "{irreversible}" cannot be undone, and approvals come in a later version;'
                " write approval = false to run it without one",
            )


def _delete_first(draft: _Draft) -> Iterator[Problem]:
    """A rule may delete only: another one may have suspended, or nothing is to be kept. Not the other way round."""
    stages_of = {action: number for number, action in draft.actions()}
    deletes, suspends = stages_of.get(Action.DELETE), stages_of.get(Action.SUSPEND)
    if deletes is not None and suspends is not None and deletes <= suspends:
        yield Problem(draft.at("stages", deletes, "do"), '"delete" must stand in a later stage than "suspend"')


def _unknown_targets(draft: _Draft, targets: KnownTargets) -> Iterator[Problem]:
    for number, name in enumerate(draft.exclude_targets):
        if name not in targets.names:
            hint = suggestion(name, targets.names)
            yield Problem(draft.at("exclude_targets", number), f'there is no target "{name}"{hint}')


def _nobody_can(draft: _Draft, targets: KnownTargets) -> Iterator[Problem]:
    if len(targets.capabilities) < len(targets.names) or not targets.names:
        return  # the one that is not known may be able to; without targets there is a warning
    wanted = [can for name, can in targets.capabilities.items() if name not in draft.exclude_targets]
    for number, action in draft.actions():
        if not action.is_revoking:
            continue
        if not any(action in can for can in wanted):
            yield Problem(draft.at("stages", number, "do"), f'no target of this rule can "{action}"')
