"""Retention: how long records are kept that nothing needs any more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

REPLAYED = timedelta(days=90)
"""How far back rules are replayed: the facts, and the people that they are about, are there for so long."""

SHORTEST = timedelta(days=1)
LONGEST = timedelta(days=36_500)
"""A hundred years: more cannot be reckoned with everywhere."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long records are kept.

    Attributes:
        requests: What sources sent.
        attempts: What attempts have read, look-ups, and snapshots of which all was given back.
        leavers: Personal values of whom a source has deleted, after their last case; ``None`` for good.
    """

    requests: timedelta = timedelta(days=180)
    attempts: timedelta = timedelta(days=180)
    leavers: timedelta | None = None


def kept_since(kept: timedelta | None, now: datetime) -> datetime | None:
    """Return before which moment (UTC) records are not kept; ``None`` where all are.

    It is the beginning of a day, so that there is something to do once a day.
    """
    if kept is None:
        return None
    today = datetime.combine(now.astimezone(UTC), time(), UTC)
    # What is before it sorts behind everything as an id, and would take all of them.
    return today - kept if today - _EPOCH > kept else None
