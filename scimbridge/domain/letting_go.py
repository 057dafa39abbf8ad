"""Letting go: how fast the work that has piled up at a target starts again."""

from __future__ import annotations

from datetime import datetime, timedelta

ONE_MORE_EVERY = timedelta(seconds=30)
"""A target that has just come back is not hit with everything at once: one attempt at a time, then one more, …"""


def attempts_at_once(concurrency: int, resumed_at: datetime | None, now: datetime) -> int:
    """Return how many attempts a target takes at once.

    Args:
        concurrency: How many it takes at most.
        resumed_at: When a backlog began to be let go; ``None`` where there was none.
        now: The time (UTC). One that is before ``resumed_at``, because a clock was set back, counts as that moment.
    """
    if resumed_at is None:
        return concurrency
    waited = max(now - resumed_at, timedelta())
    return min(concurrency, 1 + waited // ONE_MORE_EVERY)
