"""The one clock: the store's, so that all machines agree."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from scimbridge.store.database import Database

TOLERANCE = timedelta(seconds=5)
"""A machine whose own clock is further off takes no work."""

MEASURE_EVERY = timedelta(seconds=30)


_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux's other clock stands still while the machine sleeps, and what it holds elsewhere runs out meanwhile."""


def steady() -> float:
    """Return seconds on a clock that nobody sets, and that goes on while the machine sleeps."""
    return time.clock_gettime(_STEADY)


class StoreClock:
    """Tells the store's time: as it was measured last, and what has passed since by a clock that nobody sets.

    So a clock that is moved on a machine beside the database lets nothing go early, not even until the next
    measurement. SQLite lives by the machine's own clock, in all processes at the same moment.

    Args:
        database: Whose time it tells.
        machine: This machine's clock (aware, UTC).
        monotonic: Seconds that nobody sets.
    """

    def __init__(
        self,
        database: Database,
        machine: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = steady,
    ) -> None:
        self._database = database
        self._machine = machine
        self._monotonic = monotonic
        self._offset = timedelta()
        self._measured: tuple[datetime, float] | None = None

    def __call__(self) -> datetime:
        """Return the store's time (UTC)."""
        if self._measured is None or self._database.is_sqlite:
            return self._machine() + self._offset
        theirs, at = self._measured
        return theirs + timedelta(seconds=self._monotonic() - at)

    def measure(self) -> bool:
        """Compare the clocks. Returns whether this machine's is near enough to take work.

        Raises:
            StoreError: The store does not answer.
        """
        before, asked_at = self._machine(), self._monotonic()
        theirs = self._database.clock()
        # Half of the round trip is as good a guess as any for when the store looked at its clock.
        half = (self._monotonic() - asked_at) / 2
        self._offset = theirs - (before + timedelta(seconds=half))
        self._measured = theirs, asked_at + half
        return self.is_near

    @property
    def is_near(self) -> bool:
        """Whether this machine's clock was near enough to the store's when they were last compared."""
        return abs(self._offset) <= TOLERANCE

    @property
    def offset(self) -> timedelta:
        """How far the store's clock was ahead of this machine's when it was last measured."""
        return self._offset
