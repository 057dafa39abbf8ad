"""Arming: an observing target acts for a limited time, which ends by itself."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from scimbridge.domain.duration import format_duration
from scimbridge.errors import ArmingError
from scimbridge.sdk.config import Mode
from scimbridge.services.fleet import Fleet, Target
from scimbridge.store import agenda, journal, targets
from scimbridge.store.database import Database

LONGEST = timedelta(hours=24)
"""Who wants a target to act for longer says ``mode = "enforce"`` in the configuration."""


def mode_at(tx: Connection, target: Target, now: datetime) -> Mode:
    """Return whether a target acts or observes at a moment: as configured, unless it is armed just then."""
    if target.mode is Mode.ENFORCE or targets.is_armed(tx, target.name, now):
        return Mode.ENFORCE
    return Mode.OBSERVE


class Arming:
    """Lets observing targets act for a time. The time's end needs nobody: it is compared at every claim and write."""

    def __init__(self, database: Database, fleet: Fleet) -> None:
        self._database = database
        self._fleet = fleet

    def arm(self, name: str, *, span: timedelta, reason: str, by: str, now: datetime) -> datetime:
        """Let an observing target act from now on, and return until when. Armed again, the new time counts.

        Raises:
            NotFoundError: There is no such target.
            ArmingError: It acts anyway, or the time is too long or none.
        """
        target = self._fleet[name]
        if target.mode is Mode.ENFORCE:
            raise ArmingError(f'{name} acts always: its configuration says mode = "enforce"')
        if not timedelta() < span <= LONGEST:
            raise ArmingError(
                f"a target is armed for {format_duration(LONGEST)} at most, and for longer than nothing; "
                f'where {name} should act for good, write mode = "enforce" in the configuration'
            )
        until = now + span
        with self._database.write() as tx:
            targets.ensure_targets(tx, [name])
            targets.arm(tx, name, until=until, by=by)
            details = {"until": until.isoformat(timespec="seconds")}
            journal.record(tx, "target armed", now, reason=reason, actor=by, target=name, details=details)
        return until

    def due_until(self, name: str, until: datetime) -> tuple[int, int]:
        """Return how many tasks at a target, and of how many people, are due by a time: at most that is let go."""
        with self._database.read() as tx:
            return agenda.due_until(tx, name, until)

    def disarm(self, name: str, *, reason: str, by: str, now: datetime) -> bool:
        """Let a target observe again before its time ends. Returns whether it was armed.

        Raises:
            NotFoundError: There is no such target.
        """
        name = self._fleet[name].name
        with self._database.write() as tx:
            was_armed = targets.disarm(tx, name)
            if was_armed:
                journal.record(tx, "target disarmed", now, reason=reason, actor=by, target=name)
        return was_armed

    def end(self, now: datetime) -> int:
        """Note which targets' time has ended. Returns how many."""
        with self._database.read() as tx:
            over = targets.armed_until_before(tx, now)
        ended = 0
        for name in over:
            with self._database.write() as tx:
                if targets.disarm(tx, name, over_at=now):
                    journal.record(tx, "target disarmed", now, reason="its time has ended", target=name)
                    ended += 1
        return ended
