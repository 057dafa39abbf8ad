"""End dates: kept when a source says one, and taken for facts when they have passed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.identity import Identity
from scimbridge.domain.lifecycle import NO_END, End, end_of, said_about_end
from scimbridge.domain.source import Profiles
from scimbridge.domain.trigger import Fact, Trigger
from scimbridge.services.due_dates import see_to_each
from scimbridge.services.planning import NOTHING, Planner, Verdict
from scimbridge.services.returning import Returning
from scimbridge.store import cases, endings, identities, journal
from scimbridge.store.database import Database


class Ending:
    """Knows when the time of identities ends, and opens their cases."""

    def __init__(self, database: Database, planner: Planner, returning: Returning, profiles: Profiles) -> None:
        self._database = database
        self._planner = planner
        self._returning = returning
        self._profiles = profiles

    def note(self, tx: Connection, before: Identity | None, after: Identity, now: datetime) -> Verdict:
        """Keep the end date of a User that was created or changed.

        Where an end had been taken for a fact, and is now later or gone, what it planned is called
        off. What was taken is given back for a later date only: an end date that is missing is no fact.

        The caller holds the identity's lock.

        Returns:
            What followed from it; empty for the many whose end is as it was.
        """
        profile = self._profiles.of(after.source)
        if before is not None and said_about_end(before.document, profile) == said_about_end(after.document, profile):
            return NOTHING
        said = end_of(after.document, profile)
        known = end_of(before.document, profile) if before is not None else NO_END
        if said == known:
            return NOTHING
        endings.set_end(tx, after.id, said.at)
        _record(tx, after, said, now)
        if known.at is None or known.at > now or (said.at is not None and said.at <= now):
            return NOTHING
        return self._extended(tx, after, said, now)

    def run(self, now: datetime) -> tuple[int, list[Verdict]]:
        """Take for facts what has ended. Returns how many, and what followed."""
        verdicts = see_to_each(lambda most: self._due(now, most), lambda identity_id: self._end(identity_id, now))
        return len(verdicts), verdicts

    def _due(self, now: datetime, most: int) -> Mapping[str, str]:
        with self._database.read() as tx:
            return {identity_id: identity_id for identity_id in endings.due(tx, now, most)}

    def _end(self, identity_id: str, now: datetime) -> Verdict | None:
        with self._database.write() as tx:
            cases.lock_identity(tx, identity_id)
            if not endings.take(tx, identity_id, now):
                return None  # another sweeper was faster, or the date was moved
            identity = identities.identity_by_id(tx, identity_id, now)
            fact = Fact(trigger=Trigger.ENDED, identity_id=identity_id, source=identity.source, at=now)
            if not identity.active and cases.open_case_of(tx, [identity_id]) is None:
                return self._planner.leave_alone(tx, fact, "inactive already")
            return self._planner.take(tx, fact, identity)

    def _extended(self, tx: Connection, identity: Identity, said: End, now: datetime) -> Verdict:
        case = cases.open_case_of(tx, [identity.id])
        last = case or cases.last_leave_of(tx, [identity.id])
        if identity.is_gone or last is None or last.trigger is not Trigger.ENDED:
            return NOTHING
        return self._returning.take(tx, identity, now, same_person=said.at is not None)


def _record(tx: Connection, identity: Identity, said: End, now: datetime) -> None:
    if said.is_odd:
        event, reason = "end date odd", "the end date is no date; nothing follows from it"
    elif said.at is not None:
        event, reason = "end date set", f"ends at {said.at:%Y-%m-%d %H:%M} UTC"
    else:
        event, reason = "end date cleared", "there is no end"
    journal.record(tx, event, now, reason=reason, actor=identity.source, identity_id=identity.id)
