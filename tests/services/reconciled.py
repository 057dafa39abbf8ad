"""A bench whose targets are reconciled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

from sqlalchemy import select

from connectors.sample.record import Record
from scimbridge.domain.reconciliation import AccountFinding, Mismatch, Run
from scimbridge.domain.wakeup import WakeUp
from scimbridge.services.findings import FindingQuery, Findings, Reconciled
from scimbridge.services.halt import Halt
from scimbridge.services.inventory import Inventory
from scimbridge.services.reconciliation_runs import ReconciliationRuns
from scimbridge.services.reconciliation_work import ReconciliationWork
from scimbridge.services.reconciling import Reconciling
from scimbridge.store.schema import history
from tests.services.bench import Bench, MemoryTarget

EVERYTHING = FindingQuery()


@dataclass
class World:
    """A bench whose targets are reconciled.

    Attributes:
        queued: The runs that the queue has messages for.
        slept: Called when a run waits for a place.
    """

    bench: Bench
    queued: set[str] = field(default_factory=set)
    halt: Halt = field(default_factory=Halt)
    slept: Callable[[], object] = lambda: None
    told: list[WakeUp] = field(default_factory=list)

    def __post_init__(self) -> None:
        bench = self.bench
        self.runs = ReconciliationRuns(
            bench.database, bench.fleet, self.told.extend, lambda _target: frozenset(self.queued)
        )
        self.worker = self.a_worker()
        self.findings = Findings(bench.database, self.runs)

    def a_worker(self) -> ReconciliationWork:
        bench = self.bench
        comparing = Reconciling(bench.database, bench.fleet, bench.rulebook)
        return ReconciliationWork(
            bench.database, bench.fleet, Inventory(bench.fleet), comparing, bench.clock, self.halt, self._sleep
        )

    def _sleep(self, seconds: float) -> None:
        self.bench.clock.advance(timedelta(seconds=seconds))
        self.slept()

    @property
    def crm(self) -> MemoryTarget:
        return self.bench.systems["crm"]

    def reconcile(self, **asked: Any) -> Run:
        run = self.runs.ask("crm", by="olga", now=self.bench.clock(), **asked)
        self.worker.work(run.id)
        return self.runs.by_id(run.id)

    def found(self, query: FindingQuery = EVERYTHING) -> list[tuple[str, Mismatch]]:
        return [(each.name, each.kind) for each in self.all(query)]

    def all(self, query: FindingQuery = EVERYTHING) -> Sequence[AccountFinding]:
        return self.findings.listed(query, limit=100)

    def history(self, event: str) -> tuple[str, str]:
        """Return the reason and the actor of the last entry about an event."""
        query = select(history.c.reason, history.c.actor).where(history.c.event == event)
        with self.bench.database.read() as tx:
            reason, actor = tx.execute(query.order_by(history.c.id.desc()).limit(1)).one()
        return reason, actor

    @property
    def crm_stands(self) -> Reconciled:
        (found,) = self.findings.targets(self.bench.clock())
        return found

    def before_page(self, number: int, do: Callable[[], object]) -> None:
        """Have something happen right before the target tells a page."""
        pages, listed = count(1), self.crm.listed

        def tell(after: str, most: int) -> Sequence[Record]:
            if next(pages) == number:
                do()
            return listed(after, most)

        vars(self.crm)["listed"] = tell

    def ghosts(self, number: int) -> None:
        for each in range(number):
            self.crm.add(f"ghost{each}")
