"""What every remote call has to pass: the rate limit, observe mode, and the lease."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from scimbridge import telemetry
from scimbridge.domain.figures import FigureKind
from scimbridge.domain.pace import format_rate, time_between
from scimbridge.sdk.config import Mode
from scimbridge.sdk.errors import LeaseLostError, ObservingError, RetryableError
from scimbridge.services.fleet import Target
from scimbridge.services.leases import Leases
from scimbridge.store import figures, targets
from scimbridge.store.database import Database
from scimbridge.store.figures import Figure

LONGEST_WAIT = timedelta(seconds=10)
"""A slot that is further off is left to somebody else; the task waits instead of the thread."""

log = structlog.get_logger("scimbridge.permit")


class TargetPermit:
    """Asked before every call to one target (see ``scimbridge.sdk.connector.Permit``), and told of its refusals.

    A target without a rate limit costs the store nothing until it has refused a call of this very process.
    """

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
        self._is_paced = target.interval is not None

    def __call__(self, *, writes: bool) -> None:
        """Let a call pass, after the time that the rate limit asks for."""
        if writes:
            self._require_enforcing()
        if self._wait_for_slot() and writes:
            self._require_enforcing()  # once more: the time that it is armed for may have ended meanwhile
        # Last, because waiting takes time off the lease.
        if writes and not self._leases.may_write():
            raise LeaseLostError("the lease has run out; the next attempt looks first")

    def throttled(self, retry_after: timedelta | None) -> None:
        """Call the target less often, in all processes; until ``retry_after`` is over not at all, within reason."""
        telemetry.THROTTLED.labels(self._target.name).inc()
        with self._database.write() as tx:
            rest = min(retry_after or timedelta(), LONGEST_WAIT)
            now = self._clock()
            pace = targets.slow_down(tx, self._target.name, now, rest=rest)
            figures.add(tx, {Figure(FigureKind.THROTTLED, figures.day_of(now), self._target.name): 1})
        self._is_paced = True
        if pace is not None:
            log.warning(
                "the target asks for fewer calls; it is called less often for a while",
                action="target.throttled",
                target=self._target.name,
                rate=format_rate(time_between(self._target.interval, pace.share)),
            )

    def _require_enforcing(self) -> None:
        if self._target.mode is Mode.ENFORCE:
            return
        with self._database.read() as tx:
            is_armed = targets.is_armed(tx, self._target.name, self._clock())
        if not is_armed:
            raise ObservingError(f"{self._target.name} is in observe mode: nothing is written there")

    def _wait_for_slot(self) -> bool:
        """Wait as the rate limit asks for; whether that took time."""
        if not self._is_paced:
            return False
        now, interval = self._clock(), self._target.interval
        with self._database.write() as tx:
            slot = targets.reserve_call(tx, self._target.name, interval, now, within=LONGEST_WAIT)
        self._is_paced = interval is not None or slot.share < 1.0
        if slot.at is None:
            raise RetryableError(f"the rate limit of {self._target.name} is used up", retry_after=LONGEST_WAIT)
        if slot.at > now:
            self._sleep((slot.at - now).total_seconds())
        return slot.at > now
