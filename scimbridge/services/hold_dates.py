"""Holds that were placed until a date: they stand until a pass ends them, and what waited is asked about as always."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from scimbridge.domain.times import moment
from scimbridge.services.due_dates import see_to_each
from scimbridge.services.holding import record_lifted
from scimbridge.services.planning import NOTHING, Verdict
from scimbridge.store import holds, journal
from scimbridge.store.database import Database


class HoldDates:
    """Ends holds whose date has come."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def run(self, now: datetime) -> tuple[int, list[Verdict]]:
        """End them; the next pass releases what became due meanwhile. Returns how many, and what followed."""
        verdicts = see_to_each(lambda most: self._due(now, most), lambda hold_id: self._end(hold_id, now))
        return len(verdicts), verdicts

    def _due(self, now: datetime, most: int) -> Mapping[str, str]:
        with self._database.read() as tx:
            return {hold_id: hold_id for hold_id in holds.over(tx, now, most)}

    def _end(self, hold_id: str, now: datetime) -> Verdict | None:
        with self._database.write() as tx:
            hold = holds.end(tx, hold_id, by=journal.BRIDGE, now=now)
            if hold is None or hold.until is None:
                return None  # another sweeper was faster, or somebody has lifted it
            record_lifted(tx, hold, reason=f"it was placed until {moment(hold.until)}", by=journal.BRIDGE, now=now)
        return NOTHING
