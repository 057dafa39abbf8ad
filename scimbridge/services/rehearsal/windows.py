"""What the guard would have said to the past: how full each of its windows would have been."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.action import GuardClass
from scimbridge.domain.guard import Guard, Limit
from scimbridge.store import guard_reading


@dataclass(frozen=True, slots=True)
class Fullest:
    """How many distinct identities a limit would have had within its window, at most.

    Attributes:
        room: How many it has room for, by how many are active now.
        before: By the present rules.
        after: By the other ones.
    """

    limit: Limit
    room: float
    before: int
    after: int

    @property
    def trips(self) -> bool:
        """Whether one of the two would have been held."""
        return max(self.before, self.after) > self.room


@dataclass(slots=True)
class _Window:
    """The identities of a rolling window, and how many there were at most."""

    entries: deque[tuple[datetime, str]] = field(default_factory=deque)
    counts: dict[str, int] = field(default_factory=dict)
    most: int = 0

    def add(self, identity_id: str, at: datetime, limit: Limit) -> None:
        while self.entries and self.entries[0][0] <= at - limit.window:
            self._drop(self.entries.popleft()[1])
        self.entries.append((at, identity_id))
        self.counts[identity_id] = self.counts.get(identity_id, 0) + 1
        self.most = max(self.most, len(self.counts))

    def _drop(self, identity_id: str) -> None:
        left = self.counts.pop(identity_id) - 1
        if left:
            self.counts[identity_id] = left


class Windows:
    """Counts for all limits, beside each other by two sets of rules. To be told of facts in the order of time.

    Args:
        guard: The limits.
        observing: Targets at which nothing is taken away.
    """

    def __init__(self, guard: Guard, observing: frozenset[str]) -> None:
        self._guard = guard
        self._observing = observing
        self._found: dict[Limit, tuple[_Window, _Window]] = {}

    def add(
        self, identity_id: str, source: str, at: datetime, counted: Mapping[str, frozenset[GuardClass]], *, other: bool
    ) -> None:
        """Count somebody for all limits concerned, by the present rules or by the other ones."""
        acting = {target: classes for target, classes in counted.items() if target not in self._observing}
        for limit in self._guard.concerned(source, acting) if acting else ():
            self._found.setdefault(limit, (_Window(), _Window()))[other].add(identity_id, at, limit)

    def fullest(self, tx: Connection, now: datetime) -> Iterator[Fullest]:
        """Yield how full each limit would have been, those that were concerned at all."""
        for limit, (before, after) in self._found.items():
            active = guard_reading.standing(tx, limit, now).active
            room = limit.most(active, self._guard.floor(limit))
            yield Fullest(limit, room, before.most, after.most)
