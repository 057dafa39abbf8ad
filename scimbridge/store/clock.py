"""The one clock: the store's, so that all machines agree."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from scimbridge.store.database import Database

TOLERANCE = timedelta(seconds=5)
"""A machine whose own clock is further off takes no work."""

MEASURE_EVERY = timedelta(seconds=30)


class StoreClock:
    """Tells the store's time, from this machine's clock and the measured difference.

    Args:
        database: Whose time it tells.
        machine: This machine's clock (aware, UTC).
    """

    def __init__(self, database: Database, machine: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._machine = machine
        self._offset = timedelta()

    def __call__(self) -> datetime:
        """Return the store's time (UTC)."""
        return self._machine() + self._offset

    def measure(self) -> bool:
        """Compare the clocks. Returns whether this machine's is near enough to take work.

        Raises:
            StoreError: The store does not answer.
        """
        before = self._machine()
        theirs = self._database.clock()
        # Half of the round trip is as good a guess as any for when the store looked at its clock.
        self._offset = theirs - (before + (self._machine() - before) / 2)
        return self.is_near

    @property
    def is_near(self) -> bool:
        """Whether this machine's clock was near enough to the store's when they were last compared."""
        return abs(self._offset) <= TOLERANCE

    @property
    def offset(self) -> timedelta:
        """How far the store's clock was ahead of this machine's when it was last measured."""
        return self._offset
