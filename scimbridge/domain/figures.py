"""Figures: what is counted by day, so that charts need not read what happened.

How long something took is kept as a bucket: its border is a fifth above that of the one before, so that a percentile
is told to within a tenth, and any number of days add up.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from math import ceil, log

_STEP = 1.2
_LAST = 100
"""The bucket for everything beyond two and a half years."""


class FigureKind(StrEnum):
    """What is counted."""

    LEAVER = "leaver"
    """Cases that were opened to take access away: of a source, by a trigger."""

    ATTEMPT = "attempt"
    """Attempts that ended: at a target, by action and by how."""

    REVOKED = "revoked"
    """What was taken away and read back: at a target, by action, by whether it was in time, by how long it took."""

    THROTTLED = "throttled"
    """Answers by which a target asked for fewer calls."""


IN_TIME, LATE, WITHOUT_DEADLINE = "in time", "late", ""


def bucket_of(took: timedelta) -> int:
    """Return the bucket of a time; up to a second is the first one."""
    seconds = took.total_seconds()
    return min(_LAST, ceil(log(seconds, _STEP))) if seconds > 1 else 0


def span_of(bucket: int) -> timedelta:
    """Return the time that stands for a bucket: the middle of it."""
    return timedelta(seconds=_STEP ** (bucket - 0.5)) if bucket else timedelta(seconds=1)


def percentile(counts: Mapping[int, int], share: float) -> timedelta | None:
    """Return the time within which a share (0 to 1) of what is in buckets was done; ``None`` where nothing is."""
    wanted = share * sum(counts.values())
    seen = 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= wanted and seen:
            return span_of(bucket)
    return None
