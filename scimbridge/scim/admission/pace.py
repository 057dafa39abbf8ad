"""How many requests of a source are answered in a time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scimbridge.domain.access import SourceAccess


@dataclass(slots=True)
class _Bucket:
    rate: float
    level: float
    at: float


class Pace:
    """A token bucket for each source with a limit, in this process alone. Used by the event loop only.

    A bucket holds one second's requests, so that a short burst costs nothing.

    Args:
        rates: Requests per second, by source.
        monotonic: Seconds.
    """

    def __init__(self, rates: Mapping[str, float], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        now = monotonic()
        self._buckets = {source: _Bucket(rate, rate, now) for source, rate in rates.items()}

    def take(self, source: str) -> int | None:
        """Let a request through (``None``), or return after how many seconds to come back."""
        bucket = self._buckets.get(source)
        if bucket is None:
            return None
        now = self._monotonic()
        bucket.level = min(bucket.level + (now - bucket.at) * bucket.rate, bucket.rate)
        bucket.at = now
        if bucket.level < 1:
            return max(math.ceil((1 - bucket.level) / bucket.rate), 1)
        bucket.level -= 1
        return None


def pace_of(access: Mapping[str, SourceAccess], monotonic: Callable[[], float] = time.monotonic) -> Pace:
    """Return the pace that the configuration gives to sources."""
    rates = {source: each.rate for source, each in access.items() if each.rate is not None}
    return Pace(rates, monotonic)
