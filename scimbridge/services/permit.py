"""What every remote call has to pass: the rate limit, observe mode, and the lease."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from scimbridge.sdk.config import Mode
from scimbridge.sdk.errors import LeaseLostError, ObservingError, RetryableError
from scimbridge.services.fleet import Target
from scimbridge.services.leases import Leases
from scimbridge.store import targets
from scimbridge.store.database import Database

LONGEST_WAIT = timedelta(seconds=10)
"""A slot that is further off is left to somebody else; the task waits instead of the thread."""


class TargetPermit:
    """Asked before every call to one target (see ``scimbridge.sdk.connector.Permit``)."""

    def __init__(
        self,
        target: Target,
        database: Database,
        leases: Leases,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._target = target
        self._database = database
        self._leases = leases
        self._clock = clock
        self._sleep = sleep

    def __call__(self, *, writes: bool) -> None:
        """Let a call pass, after the time that the rate limit asks for."""
        if writes:
            self._require_enforcing()
        if self._wait_for_slot() and writes:
            self._require_enforcing()  # once more: the time that it is armed for may have ended meanwhile
        # Last, because waiting takes time off the lease.
        if writes and not self._leases.may_write():
            raise LeaseLostError("the lease has run out; the next attempt looks first")

    def _require_enforcing(self) -> None:
        if self._target.mode is Mode.ENFORCE:
            return
        with self._database.read() as tx:
            is_armed = targets.is_armed(tx, self._target.name, self._clock())
        if not is_armed:
            raise ObservingError(f"{self._target.name} is in observe mode: nothing is written there")

    def _wait_for_slot(self) -> bool:
        """Wait as the rate limit asks for; whether that took time."""
        if self._target.interval is None:
            return False
        now = self._clock()
        with self._database.write() as tx:
            slot = targets.reserve_call(tx, self._target.name, self._target.interval, now, within=LONGEST_WAIT)
        if slot is None:
            raise RetryableError(f"the rate limit of {self._target.name} is used up", retry_after=LONGEST_WAIT)
        if slot > now:
            self._sleep((slot - now).total_seconds())
        return slot > now
