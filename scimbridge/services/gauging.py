"""Gauging: how much room the guard's limits have, before one of them trips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isinf

from scimbridge.domain.guard import Guard, Limit
from scimbridge.store import guard_reading
from scimbridge.store.database import Database

MOST_COUNTED = 10_000
"""Identities that are counted for one limit; one that allows more shows no larger number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """One limit, and how much of it is used.

    Attributes:
        counted: Distinct identities within the window.
        most: How many it has room for; ``None`` where only a share is set, and too few are active for it to bind.
        active: How many identities the share is of; ``None`` where there is no share, or nobody has counted them yet.
        floor: From how many active identities on the share binds.
        flood_id: The flood that it holds right now.
    """

    limit: Limit
    counted: int
    most: float | None
    active: int | None
    floor: int
    flood_id: str | None

    @property
    def used(self) -> float:
        """How much of the room is used, from 0 to 1."""
        return min(1.0, self.counted / self.most) if self.most else 0.0

    @property
    def is_bound_by_share(self) -> bool:
        """Whether it is the share that binds, and not the number."""
        return self.most is not None and self.most != self.limit.count

    @property
    def share(self) -> float | None:
        """How many percent of the active identities are counted; ``None`` where nobody knows how many are active."""
        return 100 * self.counted / self.active if self.active else None


class Gauging:
    """Reads; counts nothing anew.

    Args:
        database: The store.
        guard: All limits.
    """

    def __init__(self, database: Database, guard: Guard) -> None:
        self._database = database
        self._guard = guard

    def gauges(self, now: datetime) -> Sequence[Gauge]:
        """Return all limits, those over everything first, in a few statements however many they are."""
        limits = sorted(self._guard.limits, key=lambda each: (bool(each.subject), each.scope, each.subject))
        with self._database.read() as tx:
            readings = guard_reading.readings(tx, limits, now, MOST_COUNTED)
        return [self._gauge(*each) for each in zip(limits, readings, strict=True)]

    def _gauge(self, limit: Limit, reading: guard_reading.Reading) -> Gauge:
        floor = self._guard.floor(limit)
        # While nobody has counted, the share is not known to bind.
        most = limit.most(reading.active, floor) if reading.active is not None else float(limit.count or "inf")
        return Gauge(
            limit=limit,
            counted=reading.counted,
            most=None if isinf(most) else most,
            active=reading.active,
            floor=floor,
            flood_id=reading.flood_id,
        )
