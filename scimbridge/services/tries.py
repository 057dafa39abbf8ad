"""Locking names that somebody guesses at, whether there is such an operator or not."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from scimbridge.domain.names import fold
from scimbridge.errors import SignInRefusedError
from scimbridge.store import signing_in
from scimbridge.store.database import Database

FREE = 5
"""Failures of a name that lock nothing: people mistype."""

SHORTEST_LOCK = timedelta(seconds=30)
"""How long one more locks the name; each further one doubles that."""

LONGEST_LOCK = timedelta(minutes=15)

FORGOTTEN_AFTER = timedelta(hours=1)
"""How long after the last one failures count."""


class Tries:
    """Counts tries by name, in SQL, so that all web processes count together."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, name: str, now: datetime) -> str:
        """Count a try before it is looked at, so that a hundred at once are a hundred. Returns what to forgive it by.

        Raises:
            SignInRefusedError: The name is locked.
        """
        key = name_digest(name)
        with self._database.write() as tx:
            count, last_at = signing_in.failures(tx, key, now - FORGOTTEN_AFTER)
            wait = _lock(count, last_at, now)
            if wait is not None:
                raise SignInRefusedError(_locked(wait), wait)
            signing_in.count_failure(tx, key, now, now - FORGOTTEN_AFTER)
        return key


def name_digest(name: str) -> str:
    """Return by what the tries of a name are counted."""
    return hashlib.sha256(fold(name.strip()).encode()).hexdigest()


def _lock(count: int, last_at: datetime | None, now: datetime) -> timedelta | None:
    """Return for how long a name is locked still."""
    if count < FREE or last_at is None:
        return None
    doubled = SHORTEST_LOCK * 2 ** min(count - FREE, 10)
    left = last_at + min(doubled, LONGEST_LOCK) - now
    return left if left > timedelta() else None


def _locked(wait: timedelta) -> str:
    seconds = int(wait.total_seconds()) + 1
    span = f"{seconds} seconds" if seconds < 120 else f"{-(-seconds // 60)} minutes"
    return (
        f"Too many tries with this name have failed. Try again in {span}, or use a one-time link, "
        "which an admin or `scimbridge operator sign-in NAME` makes."
    )
