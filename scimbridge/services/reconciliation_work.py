"""What a worker does with a run of reconciliation: it asks for all accounts, a page at a time, and changes none.

A run takes one of its target's places while it reads. It gives the place up between two pages where somebody's
access has to be taken away and there is no other one: leavers never wait for a list.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from scimbridge.domain.ids import new_id
from scimbridge.domain.letting_go import attempts_at_once
from scimbridge.domain.number import number_of
from scimbridge.domain.reconciliation import AccountFinding, Mismatch, Run, RunOutcome, is_doubtful
from scimbridge.errors import NotFoundError, StoreError
from scimbridge.sdk.errors import ANYTHING_RAISED, ConnectorError, RejectedError
from scimbridge.sdk.listing import AccountSummary
from scimbridge.services.fleet import Fleet
from scimbridge.services.halt import Halt
from scimbridge.services.inventory import Inventory
from scimbridge.services.reconciling import Compared, Reconciling
from scimbridge.store import agenda, attempts, findings, journal, reconciliations, targets
from scimbridge.store.database import Database

BATCH = 200
"""Accounts that are compared, and whose findings are written, at once."""

FORGOTTEN_AT_ONCE = 1000

LEASE = timedelta(minutes=10)
"""A run that was not heard of for this long is taken up by somebody else; a call for a page has a shorter deadline."""

PLACE = timedelta(minutes=1)
"""How long a place is taken at most by a worker that has died: leavers need it."""

PATIENCE = timedelta(minutes=5)
"""How long a run waits for a place, or for a paused target: what a list goes on from does not live for long."""

LOOK_EVERY = 1.0
"""Seconds."""

Beat = Callable[[int], None]

log = structlog.get_logger("scimbridge.reconciliation")


class _LostError(Exception):
    """The run is somebody else's by now."""


class _StoppedError(Exception):
    """This process is about to end."""


class _BrokenOffError(Exception):
    """The target had no place for too long."""


@dataclass(slots=True)
class _Reading:
    """A run that is under way.

    Attributes:
        before: The run whose findings are shown; what it found, too, keeps its first date.
        began_at: When; what the bridge has done at the target since may not show in the list.
        since: Stale is what nobody has signed in with from then on; nothing is, where absent.
        accounts: How many were looked at.
        signed_in_at: When somebody last signed in with any of them, at the latest.
        has_begun: Whether the target has told anything.
        has_place: Whether it takes one of the target's places.
    """

    run: Run
    before: Run | None
    began_at: datetime
    since: datetime | None
    accounts: int = 0
    signed_in_at: datetime | None = None
    has_begun: bool = False
    has_place: bool = False

    @property
    def had_list(self) -> bool:
        """Whether the target has given out a list, now or before."""
        return self.has_begun or self.told_before > 0

    @property
    def told_before(self) -> int:
        """Of how many accounts the target told when it last told of all."""
        return self.before.accounts if self.before is not None and self.before.is_complete else 0

    def saw(self, some: Sequence[AccountSummary], now: datetime) -> None:
        """Take in some accounts. What is said to be yet to come was no sign-in."""
        self.accounts += len(some)
        past = (each for each in some if isinstance(each.signed_in_at, datetime) and each.signed_in_at <= now)
        told = (self.signed_in_at, *(each.signed_in_by for each in past))
        self.signed_in_at = max((at for at in told if at is not None), default=None)


