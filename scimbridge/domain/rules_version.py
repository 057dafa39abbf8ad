"""Versions of the rules: what was in force when, and what is drafted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from scimbridge.domain.rule import Rule
from scimbridge.errors import Problem


class Origin(StrEnum):
    """Where the text of a version comes from."""

    FILE = "file"
    """The configuration file, as a process found it when it started."""

    DRAFT = "draft"
    """Somebody wrote it here, on a page, with a command or by the API."""


class VersionState(StrEnum):
    """Follows from what has happened to a version; never stored."""

    DRAFT = "draft"
    """It is worked on, and nobody goes by it."""

    ACTIVE = "active"
    """Every process goes by it. There is one such version at most."""

    RETIRED = "retired"
    """It was in force until another one took its place."""

    DISCARDED = "discarded"
    """A draft that was given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesVersion:
    """One version of ``[[rules]]``.

    Attributes:
        version: 1, 2, …; a draft has its number from the beginning, so that numbers of discarded ones are missing.
        text: As people write it, in TOML.
        digest: Of what the text says, whatever its comments and blanks; ``None`` while it is no TOML.
        base: For a draft: the version that was in force when it was begun.
        revision: Counts the changes of a draft.
        activated_by: Who; for the file, the machine that read it.
        reason: Why it was activated.
        ended_at: When it was discarded, or another one took its place.
        replay: What the past would have been by it: how far that has come, or what was found.
    """

    version: int
    text: str
    digest: str | None
    origin: Origin
    base: int | None
    revision: int
    created_at: datetime
    created_by: str
    changed_at: datetime
    changed_by: str
    activated_at: datetime | None = None
    activated_by: str | None = None
    reason: str = ""
    ended_at: datetime | None = None
    ended_by: str | None = None
    replay: Mapping[str, Any] | None = None

    @property
    def state(self) -> VersionState:
        """Where it stands."""
        if self.activated_at is None:
            return VersionState.DRAFT if self.ended_at is None else VersionState.DISCARDED
        return VersionState.ACTIVE if self.ended_at is None else VersionState.RETIRED


@dataclass(frozen=True, slots=True)
class PlacedProblem:
    """What is wrong with a text of rules, and where.

    Attributes:
        line: From 1; ``None`` where it is about no line of the text.
    """

    line: int | None
    problem: Problem

    def __str__(self) -> str:
        return f"line {self.line}: {self.problem}" if self.line is not None else str(self.problem)


@dataclass(frozen=True, slots=True)
class RulesRead:
    """What a text of rules says.

    Attributes:
        digest: Of what it says; ``None`` where it is no TOML.
        rules: Empty where something is wrong.
        problems: All that is wrong, in the order of the text.
    """

    digest: str | None
    rules: tuple[Rule, ...]
    problems: tuple[PlacedProblem, ...]
