"""Pausing: a target whose connector cannot be used is paused before anybody waits for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from scimbridge.services.alarming import Alarms
from scimbridge.services.fleet import Fleet
from scimbridge.store import journal, targets
from scimbridge.store.database import Database


class Pausing:
    """Pauses targets that cannot be used; what is planned there waits, and whoever mends them lets them go on.

    Args:
        database: The store.
        fleet: The targets.
        alarms: Notes it for operators, in the same transaction.
        alarm: Told once for each target: its name and why.
    """

    def __init__(self, database: Database, fleet: Fleet, alarms: Alarms, alarm: Callable[[str, str], None]) -> None:
        self._database = database
        self._fleet = fleet
        self._alarms = alarms
        self._alarm = alarm

    def run(self, now: datetime) -> None:
        """Pause those that are not paused yet."""
        for name, reason in self._fleet.unusable.items():
            with self._database.write() as tx:
                paused = targets.pause(tx, name, reason=reason, by=journal.BRIDGE, now=now)
                if paused:
                    journal.record(tx, "target paused", now, reason=reason, target=name)
                    self._alarms.target_paused(tx, name, reason, now)
            if paused:
                self._alarm(name, reason)
