"""Lists that go on from a time of change: how far they have come, and how a cursor keeps that."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

OVERLAP = timedelta(hours=1)
"""How far a list looks back behind what the one before has seen: replicas hand on changes late, with the old time."""


class HighWater:
    """The newest change that a list has seen, by the target's own clock.

    What changes while the list is read may be missing in it. It happens no earlier, by that clock, than the newest
    time that was seen at the end less the time that the list took; so no two clocks are ever compared.

    Args:
        since: Where the list began.
        clock: Seconds that never go back.
    """

    def __init__(self, since: datetime | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._since = since
        self._clock = clock
        self._began = clock()
        self._newest: datetime | None = None

    def saw(self, changed_at: datetime | None) -> None:
        """Take note of when an account was changed."""
        if changed_at is not None and (self._newest is None or changed_at > self._newest):
            self._newest = changed_at

    @property
    def mark(self) -> datetime | None:
        """Where the next list begins; ``None`` where nothing is known of any change."""
        if self._newest is None:
            return self._since
        mark = self._newest - OVERLAP - timedelta(seconds=self._clock() - self._began)
        return mark if self._since is None else max(mark, self._since)


def cursor_of(scope: object, **values: str) -> str:
    """Return a cursor that keeps values.

    Args:
        scope: Whatever decides which accounts are listed, and what of them: the address, filters, attributes.
        values: Where the next list goes on.
    """
    return json.dumps({"scope": _digest(scope), **values})


def values_in(cursor: str | None, scope: object) -> Mapping[str, str] | None:
    """Return what a cursor keeps; ``None`` where it is none, or one of another scope."""
    try:
        found = json.loads(cursor or "null")
    except ValueError:
        return None
    if not isinstance(found, dict) or found.pop("scope", "") != _digest(scope):
        return None
    return {str(name): str(value) for name, value in found.items()}


def time_in(cursor: str | None, scope: object, name: str) -> datetime | None:
    """Return a time that a cursor keeps; ``None`` where it keeps none."""
    kept = values_in(cursor, scope) or {}
    try:
        return datetime.fromisoformat(kept.get(name, ""))
    except ValueError:
        return None


def _digest(scope: object) -> str:
    return hashlib.sha256(json.dumps(scope, sort_keys=True, default=str).encode()).hexdigest()[:16]
