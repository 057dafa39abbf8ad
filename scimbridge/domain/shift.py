"""A change of what somebody is: the two filters of a rule for movers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scimbridge.domain.filter import GROUPS, IdentityFilter, Path
from scimbridge.domain.identity import Identity


@dataclass(frozen=True, slots=True)
class Shift:
    """What somebody was, and what they are since.

    Attributes:
        was: Matches those who may move.
        now: Matches those who have, if ``was`` does not match them any more.
    """

    was: IdentityFilter
    now: IdentityFilter

    @property
    def attributes(self) -> frozenset[Path]:
        """What it asks about."""
        return self.was.attributes | self.now.attributes

    def has_happened(self, identity: Identity) -> bool:
        """Whether an identity is what it was not: groups that it has left do not count here."""
        current = identity.as_it_is()
        return self.now.matches(current) and not self.was.matches(current)

    def happens(self, before: Identity, after: Identity) -> bool:
        """Whether a change is this one.

        ``was`` also sees the groups that were left a short while ago: identity providers take somebody
        out of one group and put them into the next in two requests.
        """
        return self.has_happened(after) and not self.has_happened(before) and self.was.matches(before)

    def lost_values(self, before: Identity, after: Identity) -> Sequence[str]:
        """Return the attributes it asks about that had a value and have none now: what is missing is no fact.

        Groups are not among them. That somebody left one is said by its members, not by an empty list.
        """
        return [
            ".".join(path[-2:] if len(path) > 1 and ":" not in path[-2] else path[-1:])
            for path in sorted(self.attributes - {GROUPS})
            if _has_value(before.document, path) and not _has_value(after.document, path)
        ]


def _has_value(document: Mapping[str, Any], path: Path) -> bool:
    values: list[Any] = [document]
    for name in path:
        values = [value for parent in values for value in _children(parent, name)]
    return any(value not in (None, "", [], {}) for value in values)


def _children(parent: Any, name: str) -> Iterator[Any]:
    if isinstance(parent, Mapping):
        yield from (value for key, value in parent.items() if key.lower() == name)
    elif isinstance(parent, list):
        for entry in parent:
            yield from _children(entry, name)
