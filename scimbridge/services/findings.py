"""What reconciliation has found: how each target stands, and its findings, as every place shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from scimbridge.domain.reconciliation import AccountFinding, Mismatch, Run, RunOutcome
from scimbridge.errors import NotFoundError
from scimbridge.services.reconciliation_runs import ReconciliationRuns
from scimbridge.store import findings, reconciliations
from scimbridge.store.database import Database

AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """How far a target is reconciled.

    Attributes:
        shown: The run whose findings stand: the newest complete one, or the newest that ended if none is.
        complete: The newest complete run.
        last: The newest run that ended, however it did.
        under_way: The run that has not ended.
        next_at: When the schedule asks for the next one; ``None`` where there is no schedule.
        overdue: How long the schedule has been asking for one that was not completed since; where none ever was,
            for how long the first one has been asked for, and ``timedelta.max`` once it broke off. ``None`` where
            there is no schedule.
    """

    target: str
    shown: Run | None
    complete: Run | None
    last: Run | None
    under_way: Run | None
    next_at: datetime | None
    overdue: timedelta | None = None

    @property
    def counts(self) -> Mapping[Mismatch, int]:
        """How many findings of each kind stand; without those that there are none of."""
        return (self.shown.counts or {}) if self.shown else {}

    @property
    def failed(self) -> Run | None:
        """The last run, where it broke off or is not believed: what stands is older, or not all."""
        return self.last if self.last is not None and self.last.has_failed else None

    @property
    def has_list(self) -> bool | None:
        """Whether the target gives out a list of its accounts; ``None`` where nobody has asked."""
        return None if self.last is None else self.last.outcome is not RunOutcome.NO_LIST

    @property
    def progress(self) -> float | None:
        """How far the run is that is under way, from 0 to 1, by the accounts there were; ``None`` if nobody knows."""
        if self.under_way is None or self.complete is None or not self.complete.accounts:
            return None
        return min(1.0, self.under_way.accounts / self.complete.accounts)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingQuery:
    """Which findings.

    Attributes:
        text: A part of the account's name, in any case.
    """

    target: str | None = None
    kind: Mismatch | None = None
    text: str = ""


class Findings:
    """Reads; changes nothing."""

    def __init__(self, database: Database, runs: ReconciliationRuns) -> None:
        self._database = database
        self._runs = runs

    def targets(self, now: datetime) -> list[Reconciled]:
        """Return how far each target is reconciled, in as many statements as for one."""
        with self._database.read() as tx:
            shown, last = reconciliations.shown(tx), reconciliations.newest(tx)
            complete = reconciliations.newest(tx, outcomes=[RunOutcome.COMPLETE])
            under_way = reconciliations.open_runs(tx)
        return [
            Reconciled(
                target=name,
                shown=shown.get(name),
                complete=complete.get(name),
                last=last.get(name),
                under_way=under_way.get(name),
                next_at=self._runs.next_due(name, now),
                overdue=self._overdue(name, complete.get(name), last.get(name), under_way.get(name), now),
            )
            for name in self._runs.names
        ]

    def listed(self, query: FindingQuery, *, limit: int, before: str | None = None) -> list[AccountFinding]:
        """Return the findings that stand, those that were first seen last first; ``before`` ended the page before.

        Raises:
            NotFoundError: There is no such target.
        """
        if query.target is not None and query.target not in self._runs.names:
            raise NotFoundError("target", query.target)
        with self._database.read() as tx:
            shown = self._shown(tx, query.target)
            return findings.listed(tx, shown, kind=query.kind, text=query.text, before=before, limit=limit)

    def one(self, finding_id: str) -> AccountFinding:
        """Return a finding that stands.

        Raises:
            NotFoundError: There is none of this id (any more).
        """
        with self._database.read() as tx:
            found = findings.by_id(tx, self._shown(tx, None), finding_id)
        if found is None:
            raise NotFoundError("finding", finding_id)
        return found

    def of_run(self, run: Run) -> Iterator[AccountFinding]:
        """Yield what a run has found, those that were first seen last first.

        Raises:
            NotFoundError: It was forgotten meanwhile, after later ones.
        """
        before: str | None = None
        while True:
            with self._database.read() as tx:
                page = findings.listed(tx, {run.id: run.target}, kind=None, text="", before=before, limit=AT_ONCE)
                # Asked after the page was read: what is forgotten a part at a time is not taken for all there is.
                if run.id not in reconciliations.kept(tx):
                    raise NotFoundError("reconciliation", run.id)
            yield from page
            if len(page) < AT_ONCE:
                return
            before = page[-1].id

    def _overdue(
        self, target: str, complete: Run | None, last: Run | None, under_way: Run | None, now: datetime
    ) -> timedelta | None:
        if self._runs.next_due(target, now) is None:
            return None
        if complete is not None:
            due = self._runs.next_due(target, complete.asked_at + timedelta(microseconds=1))
        elif last is not None and last.has_failed:
            return timedelta.max
        else:
            due = under_way.asked_at if under_way is not None else None
        return max(now - due, timedelta()) if due is not None else timedelta()

    def _shown(self, tx: Connection, target: str | None) -> Mapping[str, str]:
        """Return the runs whose findings stand, by id, each with its target."""
        return {
            run.id: name
            for name, run in reconciliations.shown(tx).items()
            if name in self._runs.names and target in (None, name)
        }
