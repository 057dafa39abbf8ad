"""Counting the active identities now and then, for the guard's percentages; and forgetting what counts no more."""

from __future__ import annotations

from datetime import datetime, timedelta

from scimbridge.domain.guard import Guard, GuardScope
from scimbridge.store import guard
from scimbridge.store.database import Database

EVERY = timedelta(hours=1)
"""How long after the last time the active identities are counted again."""

KEPT = timedelta(hours=24)
"""How long marks of a limit are kept that the configuration does not have any more."""

BATCH = 1000


class Census:
    """Knows how many identities were active when a window began."""

    def __init__(self, database: Database, limits: Guard) -> None:
        self._database = database
        self._limits = limits.limits

    def run(self, now: datetime) -> None:
        """Count what has not been counted for an hour, and delete what no window asks for.

        Any number of processes may do so.
        """
        for scope, subject in self._populations():
            self._sample(scope, subject, now)
            with self._database.write() as tx:
                guard.forget_samples(tx, scope, subject, now - self._longest(scope, subject))
        self.forget_marks(now)

    def forget_marks(self, now: datetime) -> int:
        """Delete marks that are outside of their window. Returns how many."""
        windows: dict[tuple[str, str, str], timedelta] = {
            (each.scope, each.subject, each.guard_class): each.window for each in self._limits
        }
        kept = max([KEPT, *windows.values()])
        with self._database.read() as tx:
            keys = guard.counter_keys(tx)
        forgotten = 0
        for key in keys:
            before = now - windows.get(key, kept)
            found = BATCH
            while found == BATCH:
                with self._database.write() as tx:
                    found = guard.forget_marks(tx, key, before, BATCH)
                forgotten += found
        return forgotten

    def _populations(self) -> list[tuple[GuardScope, str]]:
        """Return what percentages are of; nothing where nobody has configured one."""
        found = [(each.scope, each.subject) for each in self._limits if each.percent is not None]
        return list(dict.fromkeys(found))

    def _longest(self, scope: GuardScope, subject: str) -> timedelta:
        return max(each.window for each in self._limits if (each.scope, each.subject) == (scope, subject))

    def _sample(self, scope: GuardScope, subject: str, now: datetime) -> None:
        # Reading all identities takes a while; it keeps nobody waiting.
        with self._database.read() as tx:
            last = guard.last_sample_at(tx, scope, subject)
            if last is not None and now - last < EVERY:
                return
            active = guard.active_now(tx, scope, subject)
        with self._database.write() as tx:
            guard.sample(tx, scope, subject, now, active)
