"""What shows while a request is read: the habits of its writer, and names that nobody here knows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from scim2_models import InvalidPathException, InvalidSyntaxException, SCIMException

from scimbridge.domain.quirk import Quirk, unknown

NoteQuirks = Callable[[str, Iterable[str], datetime], None]
"""Counts a request of a source that had quirks."""

_LONGEST_NAME = 80

_FILTER = re.compile(r"\[.*\]", re.DOTALL)


@dataclass(slots=True)
class Reading:
    """Collects quirks and unknown names of one request.

    Attributes:
        quirks: The rules that were needed to understand it.
        attributes: Unknown attributes, as they were spelled, in bodies and values.
        paths: Unknown attributes that are named by the path of a PATCH operation.
        schemas: Schemas that are named beside known ones.
    """

    quirks: set[Quirk] = field(default_factory=set)
    attributes: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    schemas: list[str] = field(default_factory=list)

    def saw(self, quirk: Quirk) -> None:
        """Note that a rule was needed."""
        self.quirks.add(quirk)

    @property
    def unknown_attributes(self) -> list[str]:
        """The attributes that were left out."""
        return self.attributes + self.paths

    def names(self) -> list[str]:
        """Return what is counted for the source, each name once, and for good: without the values of filters."""
        found = [str(quirk) for quirk in sorted(self.quirks)]
        names = (_FILTER.sub("", name)[:_LONGEST_NAME] for name in self.unknown_attributes)
        return found + list(dict.fromkeys(map(unknown, names)))

    def objection(self) -> SCIMException | None:
        """Return what a strict source is answered, or ``None`` where all is known."""
        if self.paths:
            return InvalidPathException(detail=f"unknown path: {listed(self.paths)}")
        if self.attributes:
            return InvalidSyntaxException(detail=f"unknown attribute: {listed(self.attributes)}")
        if self.schemas:
            return InvalidSyntaxException(detail=f"unknown schema: {listed(self.schemas)}")
        return None

    def add(self, other: Reading) -> None:
        """Take in what another request has shown."""
        self.quirks |= other.quirks
        self.attributes += other.attributes
        self.paths += other.paths


def listed(names: Iterable[str], most: int = 20) -> str:
    """Return names for a sentence; a body with thousands of attributes gets no sentence of thousands of words."""
    found = list(dict.fromkeys(name[:_LONGEST_NAME] for name in names))
    return ", ".join(found[:most]) + (f" and {len(found) - most} more" if len(found) > most else "")