class ReconciliationWork:
    """Works on runs. SQL decides whose they are.

    Args:
        database: The store.
        fleet: The targets.
        inventory: Asks them.
        reconciling: Compares.
        clock: Tells the time (UTC).
        halt: Asked before a run is begun, and between its pages: what is stopped is begun anew by somebody else.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        database: Database,
        fleet: Fleet,
        inventory: Inventory,
        reconciling: Reconciling,
        clock: Callable[[], datetime],
        halt: Halt,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._fleet = fleet
        self._inventory = inventory
        self._reconciling = reconciling
        self._clock = clock
        self._halt = halt
        self._sleep = sleep

    def work(self, run_id: str, beat: Beat = lambda _accounts: None) -> None:
        """Work on a run until it has ended, unless somebody else does.

        Args:
            run_id: Which one.
            beat: Called after each page with the number of accounts that were looked at so far.
        """
        reading = self._begin(run_id)
        if reading is None:
            return
        try:
            self._read(reading, beat)
        except _LostError:
            log.warning("somebody else has taken the run up", action="reconciliation.lost", run=run_id)
        except StoreError:
            raise  # it is taken up again when its lease ends
        except (_StoppedError, KeyboardInterrupt) as error:
            self._give_back(reading)
            if isinstance(error, KeyboardInterrupt):
                raise
        except RejectedError as error:
            self._end(reading, RunOutcome.BROKEN_OFF if reading.had_list else RunOutcome.NO_LIST, str(error))
        except (ConnectorError, _BrokenOffError) as error:
            self._end(reading, RunOutcome.BROKEN_OFF, str(error))
        except ANYTHING_RAISED as error:  # a connector's bug must not take the worker along
            log.exception("reconciliation broke", action="reconciliation", run=run_id, target=reading.run.target)
            reason = f"unexpected {type(error).__name__} in the connector; see the worker's log"
            self._end(reading, RunOutcome.BROKEN_OFF, reason)
        else:
            self._end(reading, *self._verdict(reading))

    def _begin(self, run_id: str) -> _Reading | None:
        if self._halt:
            return None
        now = self._clock()
        with self._database.write() as tx:
            try:
                run = reconciliations.run_by_id(tx, run_id)
            except NotFoundError:
                return None  # a message that came late: later runs have ended since
            # Not locked: whoever reads locks its run first, and the target then.
            if run.target not in self._fleet or targets.all_targets(tx)[run.target]["paused_at"] is not None:
                return None
            if not reconciliations.begin(tx, run_id, new_id(now), lease_until=now + LEASE, now=now):
                return None
            run = reconciliations.run_by_id(tx, run_id)
            before = reconciliations.shown(tx).get(run.target)
        return _Reading(run, before, now, run.since)

    def _read(self, reading: _Reading, beat: Beat) -> None:
        self._forget_former(reading)
        self._wait_for_place(reading)
        for page in self._inventory.pages(reading.run.target):
            reading.has_begun = True
            # A page without any accounts is a sign of life, too.
            for start in range(0, max(len(page), 1), BATCH):
                self._take(reading, page[start : start + BATCH])
            beat(reading.accounts)
            self._wait_for_place(reading)

    def _verdict(self, reading: _Reading) -> tuple[RunOutcome, str]:
        """Return how a run ends whose list has come to its end, and why it is not believed, if it is not."""
        told, before = reading.accounts, reading.told_before
        if not is_doubtful(told, before, self._fleet[reading.run.target].lost_percent):
            return RunOutcome.COMPLETE, ""
        with self._database.read() as tx:
            # Asked only now: somebody may have said while it was under way that it is to be believed.
            if reconciliations.is_believed(tx, reading.run.id):
                return RunOutcome.COMPLETE, ""
        return RunOutcome.NOT_BELIEVED, (
            f"the target told of {number_of(told, 'account')}, and of {before} when it last told of all; look at what "
            "its credentials may read, and have it believed if it really has so few"
        )

    def _forget_former(self, reading: _Reading) -> None:
        """Forget what somebody found who died over the run: it is found again."""
        found = FORGOTTEN_AT_ONCE
        while found == FORGOTTEN_AT_ONCE:
            now = self._clock()
            with self._database.write() as tx:
                self._go_on(tx, reading, now)
                found = findings.forget(tx, reading.run.id, FORGOTTEN_AT_ONCE)

    def _go_on(self, tx: Connection, reading: _Reading, now: datetime) -> None:
        """Keep the run; before anything is written for it.

        Raises:
            _LostError: It is somebody else's by now.
        """
        if not reconciliations.go_on(tx, reading.run, accounts=reading.accounts, lease_until=now + LEASE):
            raise _LostError

    def _take(self, reading: _Reading, some: Sequence[AccountSummary]) -> None:
        """Compare some accounts, and keep what is wrong with them."""
        run, now = reading.run, self._clock()
        compared = self._reconciling.compare(run.target, some, reading.began_at, reading.since)
        reading.saw(some, now)
        with self._database.write() as tx:
            self._go_on(tx, reading, now)
            native_ids = {account.id for account in some}
            if native_ids:
                known = findings.known(tx, reading.before.id, native_ids) if reading.before else {}
                # An account that comes twice in one page counts as it came last.
                found = {each.account.id: each for each in compared}.values()
                findings.store(tx, run.id, native_ids, _findings(run, found, known, now))
            self._keep_place(tx, reading, now)

    def _keep_place(self, tx: Connection, reading: _Reading, now: datetime) -> None:
        """Keep the place at the target, or take one; give it up where a leaver needs it, or the target is paused."""
        name = reading.run.target
        row = targets.lock(tx, name)
        left = attempts_at_once(self._fleet[name].concurrency, row["resumed_at"], now) - attempts.live_count(tx, name)
        is_needed = left <= 1 and bool(agenda.runnable_accounts(tx, name, now, 1))
        reading.has_place = row["paused_at"] is None and left >= 1 and not is_needed
        targets.read_until(tx, name, now + PLACE if reading.has_place else None)

    def _wait_for_place(self, reading: _Reading) -> None:
        """Return once the run has a place; its lease goes on meanwhile.

        Raises:
            _BrokenOffError: There was none for too long.
        """
        until = self._clock() + PATIENCE
        while True:
            if self._halt.is_stopped:
                raise _StoppedError
            if reading.has_place:
                return
            now = self._clock()
            if now > until:
                raise _BrokenOffError("the target was paused, or had no place beside its leavers, for too long")
            with self._database.write() as tx:
                self._go_on(tx, reading, now)
                self._keep_place(tx, reading, now)
            if not reading.has_place:
                self._sleep(LOOK_EVERY)

    def _give_back(self, reading: _Reading) -> None:
        with self._database.write() as tx:
            if reconciliations.give_back(tx, reading.run):
                targets.read_until(tx, reading.run.target, None)

    def _end(self, reading: _Reading, outcome: RunOutcome, reason: str) -> None:
        run, now = reading.run, self._clock()
        with self._database.write() as tx:
            counts = findings.tally(tx, run.id)
            is_ended = reconciliations.end(
                tx, run, outcome, reason=reason, counts=counts, signed_in_at=reading.signed_in_at, now=now
            )
            if not is_ended:
                return
            targets.read_until(tx, run.target, None)
            details = {"run": run.id, "accounts": reading.accounts, "found": sum(counts.values())}
            said = f"{outcome}: {reason}" if reason else outcome.value
            journal.record(tx, "reconciliation ended", now, reason=said, details=details, target=run.target)
        log.info("reconciliation", action=f"reconciliation.{outcome.name.lower()}", run=run.id, target=run.target)
        self._tidy(run.target)

    def _tidy(self, target: str) -> None:
        """Forget the runs whose findings nobody is shown any more."""
        with self._database.read() as tx:
            kept = reconciliations.kept(tx)
            over = [run_id for run_id in reconciliations.ended_ids(tx, target) if run_id not in kept]
        for run_id in over:
            self._forget_findings(run_id)
            with self._database.write() as tx:
                reconciliations.forget(tx, run_id)

    def _forget_findings(self, run_id: str) -> None:
        found = FORGOTTEN_AT_ONCE
        while found == FORGOTTEN_AT_ONCE:
            with self._database.write() as tx:
                found = findings.forget(tx, run_id, FORGOTTEN_AT_ONCE)


def _findings(
    run: Run, compared: Iterable[Compared], known: Mapping[findings.Key, findings.Known], now: datetime
) -> list[AccountFinding]:
    return [
        _finding(run, each, kind, known.get((each.account.id, kind)), now)
        for each in compared
        for kind in each.mismatches
    ]


def _finding(
    run: Run, compared: Compared, kind: Mismatch, before: findings.Known | None, now: datetime
) -> AccountFinding:
    account = compared.account
    return AccountFinding(
        id=before.id if before else new_id(now),
        run_id=run.id,
        target=run.target,
        kind=kind,
        native_id=account.id,
        name=account.name,
        suspended=account.suspended,
        signed_in_at=account.signed_in_at if isinstance(account.signed_in_at, datetime) else None,
        first_seen_at=before.first_seen_at if before else now,
        owners=compared.owners,
    )
