"""Leases: how an attempt shows that it is alive, and learns that it is not any more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta

from scimbridge.store import attempts
from scimbridge.store.attempts import Attempt
from scimbridge.store.clock import steady
from scimbridge.store.database import Database

LONGEST_ATTEMPT = timedelta(minutes=10)
"""After this long a lease is renewed no more: every remote call has its own, shorter deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How long leases last; the same in all processes of an installation.

    Attributes:
        length: An attempt that was not renewed for this long is taken for dead.
        renew_every: So often, so that one renewal may fail.
        margin: No write leaves when less than this is left, so that it arrives while the lease still holds.
    """

    length: timedelta = timedelta(seconds=30)
    renew_every: timedelta = timedelta(seconds=8)
    margin: timedelta = timedelta(seconds=3)


TERMS = Terms()
"""The terms of every installation; shorter ones are for tests that wait for leases to run out."""

_current: ContextVar[str | None] = ContextVar("scimbridge_attempt", default=None)


class Leases:
    """The live attempts of one process.

    Deadlines are kept on the monotonic clock and count from before the database was
    asked, so that they run out here no later than there.
    """

    def __init__(self, database: Database, monotonic: Callable[[], float] = steady, terms: Terms = TERMS) -> None:
        self.terms = terms
        self._database = database
        self._monotonic = monotonic
        self._deadlines: dict[str, float] = {}
        self._started: dict[str, float] = {}
        self._turn = threading.Lock()

    @contextmanager
    def holding(self, attempt: Attempt, asked_at: float) -> Iterator[None]:
        """Keep an attempt's lease alive within the block.

        Args:
            attempt: The attempt that was just begun.
            asked_at: ``now_monotonic()`` before the claim.
        """
        with self._turn:
            self._started[attempt.id] = asked_at
            self._deadlines[attempt.id] = asked_at + self.terms.length.total_seconds()
        token = _current.set(attempt.id)
        try:
            yield
        finally:
            _current.reset(token)
            with self._turn:
                self._deadlines.pop(attempt.id, None)
                self._started.pop(attempt.id, None)

    def now_monotonic(self) -> float:
        """Return the time on the clock that deadlines are kept on, in seconds."""
        return self._monotonic()

    def may_write(self) -> bool:
        """Whether the calling thread's attempt still holds its lease, with some time to spare."""
        attempt_id = _current.get()
        if attempt_id is None:
            return False
        with self._turn:
            deadline = self._deadlines.get(attempt_id)
        return deadline is not None and self._monotonic() + self.terms.margin.total_seconds() < deadline

    def renew(self, now: datetime) -> None:
        """Extend all leases of this process. Those that others have ended meanwhile run out here, too."""
        asked_at = self._monotonic()
        with self._turn:
            young = [
                attempt_id
                for attempt_id, started in self._started.items()
                if asked_at - started < LONGEST_ATTEMPT.total_seconds()
            ]
        if not young:
            return
        with self._database.write() as tx:
            renewed = attempts.renew(tx, young, now + self.terms.length)
        with self._turn:
            for attempt_id in renewed & self._deadlines.keys():
                self._deadlines[attempt_id] = asked_at + self.terms.length.total_seconds()
            for attempt_id in set(young) - renewed:
                if attempt_id in self._deadlines:
                    self._deadlines[attempt_id] = asked_at
