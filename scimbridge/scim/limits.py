"""How much a request may ask for: what takes long to be understood or searched is refused before that begins.

Whoever writes waits for the one before: a request that takes seconds would hold up all others.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from scim2_models import InvalidPathException, InvalidValueException

from scimbridge.scim.patch_operation import Operation

MOST_VALUES = 1000
"""Values of one attribute of a User. People have a handful; each takes its time to be read and searched."""

MOST_SENT = 5000
"""Operations in one message, those on members included; each has a path to be understood."""

MOST_NAMES = 5000
"""Names in the values of one message, those of members left out; each may be a path, and is to be understood."""

LONGEST_PATH = 8192
"""Characters of a path."""

MOST_TERMS = 1000
"""Words that join conditions, in all paths of a message together."""

MOST_STEPS = 40_000
"""Comparisons, or what takes as long, that operations may cost which are committed together."""

_REACHING = 8
"""What it costs to reach into one entry, in comparisons."""

_BEGINNING = 3
"""Entries that could be reached into while a path is read, and its operation begun."""

_ADDED_BESIDE = 4
"""Entries beside which a value is added in the time of one comparison."""

SELECTING = 200
"""What it costs, in comparisons, to ask the store which members fit."""

LOOKING_AT_ALL = 10_000
"""What it costs, in comparisons, where all members of a Group are looked at for that. No identity provider asks it."""

ORDINARY = 0.005
"""Seconds of CPU that an operation of a bulk request may take for nothing. Most take a third of a millisecond on SQLite
and a whole one on PostgreSQL, those that begin or end a case up to twice as much; a busy or slow machine takes a
multiple, and all of a request are to be run there, too."""

MOST_EXTRA = 0.4
"""Seconds of CPU that the operations of one bulk request may take beyond that, all together."""

_LOGIC = re.compile(r"\b(?:and|or|not)\b", re.IGNORECASE)


_TOO_MUCH = "the operations add or search too many values; send fewer at once"


@dataclass(slots=True)
class Effort:
    """What the operations have cost so far that are committed together.

    Attributes:
        steps: Comparisons, or what takes as long.
    """

    steps: int = 0

    def spend(self, steps: int) -> None:
        """Note what one message costs, before it is applied.

        Raises:
            InvalidValueException: It is too much.
        """
        if self.steps + steps > MOST_STEPS:
            raise InvalidValueException(detail=_TOO_MUCH)
        self.steps += steps


@dataclass(slots=True)
class Toil:
    """What the operations of a bulk request have cost beside what is ordinary.

    Most of what makes one of them costly is stored: hundreds of e-mail addresses, thousands of members. So it shows
    when it is done, and not before.

    Attributes:
        extra: Seconds of CPU.
    """

    extra: float = 0.0

    @contextmanager
    def of(self, operations: int) -> Iterator[None]:
        """Note what so many operations cost that are run together."""
        started = time.thread_time()
        try:
            yield
        finally:
            self.extra += max(time.thread_time() - started - operations * ORDINARY, 0.0)

    @property
    def is_enough(self) -> bool:
        """Whether no further operation is to be run."""
        return self.extra > MOST_EXTRA


def check_values(document: Mapping[str, Any]) -> None:
    """Refuse attributes with more values than a User can have.

    Raises:
        InvalidValueException: One of them has.
    """
    for name, value in document.items():
        if isinstance(value, list) and len(value) > MOST_VALUES:
            raise InvalidValueException(detail=f"{name[:80]} has more than {MOST_VALUES} values")


def check_paths(sent: Sequence[Any]) -> None:
    """Refuse the operations of a PATCH message whose paths would take long to be understood.

    Raises:
        InvalidValueException: There are too many operations, or names in their values.
        InvalidPathException: A path is too long, or all together have too many conditions.
    """
    if len(sent) > MOST_SENT:
        raise InvalidValueException(detail=f"more than {MOST_SENT} operations in one message")
    taken = [{key.lower(): value for key, value in item.items()} for item in sent if isinstance(item, dict)]
    paths = [path for each in taken if isinstance(path := each.get("path"), str)]
    names = [name for each in taken if not _is_of_members(each) for name in _names(each.get("value"))]
    if len(names) > MOST_NAMES:
        raise InvalidValueException(detail=f"more than {MOST_NAMES} names of attributes in one message")
    terms = 0
    for path in (*paths, *names):
        terms += len(_LOGIC.findall(path)) if len(path) <= LONGEST_PATH else MOST_TERMS + 1
        if terms > MOST_TERMS:
            raise InvalidPathException(detail="the paths are too long, or have too many conditions")


def _is_of_members(taken: Mapping[str, Any]) -> bool:
    """Whether a value is about members: of those, ids are read, and no paths."""
    return str(taken.get("path")).strip().lower().rpartition(":")[2] == "members"


def _names(value: Any) -> Iterator[str]:
    """Yield the names in the objects of a value, which are read as paths, and of those within them."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield from item
            waiting += item.values()


def check_effort(operations: Iterable[Operation], stored: Mapping[str, Any], effort: Effort) -> None:
    """Refuse operations on a User that would add many values, or search many again and again.

    Args:
        operations: What is wanted.
        stored: The User's document.
        effort: What was spent before it; this is added.

    Raises:
        InvalidValueException: They would.
    """
    lengths = {name.lower(): len(value) for name, value in stored.items() if isinstance(value, list)}
    selected: set[str] = set()
    added = steps = 0
    for each in operations:
        if each.is_multivalued:
            length = lengths.get(each.attribute, 0)
            added += len(each.value) if isinstance(each.value, list) else 0
            steps += _steps(each, length)
            if each.is_part_of_entries:
                steps += sum(lengths.values())  # the User is copied before it, to be as it was where one fails
            lengths[each.attribute] = _length_after(each, length, selected)
    if added > MOST_VALUES:
        raise InvalidValueException(detail=_TOO_MUCH)
    effort.spend(steps)


def _steps(operation: Operation, length: int) -> int:
    """Return what an operation costs on an attribute of so many entries; the figures are measured."""
    path, value = operation.path, operation.value
    if path.value_filter is not None:
        compared = 1 + len(_LOGIC.findall(str(path)))
    elif operation.verb == "remove" and value:
        compared = sum(len(entry) for entry in _listed(value) if isinstance(entry, dict))
    elif operation.sub_attribute:
        compared = 0
    else:
        return length // _ADDED_BESIDE
    return (length + _BEGINNING) * (_REACHING + compared)


def _length_after(operation: Operation, length: int, selected: set[str]) -> int:
    """Return how many entries an attribute has after an operation, at the most.

    Args:
        operation: The operation.
        length: How many it had before.
        selected: What operations before have selected entries by; this one is added.
    """
    if operation.verb == "remove":
        return length
    if operation.path.value_filter is not None:
        before = len(selected)
        selected.add(f"{operation.attribute}[{operation.path.value_filter}]".lower())
        return length + len(selected) - before  # a filter that matches none creates an entry, which it then matches
    if operation.sub_attribute:
        return max(length, 1)
    added = len(_listed(operation.value))
    return added if operation.verb == "replace" else length + added


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
