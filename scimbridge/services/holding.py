"""Placing and lifting holds, and excluding people at run time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.case import Case
from scimbridge.domain.exclusion import Exclusion, Spared
from scimbridge.domain.hold import Hold, Scope
from scimbridge.errors import LegalHoldError, NotFoundError, SeveralNamedError
from scimbridge.services.fleet import Fleet
from scimbridge.store import attempts, cases, holds, identities, journal, naming, reach, tokens
from scimbridge.store.attempts import Attempt
from scimbridge.store.database import Database
from scimbridge.store.holds import ListedHold
from scimbridge.store.values import Row


@dataclass(frozen=True, slots=True)
class Placed:
    """A new hold.

    Attributes:
        too_late_for: Attempts whose request may already have left when the hold was placed.
    """

    hold: Hold
    too_late_for: tuple[Attempt, ...]


class Holding:
    """Dated facts that stop work, and people who are never touched."""

    def __init__(self, database: Database, fleet: Fleet) -> None:
        self._database = database
        self._fleet = fleet

    def place(
        self,
        scope: Scope,
        subject: str,
        *,
        reason: str,
        by: str,
        now: datetime,
        is_legal: bool = False,
        until: datetime | None = None,
    ) -> Placed:
        """Place a hold. From its commit on nothing within its scope is released or started.

        Args:
            scope: What kind of thing it is on.
            subject: Which one; empty for everything.
            reason: Why.
            by: Who places it.
            now: When (UTC).
            is_legal: Whether it is a legal hold, which nothing but ``lift`` with a reason, or its date, ends.
            until: When it ends by itself (UTC); never where absent. Once that has passed, the next pass ends it.

        Raises:
            NotFoundError: There is no such source, target, identity or case.
        """
        with self._database.write() as tx:
            holds.enter(tx, exclusively=True)
            self._require(tx, scope, subject, now)
            hold = holds.place(tx, scope, subject, reason=reason, by=by, now=now, is_legal=is_legal, until=until)
            late = tuple(attempt for attempt in attempts.live_past_the_line(tx) if _covers(tx, hold, attempt))
            details = {"until": until.isoformat(timespec="seconds")} if until is not None else {}
            _record(tx, "hold placed", hold, reason=reason, by=by, now=now, **details)
        return Placed(hold, late)

    def identity_named(self, said: str, now: datetime) -> str:
        """Return the id of the person whom somebody names by the id, or by a userName that nobody else has or had.

        Raises:
            NotFoundError: It is neither.
            SeveralNamedError: Several have or had this userName; nobody is guessed.
        """
        with self._database.read() as tx:
            named = naming.everybody_named(tx, said)
            if len(named) > 1:
                raise SeveralNamedError(said, [f"{identity_id} ({source})" for identity_id, source in named])
            return named[0][0] if named else identities.identity_by_id(tx, said, now).id

    def lift(self, hold_id: str, *, by: str, now: datetime, reason: str = "") -> Hold:
        """Lift a hold; what became due meanwhile is released by the next sweep.

        Raises:
            NotFoundError: No hold of this id stands.
            LegalHoldError: It is a legal one, and no reason is given.
        """
        with self._database.write() as tx:
            if holds.hold_by_id(tx, hold_id).is_legal and not reason:
                raise LegalHoldError(hold_id)
            hold = holds.lift(tx, hold_id, by=by, now=now)
            record_lifted(tx, hold, reason=reason or hold.reason, by=by, now=now)
        return hold

    def lift_of_case(self, case_id: str, *, reason: str, by: str, now: datetime) -> list[Hold]:
        """Lift the holds that are on a case itself, a flood's too; not legal ones. Returns them.

        Raises:
            NotFoundError: There is no such case.
        """
        with self._database.write() as tx:
            case = cases.case_by_id(tx, case_id)
            own = [hold for hold in holds.standing_on(tx, case) if hold.scope is Scope.CASE and not hold.is_legal]
            return [self.lift(hold.id, by=by, now=now, reason=reason) for hold in own]

    def standing(self) -> list[Hold]:
        """Return the holds that stand, oldest first; those of floods are with each flood."""
        with self._database.read() as tx:
            return holds.standing(tx)

    def listed(self, limit: int, *, after: str | None = None) -> list[ListedHold]:
        """Return a page of them, the newest first, with whom each is about; ``after`` ended the page before."""
        with self._database.read() as tx:
            return holds.listed(tx, limit, after=after)

    def hold(self, hold_id: str) -> Hold:
        """Return a hold that stands.

        Raises:
            NotFoundError: None of this id stands.
        """
        with self._database.read() as tx:
            return holds.hold_by_id(tx, hold_id)

    def standing_on(self, case: Case) -> list[Hold]:
        """Return the holds that stop work in a case, a flood's among them."""
        with self._database.read() as tx:
            return holds.standing_on(tx, case)

    def own(self, case_id: str) -> list[Hold]:
        """Return the holds on a case itself and on its person: those that are lifted where the case is shown.

        Raises:
            NotFoundError: There is no such case.
        """
        with self._database.read() as tx:
            standing = holds.standing_on(tx, cases.case_by_id(tx, case_id))
        return [hold for hold in standing if hold.scope in (Scope.CASE, Scope.IDENTITY)]

    def exclude(self, exclusion: Exclusion, *, by: str, now: datetime) -> str:
        """Spare who or what an exclusion is of: from its commit on nothing is started there. Returns its id.

        Raises:
            NotFoundError: There is no such identity or target.
        """
        with self._database.write() as tx:
            holds.enter(tx, exclusively=True)
            if exclusion.spared is Spared.IDENTITY:
                identities.identity_by_id(tx, exclusion.subject, now)
            target = exclusion.subject if exclusion.spared is Spared.TARGET else exclusion.target
            if target:
                self._fleet[target]
            exclusion_id = holds.add_exclusion(tx, exclusion, by=by, now=now)
            details = {"exclusion": exclusion_id, "of": exclusion.spared}
            journal.record(tx, "exclusion added", now, reason=exclusion.reason, actor=by, details=details)
        return exclusion_id

    def end_exclusion(self, exclusion_id: str, *, by: str, now: datetime, reason: str = "") -> None:
        """End an exclusion that was made at run time.

        Raises:
            NotFoundError: None of this id stands.
        """
        with self._database.write() as tx:
            holds.end_exclusion(tx, exclusion_id, by=by, now=now)
            journal.record(tx, "exclusion ended", now, reason=reason, actor=by, details={"exclusion": exclusion_id})

    def reach(self, exclusion: Exclusion) -> int | None:
        """Return how many active identities an exclusion spares now; ``None`` where it is of something else."""
        with self._database.read() as tx:
            return reach.active_spared(tx, exclusion)

    def exclusions(self) -> Sequence[tuple[Exclusion, Row]]:
        """Return the exclusions that were made at run time and were not ended, those too whose date has passed."""
        with self._database.read() as tx:
            return [(holds.exclusion_of(row), row) for row in holds.exclusion_rows(tx)]

    def _require(self, tx: Connection, scope: Scope, subject: str, now: datetime) -> None:
        match scope:
            case Scope.EVERYTHING:
                if subject:
                    raise NotFoundError("subject for a hold on everything", subject)
            case Scope.TARGET:
                self._fleet[subject]
            case Scope.SOURCE:
                if not tokens.has_source(tx, subject):
                    raise NotFoundError("source", subject)
            case Scope.IDENTITY:
                identities.identity_by_id(tx, subject, now)
            case Scope.CASE:
                cases.case_by_id(tx, subject)


def record_lifted(tx: Connection, hold: Hold, *, reason: str, by: str, now: datetime) -> None:
    """Keep in the history that a hold was lifted, and why it had been placed."""
    _record(tx, "hold lifted", hold, reason=reason, by=by, now=now, placed_because=hold.reason)


def _record(tx: Connection, event: str, hold: Hold, *, reason: str, by: str, now: datetime, **more: str) -> None:
    journal.record(
        tx,
        event,
        now,
        reason=reason,
        actor=by,
        identity_id=hold.subject if hold.scope is Scope.IDENTITY else None,
        case_id=hold.subject if hold.scope is Scope.CASE else None,
        target=hold.subject if hold.scope is Scope.TARGET else None,
        details={"hold": hold.id, "scope": hold.scope, "legal": hold.is_legal, **more},
    )


def _covers(tx: Connection, hold: Hold, attempt: Attempt) -> bool:
    match hold.scope:
        case Scope.EVERYTHING:
            return True
        case Scope.TARGET:
            return attempt.target == hold.subject
        case Scope.SOURCE | Scope.IDENTITY | Scope.CASE:
            owner = attempts.owner(tx, attempt)
            return owner is not None and hold.subject == owner[hold.scope]
