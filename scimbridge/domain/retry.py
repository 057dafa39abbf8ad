"""When to try again."""

from __future__ import annotations

import random
from datetime import timedelta

BASE = timedelta(seconds=2)
CAP = timedelta(minutes=10)
GIVE_UP_AFTER = timedelta(days=7)
"""A task that has been failing for this long asks for a person."""

_RNG = random.Random()  # noqa: S311  # jitter is no secret


def backoff(attempts: int, retry_after: timedelta | None = None, *, rng: random.Random | None = None) -> timedelta:
    """Return how long to wait before the next attempt.

    Exponential with jitter, so that a target that comes back is not met by
    everyone at once; never shorter than what the target asked for.

    Args:
        attempts: How many have failed so far, from 1.
        retry_after: What the target asked for.
        rng: The source of jitter; a test passes a seeded one.
    """
    # Beyond 2**16 the cap has long been reached; the bound keeps the number small.
    ceiling: timedelta = min(CAP, BASE * (1 << min(attempts - 1, 16)))
    share: float = (rng or _RNG).uniform(0.25, 1.0)
    jittered: timedelta = ceiling * share
    return max(jittered, retry_after or timedelta())
