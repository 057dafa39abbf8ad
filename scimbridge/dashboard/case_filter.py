"""The filter of cases as addresses spell it: what one sees can be bookmarked, and sent to a colleague."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from scimbridge.dashboard.forms import typed
from scimbridge.domain.case import CaseState
from scimbridge.domain.situation import CaseQuery, Column, Wanted
from scimbridge.domain.trigger import Trigger
from scimbridge.errors import RuleError

NAMES = (
    "state",
    "column",
    "situation",
    "source",
    "rule",
    "trigger",
    "target",
    "flood",
    "since",
    "until",
    "text",
)
"""What an address may say; everything else in it is no part of the filter."""

ALL = "all"
"""The state that stands for every one; without a state, open cases are meant."""


class UnreadableFilterError(RuleError):
    """Something of a filter means nothing; a file made by it would have more in it than was asked for."""


def require_readable(problems: Sequence[str]) -> None:
    """Make sure that all of a filter means something.

    Raises:
        UnreadableFilterError: It does not; the message says which part.
    """
    if problems:
        raise UnreadableFilterError(problems[0])


Word = TypeVar("Word", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFilter:
    """A filter that was read.

    Attributes:
        said: What was said, by name; nothing that was empty.
        problems: What of it means nothing, as sentences; the query leaves that out.
    """

    query: CaseQuery
    said: Mapping[str, str]
    problems: tuple[str, ...]

    @property
    def address(self) -> str:
        """The query string that says the same."""
        return urlencode(self.said)

    @property
    def path(self) -> str:
        """Where the list is that it finds."""
        return f"/cases?{self.address}" if self.said else "/cases"


def read_filter(values: Mapping[str, str]) -> CaseFilter:
    """Return what an address, or a form, asks for."""
    said = {name: value for name in NAMES if (value := typed(values.get(name, "")))}
    reader = _Reader(said)
    column = reader.word("column", Column)
    state = reader.word("state", CaseState) if said.get("state") != ALL else None
    if "state" not in said and column is not Column.DONE:
        state = CaseState.OPEN
    query = CaseQuery(
        state=state,
        column=column,
        situation=reader.word("situation", Wanted),
        source=said.get("source"),
        rule=said.get("rule"),
        trigger=reader.word("trigger", Trigger),
        target=said.get("target"),
        flood_id=said.get("flood"),
        since=reader.time("since"),
        until=reader.time("until", is_end=True),
        search=said.get("text"),
    )
    return CaseFilter(query=query, said=said, problems=tuple(reader.problems))


def read_times(values: Mapping[str, str]) -> tuple[datetime | None, datetime | None, tuple[str, ...]]:
    """Return since and until when (UTC), where an address says so, and what of it is no time."""
    reader = _Reader({name: said for name in ("since", "until") if (said := typed(values.get(name, "")))})
    since, until = reader.time("since"), reader.time("until", is_end=True)
    return since, until, tuple(reader.problems)


class _Reader:
    def __init__(self, said: Mapping[str, str]) -> None:
        self._said = said
        self.problems: list[str] = []

    def word(self, name: str, known: type[Word]) -> Word | None:
        """Return one of some words; nothing where it is none of them."""
        said = self._said.get(name)
        if said is None:
            return None
        try:
            return known(said)
        except ValueError:
            self.problems.append(f"{name}: there is no {said!r}; it is one of {', '.join(known)}.")
            return None

    def time(self, name: str, *, is_end: bool = False) -> datetime | None:
        """Return a time (UTC); a date alone begins, or ends, with its day."""
        said = self._said.get(name)
        if said is None:
            return None
        try:
            found = datetime.fromisoformat(said)
            if is_end and len(said) == len("2026-03-02"):
                found += timedelta(days=1) - timedelta(microseconds=1)
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        except (ValueError, OverflowError):
            self.problems.append(f"{name}: {said!r} is not a time; write 2026-03-02 or 2026-03-02T10:00 (UTC).")
            return None
