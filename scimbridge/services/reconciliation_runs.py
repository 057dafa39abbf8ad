"""Runs of reconciliation: who asks for them, when they are due, and what becomes of those that nobody works on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from scimbridge.domain.outline import NOTICES
from scimbridge.domain.reconciliation import Run, RunOutcome
from scimbridge.domain.schedule import Schedule
from scimbridge.domain.wakeup import WakeUp, Work
from scimbridge.errors import NotFoundError
from scimbridge.services.fleet import Fleet
from scimbridge.services.intake import Submit
from scimbridge.store import findings, journal, reconciliations, targets
from scimbridge.store.database import Database

SCHEDULE = "schedule"
"""Who asked for a run that was due by the configuration."""

MOST_TRIES = 3
"""A run whose workers die one after the other is not begun once more."""

LONGEST_UNUSED = timedelta(days=20_000)
"""Longer than any account has been there; what is asked for beyond is the same question."""

LATE = timedelta(hours=1)
"""A target that was never asked about is asked about at an instant that passed no longer ago."""

_TICK = timedelta(microseconds=1)


class ReconciliationRuns:
    """Asks for runs, and keeps them from being forgotten.

    Args:
        database: The store.
        fleet: The targets.
        submit: Tells workers.
        queued: Returns the runs for which a target's queue holds a message; ``None`` while it cannot be asked.
    """

    def __init__(
        self, database: Database, fleet: Fleet, submit: Submit, queued: Callable[[str], frozenset[str] | None]
    ) -> None:
        self._database = database
        self._fleet = fleet
        self._submit = submit
        self._queued = queued

    @property
    def names(self) -> list[str]:
        """The targets that can be asked about."""
        return [target.name for target in self._fleet if target.name != NOTICES]

    def ask(
        self, target: str, *, by: str, now: datetime, unused_for: timedelta | None = None, believe: bool = False
    ) -> Run:
        """Ask for a run, and return it; the one that there is already, if it has not ended.

        Args:
            target: The target.
            by: Who asks.
            now: When (UTC).
            unused_for: Stale is what nobody has signed in with for so long; what the target's settings say, where
                absent.
            believe: What the target tells is true, of however few accounts; said of the run that there is already, too.

        Raises:
            NotFoundError: There is no such target.
        """
        reason = "all accounts are to be compared"
        if believe:
            reason += ", and the target is believed, however few they are"
        return self._ask(target, by, now, actor=by, reason=reason, unused_for=unused_for, believe=believe)

    def _ask(
        self,
        target: str,
        by: str,
        now: datetime,
        *,
        actor: str,
        reason: str,
        unused_for: timedelta | None = None,
        believe: bool = False,
    ) -> Run:
        if target not in self.names:
            raise NotFoundError("target", target)
        unused_for = unused_for or self._fleet[target].stale_after
        unused_for = asked_for(unused_for) if unused_for is not None else None
        with self._database.write() as tx:
            run, is_new = reconciliations.ask(tx, target, by=by, unused_for=unused_for, now=now)
            has_said_so = believe and reconciliations.believe(tx, run.id)
            if is_new or has_said_so:
                journal.record(tx, "reconciliation asked", now, reason=reason, actor=actor, target=target)
        if is_new:
            self._submit([WakeUp(target, run.id, Work.RECONCILIATION)])
        return run

    def by_id(self, run_id: str) -> Run:
        """Return a run.

        Raises:
            NotFoundError: There is none of this id, or it was forgotten after later ones.
        """
        with self._database.read() as tx:
            return reconciliations.run_by_id(tx, run_id)

    def is_paused(self, target: str) -> bool:
        """Whether a target is paused, so that its runs wait."""
        with self._database.read() as tx:
            return targets.all_targets(tx)[target]["paused_at"] is not None

    def run(self, now: datetime) -> None:
        """Tell workers what nobody works on, end what has failed too often, and ask for what is due."""
        with self._database.read() as tx:
            free = reconciliations.free(tx, now)
            rows = targets.all_targets(tx) if free else {}
        for run in free:
            if run.target not in self._fleet:
                self._end(run, "the configuration has no such target any more", now)
            elif run.tries >= MOST_TRIES:
                self._end(run, f"its worker stopped answering, {run.tries} times", now)
            elif rows[run.target]["paused_at"] is None:
                self._tell(run)
        self._ask_for_due(now)

    def next_due(self, target: str, now: datetime) -> datetime | None:
        """Return when a target is asked about next; ``None`` where it has no schedule."""
        schedule = self._fleet[target].reconcile
        return schedule.first_at_or_after(now) if schedule is not None else None

    def _ask_for_due(self, now: datetime) -> None:
        scheduled = {target.name: target.reconcile for target in self._fleet if target.reconcile is not None}
        if not scheduled:
            return
        with self._database.read() as tx:
            last = reconciliations.last_asked(tx)
            under_way = reconciliations.open_runs(tx)
        for name, schedule in scheduled.items():
            if name not in under_way and _is_due(schedule, last.get(name), now):
                self._ask(name, SCHEDULE, now, actor=journal.BRIDGE, reason="due by its schedule")

    def _tell(self, run: Run) -> None:
        known = self._queued(run.target)
        if known is not None and run.id not in known:
            self._submit([WakeUp(run.target, run.id, Work.RECONCILIATION)])

    def _end(self, run: Run, reason: str, now: datetime) -> None:
        with self._database.write() as tx:
            # What was free a moment ago may have been taken up since: then its turn is another one.
            counts = findings.tally(tx, run.id)
            if reconciliations.end(tx, run, RunOutcome.BROKEN_OFF, reason=reason, counts=counts, now=now):
                journal.record(tx, "reconciliation ended", now, reason=reason, target=run.target)


def asked_for(span: timedelta) -> timedelta:
    """Return how long nobody must have signed in for a run that is asked for a time: it counts seconds."""
    return timedelta(seconds=int(min(span, LONGEST_UNUSED).total_seconds()))


def _is_due(schedule: Schedule, last: datetime | None, now: datetime) -> bool:
    """Whether an instant has passed since a target was last asked about; several that were missed are one."""
    since = last + _TICK if last is not None else now - LATE
    return schedule.first_at_or_after(since) <= now
