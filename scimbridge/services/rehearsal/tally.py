"""What the guard would say to people who leave one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.action import GuardClass
from scimbridge.domain.guard import Guard, Limit
from scimbridge.store import guard_reading


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardAnswer:
    """What one limit would say to one more person.

    Attributes:
        counted: The identities within the window, this one included.
        most: How many it has room for.
        flood_id: The flood that is open already.
        is_held: The case would be held, because of such a flood or because this would be one.
    """

    limit: Limit
    counted: int
    most: float
    flood_id: str | None
    is_held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """The moment at which a limit would be exceeded.

    Attributes:
        line: The line of the file.
        reason: Which limit, and what comes.
    """

    line: int
    limit: Limit
    reason: str


@dataclass(slots=True)
class _Standing:
    counted: set[str]
    active: int
    flood_id: str | None
    has_tripped: bool = False


@dataclass(slots=True)
class GuardTally:
    """Counts as the guard would, beside what it has counted already; and writes nothing.

    Attributes:
        observing: Targets that only observe: what is planned there takes nothing away.
        trips: The limits that were exceeded, in the order of that.
    """

    tx: Connection
    guard: Guard
    observing: frozenset[str]
    now: datetime
    trips: list[Trip] = field(default_factory=list)
    _standing: dict[Limit, _Standing] = field(default_factory=dict)

    def add(
        self, identity_id: str, source: str, planned: Mapping[str, frozenset[GuardClass]], *, line: int = 0
    ) -> tuple[GuardAnswer, ...]:
        """Count one more person for all limits concerned, and return what these say."""
        acting = {target: classes for target, classes in planned.items() if target not in self.observing}
        if not acting:
            return ()
        return tuple(self._ask(limit, identity_id, line) for limit in self.guard.concerned(source, acting))

    def _ask(self, limit: Limit, identity_id: str, line: int) -> GuardAnswer:
        standing = self._standing.get(limit) or self._read(limit)
        standing.counted.add(identity_id)
        floor = self.guard.floor(limit)
        most = limit.most(standing.active, floor)
        is_over = len(standing.counted) > most
        if is_over and standing.flood_id is None and not standing.has_tripped:
            standing.has_tripped = True
            self.trips.append(Trip(line=line, limit=limit, reason=limit.tripped(standing.active, floor)))
        return GuardAnswer(
            limit=limit,
            counted=len(standing.counted),
            most=most,
            flood_id=standing.flood_id,
            is_held=standing.flood_id is not None or standing.has_tripped,
        )

    def _read(self, limit: Limit) -> _Standing:
        found = guard_reading.standing(self.tx, limit, self.now)
        self._standing[limit] = _Standing(set(found.counted), found.active, found.flood_id)
        return self._standing[limit]
