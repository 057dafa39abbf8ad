"""What operators see of floods, and what they decide about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.case import CaseState
from scimbridge.domain.flood import Decision, Flood
from scimbridge.domain.wakeup import WakeUp
from scimbridge.errors import FloodClosedError, FloodGrownError
from scimbridge.services import settling
from scimbridge.services.intake import Submit
from scimbridge.services.returning import Returning
from scimbridge.store import assignments, cases, floods, guard, journal
from scimbridge.store.database import Database
from scimbridge.store.floods import Extent
from scimbridge.store.values import Row

RELEASED_AT_ONCE = 500
CANCELED_AT_ONCE = 25
"""Cases in one transaction; a worker or a source that is concerned by one of them waits for all."""

SHOWN = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodSummary:
    """One flood in a list."""

    flood: Flood
    extent: Extent


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodStory:
    """A flood, with what belongs to it.

    Attributes:
        held: Cases that it holds, with ``case_id``, ``source``, ``user_name`` and ``hold_id``; capped at 1000.
        started: Tasks that have changed something, or may have, with ``case_id``, ``source``, ``user_name``,
            ``action``, ``target``, ``state`` and ``is_past_the_line``; capped at 1000.
        beside: Other floods that wait for a person and have some of the same cases: another limit has tripped, too.
    """

    flood: Flood
    extent: Extent
    held: Sequence[Row]
    started: Sequence[Row]
    beside: Sequence[Flood]


class Flooding:
    """Lists, releases and cancels floods.

    A decision is one small transaction: from then on it stands, and the flood takes nobody in. Carrying it out takes
    many, each about a few cases, and goes on wherever it was left: whoever asks again, or a sweeper, finishes it.
    """

    def __init__(self, database: Database, returning: Returning, submit: Submit) -> None:
        self._database = database
        self._returning = returning
        self._submit = submit

    def standing(self) -> list[FloodSummary]:
        """Return the floods that wait for a person, oldest first."""
        with self._database.read() as tx:
            return _summaries(tx, floods.standing(tx))

    def standing_count(self) -> int:
        """Return how many floods wait for a person."""
        with self._database.read() as tx:
            return len(floods.standing(tx))

    def closed(self, limit: int = 100) -> list[FloodSummary]:
        """Return floods that somebody decided about, the newest decision first."""
        with self._database.read() as tx:
            return _summaries(tx, floods.closed(tx, limit))

    def story(self, flood_id: str) -> FloodStory:
        """Return everything about a flood.

        Raises:
            NotFoundError: There is no such flood.
        """
        with self._database.read() as tx:
            flood = floods.flood_by_id(tx, flood_id)
            return FloodStory(
                flood=flood,
                extent=floods.extent(tx, flood_id),
                held=floods.held_case_rows(tx, flood_id, SHOWN),
                started=floods.started_rows(tx, flood_id, SHOWN),
                beside=floods.standing_beside(tx, flood_id),
            )

    def release(self, flood_id: str, *, reason: str, by: str, now: datetime, seen: int | None = None) -> Flood:
        """Decide that a flood was meant: its cases go on, and counting starts anew.

        Nothing has been carried out when this returns; see ``carry_out``. Deciding the same again changes nothing.

        Args:
            flood_id: The flood.
            reason: Why.
            by: Who.
            now: When (UTC).
            seen: How many cases it had when they looked at it; how many it has does not matter where absent.

        Raises:
            NotFoundError: There is no such flood.
            FloodClosedError: It was canceled.
            FloodGrownError: It has more cases by now than somebody has seen.
        """
        return self._decide(flood_id, Decision.RELEASED, reason=reason, by=by, now=now, seen=seen)

    def cancel(self, flood_id: str, *, gives_back: bool = False, reason: str, by: str, now: datetime) -> Flood:
        """Decide that a flood was a mistake: its open cases are called off.

        Who had something taken counts on until their time in the window is over: the mistake may go on, and then
        what follows is held as a flood of its own. However much it has grown meanwhile: it can be stopped at any time.

        Args:
            flood_id: The flood.
            gives_back: Give back what its cases have taken, although the source still says that they left.
            reason: Why.
            by: Who.
            now: When (UTC).

        Raises:
            NotFoundError: There is no such flood.
            FloodClosedError: It was released.
        """
        return self._decide(flood_id, Decision.CANCELED, reason=reason, by=by, now=now, gives_back=gives_back)

    def carry_out(self, flood_id: str, now: datetime) -> Iterator[int]:
        """Do what was decided about a flood, and yield after each transaction how many cases are left."""
        while True:
            wakeups: list[WakeUp] = []
            with self._database.write() as tx:
                flood = floods.flood_by_id(tx, flood_id)
                if flood.decision is Decision.RELEASED:
                    some = floods.next_unsettled(tx, flood_id, RELEASED_AT_ONCE)
                    _release(tx, flood, some, now)
                else:
                    some = floods.next_unsettled(tx, flood_id, CANCELED_AT_ONCE)
                    wakeups = self._cancel(tx, flood, some, now)
                floods.settle_cases(tx, flood_id, [case_id for case_id, _ in some], by=flood.closed_by or "", now=now)
                floods.settle(tx, flood_id, now)
                left = floods.unsettled_count(tx, flood_id)
            self._submit(wakeups)
            yield left
            if not some or not left:
                return

    def finish(self, now: datetime) -> int:
        """Carry out what somebody decided and did not come to the end of. Returns for how many floods."""
        with self._database.read() as tx:
            unsettled = floods.unsettled(tx)
        for flood in unsettled:
            for _ in self.carry_out(flood.id, now):
                pass
        return len(unsettled)

    def _decide(
        self,
        flood_id: str,
        decision: Decision,
        *,
        reason: str,
        by: str,
        now: datetime,
        gives_back: bool = False,
        seen: int | None = None,
    ) -> Flood:
        with self._database.write() as tx:
            # The counter first, like whoever plans: then nobody joins the flood any more.
            guard.end_flood(tx, flood_id, start_anew=decision is Decision.RELEASED)
            flood = floods.flood_by_id(tx, flood_id, lock=True)
            if flood.decision is not None:
                if flood.decision is not decision or flood.gives_back is not gives_back:
                    raise FloodClosedError(flood_id, flood.decision, flood.closed_by or "")
                return flood
            if seen is not None and (cases_now := floods.extent(tx, flood_id).cases) > seen:
                raise FloodGrownError(flood_id, cases_now, seen)
            floods.close(tx, flood, decision, by=by, reason=reason, gives_back=gives_back, now=now)
            details = {"flood": flood_id, "gives_back": gives_back}
            journal.record(tx, f"flood {decision}", now, reason=reason, actor=by, details=details)
            return floods.flood_by_id(tx, flood_id)

    def _cancel(self, tx: Connection, flood: Flood, some: Sequence[tuple[str, str]], now: datetime) -> list[WakeUp]:
        # In one order, because others lock several identities, too.
        for identity_id in sorted({identity_id for _, identity_id in some}):
            cases.lock_identity(tx, identity_id)
        wakeups: list[WakeUp] = []
        by, reason = flood.closed_by or "", f"flood canceled: {flood.closing_reason}"
        for case_id, identity_id in some:
            case = cases.case_by_id(tx, case_id)
            if case.state is CaseState.OPEN:
                settling.cancel(tx, case, reason, now, actor=by)
                assignments.forget(tx, identity_id)
                if not floods.has_started(tx, case_id):
                    guard.unmark(tx, flood, case)
            if flood.gives_back:
                wakeups += self._returning.give_back(tx, case, by=by, reason=reason, now=now).wakeups
        return wakeups


def _release(tx: Connection, flood: Flood, some: Sequence[tuple[str, str]], now: datetime) -> None:
    for case_id, identity_id in some:
        journal.record(
            tx,
            "released by the guard",
            now,
            reason=flood.closing_reason,
            actor=flood.closed_by or "",
            identity_id=identity_id,
            case_id=case_id,
            details={"flood": flood.id},
        )


def _summaries(tx: Connection, found: Sequence[Flood]) -> list[FloodSummary]:
    extents = floods.extents(tx, [flood.id for flood in found])
    return [FloodSummary(flood=flood, extent=extents[flood.id]) for flood in found]
