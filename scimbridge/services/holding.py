"""Placing and lifting holds, and excluding people at run time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.exclusion import Exclusion
from scimbridge.domain.hold import Hold, Scope
from scimbridge.errors import NotFoundError
from scimbridge.services.fleet import Fleet
from scimbridge.store import attempts, cases, holds, identities, journal, tokens
from scimbridge.store.attempts import Attempt
from scimbridge.store.database import Database
from scimbridge.store.prepared import Row


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

    def place(self, scope: Scope, subject: str, *, reason: str, by: str, now: datetime) -> Placed:
        """Place a hold. From its commit on nothing within its scope is released or started.

        Raises:
            NotFoundError: There is no such target, identity or case.
        """
        with self._database.write() as tx:
            holds.enter(tx, exclusively=True)
            self._require(tx, scope, subject, now)
            hold = holds.place(tx, scope, subject, reason=reason, by=by, now=now)
            late = tuple(attempt for attempt in attempts.live_past_the_line(tx) if _covers(tx, hold, attempt))
            journal.record(
                tx,
                "hold placed",
                now,
                reason=reason,
                actor=by,
                identity_id=subject if scope is Scope.IDENTITY else None,
                case_id=subject if scope is Scope.CASE else None,
                target=subject if scope is Scope.TARGET else None,
                details={"hold": hold.id, "scope": scope},
            )
        return Placed(hold, late)

    def lift(self, hold_id: str, *, by: str, now: datetime) -> Hold:
        """Lift a hold; what became due meanwhile is released by the next sweep.

        Raises:
            NotFoundError: No hold of this id stands.
        """
        with self._database.write() as tx:
            hold = holds.lift(tx, hold_id, by=by, now=now)
            journal.record(
                tx, "hold lifted", now, reason=hold.reason, actor=by, details={"hold": hold.id, "scope": hold.scope}
            )
        return hold

    def standing(self) -> list[Hold]:
        """Return the holds that stand, oldest first."""
        with self._database.read() as tx:
            return holds.standing(tx)

    def exclude(self, exclusion: Exclusion, *, by: str, now: datetime) -> str:
        """Spare who or what an exclusion is of, from now on. Returns its id."""
        with self._database.write() as tx:
            exclusion_id = holds.add_exclusion(tx, exclusion, by=by, now=now)
            details = {"exclusion": exclusion_id, "of": exclusion.spared}
            journal.record(tx, "exclusion added", now, reason=exclusion.reason, actor=by, details=details)
        return exclusion_id

    def end_exclusion(self, exclusion_id: str, *, by: str, now: datetime) -> None:
        """End an exclusion that was made at run time.

        Raises:
            NotFoundError: None of this id stands.
        """
        with self._database.write() as tx:
            holds.end_exclusion(tx, exclusion_id, by=by, now=now)
            journal.record(tx, "exclusion ended", now, reason="", actor=by, details={"exclusion": exclusion_id})

    def exclusions(self) -> Sequence[Row]:
        """Return the exclusions that were made at run time and stand."""
        with self._database.read() as tx:
            return holds.exclusion_rows(tx)

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


def _covers(tx: Connection, hold: Hold, attempt: Attempt) -> bool:
    match hold.scope:
        case Scope.EVERYTHING:
            return True
        case Scope.TARGET:
            return attempt.target == hold.subject
        case Scope.SOURCE | Scope.IDENTITY | Scope.CASE:
            owner = attempts.owner(tx, attempt)
            return owner is not None and hold.subject == owner[hold.scope]
