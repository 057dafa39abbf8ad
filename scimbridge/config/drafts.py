"""Rules as far as they can be read: one bad key must not hide what else is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from scimbridge.config.problems import spell
from scimbridge.config.values import Duration
from scimbridge.domain.action import Action
from scimbridge.domain.capability import Capabilities

T = TypeVar("T")

_DURATION: TypeAdapter[timedelta] = TypeAdapter(Duration)


@dataclass(frozen=True, slots=True)
class KnownTargets:
    """The targets as far as they are known while others may still be wrong.

    Attributes:
        names: All that the file names.
        capabilities: What those can do whose connector is known.
        without_stale: Those that could be read, and do not say when an account is stale.
    """

    names: frozenset[str]
    capabilities: Capabilities
    without_stale: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class StageDraft:
    """A stage as far as it can be read.

    Attributes:
        after: ``None`` where it is no duration.
        targets: The only ones that it is for; all where absent.
        grace: The targets that have another grace.
        table: As the file has it.
    """

    number: int
    after: timedelta | None
    actions: tuple[Action, ...]
    targets: tuple[str, ...] | None
    grace: tuple[str, ...]
    table: Mapping[str, Any]

    def actions_at(self, target: str) -> tuple[Action, ...]:
        """Return what it does at a target."""
        return self.actions if self.targets is None or target in self.targets else ()


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """A rule as far as it can be read."""

    index: int
    name: str
    exclude_targets: tuple[str, ...]
    stages: tuple[StageDraft, ...]
    table: Mapping[str, Any]

    def at(self, *loc: str | int) -> str:
        """Return where something of it stands in the file."""
        return spell(("rules", self.index, *loc))

    def concerns(self, target: str) -> bool:
        """Whether anything of it is for a target."""
        is_for = any(stage.targets is None or target in stage.targets for stage in self.stages)
        return target not in self.exclude_targets and is_for

    def actions(self) -> Iterator[tuple[int, Action]]:
        """Return all its actions, each with the number of its stage."""
        return ((stage.number, action) for stage in self.stages for action in stage.actions)


def drafts_of(tables: Any) -> list[RuleDraft]:
    """Return the plain ``[[rules]]`` tables as far as they can be read."""
    return [_draft(index, table) for index, table in enumerate(listed(tables)) if isinstance(table, dict)]


def listed(value: Any) -> list[Any]:
    """Return a list; an empty one where the value is none, which is reported elsewhere."""
    return value if isinstance(value, list) else []


def _draft(index: int, table: Mapping[str, Any]) -> RuleDraft:
    return RuleDraft(
        index=index,
        name=str(table.get("name", "")),
        exclude_targets=tuple(str(name) for name in listed(table.get("exclude_targets"))),
        stages=tuple(
            _stage(number, stage) for number, stage in enumerate(listed(table.get("stages"))) if isinstance(stage, dict)
        ),
        table=table,
    )


def _stage(number: int, table: Mapping[str, Any]) -> StageDraft:
    do = listed(table.get("do"))
    actions = tuple(Action(name) for name in do if isinstance(name, str) and name in set(Action))
    return StageDraft(
        number=number,
        after=_read_or_none(_DURATION, table.get("after")),
        actions=actions,
        targets=tuple(map(str, listed(table["targets"]))) if isinstance(table.get("targets"), list) else None,
        grace=tuple(table["grace"]) if isinstance(table.get("grace"), dict) else (),
        table=table,
    )


def _read_or_none(adapter: TypeAdapter[T], value: Any) -> T | None:
    """Return a value, or ``None`` where it is missing or wrong, which is reported elsewhere."""
    try:
        return adapter.validate_python(value)
    except ValidationError:
        return None
