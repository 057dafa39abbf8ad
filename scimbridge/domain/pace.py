"""The pace of calls at a target: what is configured, and what the target's refusals have taught."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

UNCONFIGURED = timedelta(milliseconds=20)
"""A target without a `rate_limit` is treated like one of 50 calls per second, from its first refusal on."""

SLOWEST = 0.1
"""No refusal slows a target down to less than this share of its rate; each account waits as it is asked to, anyway."""

SPARSEST = timedelta(seconds=2)
"""Nor are calls further apart than this, unless they are configured so: an attempt waits for each of its calls."""

ONE_LESSON = timedelta(seconds=10)
"""The refusals of calls that were under way together teach one thing, and not one each."""

GIVEN_BACK_IN = timedelta(minutes=30)
"""A rate of nothing would be whole again after so long without a refusal, a halved one after half of it."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much of its rate a target lets us use.

    Attributes:
        share: Of the rate, as it was right after the last refusal.
        refused_at: When that was (UTC); ``None`` where there was none.
    """

    share: float = 1.0
    refused_at: datetime | None = None

    def share_at(self, now: datetime) -> float:
        """Return the share of the rate that may be used by now, which is all of it (1.0) at most.

        It grows by the same amount each second, so that a target is not hit with everything at once again.
        """
        if self.refused_at is None:
            return 1.0
        waited = max(now - self.refused_at, timedelta())
        return min(1.0, self.share + waited / GIVEN_BACK_IN)

    def refused(self, now: datetime) -> Pace:
        """Return what is learned when the target asks for fewer calls: half of what was used, within bounds."""
        if self.refused_at is not None and timedelta() <= now - self.refused_at < ONE_LESSON:
            return self
        return Pace(max(SLOWEST, self.share_at(now) / 2), now)


def time_between(interval: timedelta | None, share: float) -> timedelta:
    """Return the time between two calls at a share of the rate; none where nothing limits them.

    Args:
        interval: The time between two calls as configured, ``None`` where it is not.
        share: What the target lets us use of it.
    """
    if interval is None and share == 1.0:
        return timedelta()
    whole = interval or UNCONFIGURED
    return min(whole / share, max(whole, SPARSEST))


def format_rate(apart: timedelta) -> str:
    """Return the rate of calls that are so far apart as a configuration writes it: ``20/s``, ``30/m``, ``5/h``."""
    for unit, span in (("s", timedelta(seconds=1)), ("m", timedelta(minutes=1))):
        if apart <= span:
            return f"{span / apart:.3g}/{unit}"
    return f"{timedelta(hours=1) / apart:.3g}/h"
