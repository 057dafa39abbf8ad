"""What was found valid a moment ago, so that a busy source is not looked up for every request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from scimbridge.domain.access import Grant

FRESH = 1.0
"""Seconds for which a valid credential is believed without looking again: what another process revokes ends here
after that time at the latest."""

_MOST = 4096
"""Credentials that are kept; only valid ones ever are."""


@dataclass(frozen=True, slots=True)
class _Entry:
    grant: Grant
    until: float


class RecentGrants:
    """Remembers grants by the digest of what was presented. Safe to use from several threads, and quick.

    Args:
        monotonic: Seconds.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._entries: dict[bytes, _Entry] = {}
        self._turn = threading.Lock()
        self.generation = 0
        """Counts the revocations. What was looked up before one is not remembered after it."""

    def fresh(self, digest: bytes) -> Grant | None:
        """Return what a credential was found to be within the last second, if it has not expired meanwhile."""
        entry = self._entries.get(digest)
        return entry.grant if entry is not None and self._monotonic() < entry.until else None

    def is_known(self, digest: bytes) -> bool:
        """Whether a credential was valid when it was last looked up, however long ago."""
        return digest in self._entries

    def remember(self, digest: bytes, grant: Grant, now: datetime, generation: int) -> None:
        """Keep what was found.

        Args:
            digest: Of what was presented.
            grant: What it is worth.
            now: When it was looked up (UTC).
            generation: As it was before the credential was looked up.
        """
        left = FRESH if grant.expires_at is None else min(FRESH, (grant.expires_at - now).total_seconds())
        with self._turn:
            if generation != self.generation:
                return  # something was revoked meanwhile, perhaps this
            if len(self._entries) >= _MOST:
                self._entries.clear()
            self._entries[digest] = _Entry(grant, self._monotonic() + left)

    def forget(self, digest: bytes) -> None:
        """Drop a credential that is not valid anymore."""
        with self._turn:
            self._entries.pop(digest, None)

    def clear(self) -> None:
        """Drop everything: something was revoked."""
        with self._turn:
            self.generation += 1
            self._entries.clear()
