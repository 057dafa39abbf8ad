"""What workers and sweepers do."""

from __future__ import annotations

import os
import socket
from functools import cached_property
from typing import TYPE_CHECKING

import structlog

from scimbridge.bridge.facts import Facts
from scimbridge.queue.crew import Crew
from scimbridge.services.census import Census
from scimbridge.services.claiming import Claiming
from scimbridge.services.deadlines import Deadlines
from scimbridge.services.delivering import Delivering
from scimbridge.services.eligibility import Eligibility
from scimbridge.services.erasing import Erasing
from scimbridge.services.execution import Execution
from scimbridge.services.forgetting import Forgetting
from scimbridge.services.hold_dates import HoldDates
from scimbridge.services.inventory import Inventory
from scimbridge.services.pausing import Pausing
from scimbridge.services.reconciliation_runs import ReconciliationRuns
from scimbridge.services.reconciliation_work import ReconciliationWork
from scimbridge.services.reconciling import Reconciling
from scimbridge.services.recording import Recording
from scimbridge.services.retaining import Retaining
from scimbridge.services.successors import Successors
from scimbridge.services.sweeping import Sweeping
from scimbridge.services.tallying import Tallying
from scimbridge.services.telling import Telling

if TYPE_CHECKING:
    from scimbridge.services.sealing import Sealing


class Work(Facts):
    """What workers and sweepers do."""

    @cached_property
    def execution(self) -> Execution:
        """What a worker does."""
        worker = f"{socket.gethostname()}-{os.getpid()}"
        eligibility = Eligibility(self.rulebook, self.standing, self.timing)
        claiming = Claiming(self.database, self.fleet, eligibility, self.guarding, worker, self._lease)
        recording = Recording(self.database, _alarm, self.alarms, self.stale_accounts.called_off)
        tell = self._telling(claiming).tell if self.settings.notices is not None else None
        successors = Successors(self.database, self.settings.profiles)
        return Execution(
            self.database, self.fleet, claiming, recording, self.leases, self.clock, tell, successors, self.halt
        )

    def _telling(self, claiming: Claiming) -> Telling:
        channels = self.settings.notices
        assert channels is not None  # noqa: S101  # whoever asks has looked
        return Telling(
            self.database, self.fleet, claiming, channels, self.settings.profiles, self.settings.freezes, self.clock
        )

    @cached_property
    def crew(self) -> Crew:
        """The threads of a worker process."""
        return Crew(
            self._redis,
            {target.name: target.concurrency for target in self.fleet},
            self.execution.work,
            self.courier.submit,
            lambda target, limit: self.sweeping.runnable(target, self.clock(), limit),
            self.reconciliation_work.work,
        )

    @cached_property
    def reconciliation_work(self) -> ReconciliationWork:
        """Who works on runs of reconciliation."""
        return ReconciliationWork(self.database, self.fleet, self.inventory, self.reconciling, self.clock, self.halt)

    @cached_property
    def inventory(self) -> Inventory:
        """Which accounts there are at targets."""
        return Inventory(self.fleet)

    @cached_property
    def reconciling(self) -> Reconciling:
        """What targets really have, against what is known of them."""
        return Reconciling(self.database, self.fleet, self.rulebook)

    @cached_property
    def reconciliation_runs(self) -> ReconciliationRuns:
        """Who asks for runs of reconciliation."""
        return ReconciliationRuns(self.database, self.fleet, self.courier.submit, self.courier.queued)

    @cached_property
    def sweeping(self) -> Sweeping:
        """What happens by the clock."""
        return Sweeping(
            self.database,
            self.fleet,
            (self.hold_dates, self.ending, self.requesting),
            self.courier.submit,
            self.courier.queued,
            self.timing,
        )

    @cached_property
    def hold_dates(self) -> HoldDates:
        """What ends holds whose date has come."""
        return HoldDates(self.database)

    @cached_property
    def census(self) -> Census:
        """How many identities are active, for the guard's percentages."""
        return Census(self.database, self.settings.guard)

    @cached_property
    def tallying(self) -> Tallying:
        """Counts what has happened, by day."""
        return Tallying(self.database)

    @cached_property
    def deadlines(self) -> Deadlines:
        """What is late."""
        return Deadlines(self.database, self.alarms, self.timing)

    @cached_property
    def pausing(self) -> Pausing:
        """Pauses what cannot be used."""
        return Pausing(self.database, self.fleet, self.alarms, _alarm)

    def deliver(self) -> int:
        """Send the alarms that are due. Returns how many were sent."""
        if self.settings.notices is None:
            return 0
        return Delivering(self.database, self.settings.notices, self.clock).run()

    @cached_property
    def forgetting(self) -> Forgetting:
        """What is deleted once nobody asks for it any more."""
        return Forgetting(self.database)

    @cached_property
    def erasing(self) -> Erasing:
        """Erases whom their source has deleted."""
        return Erasing(self.database)

    @cached_property
    def retaining(self) -> Retaining:
        """What is kept no longer."""
        return Retaining(self.database, self.settings.retention, self.erasing)

    @cached_property
    def sealing(self) -> Sealing:
        """What seals the history.

        Raises:
            InvalidKeyError: The key's file cannot be used.
        """
        from scimbridge.services.seal_key import SealKey
        from scimbridge.services.sealing import Sealing

        return Sealing(self.database, SealKey.of_file(self.settings.seal_key))


def _alarm(target: str, reason: str) -> None:
    structlog.get_logger("scimbridge.alarm").error(
        "target paused: mend it, then run `scimbridge targets resume`",
        action="target.paused",
        target=target,
        reason=reason,
    )
