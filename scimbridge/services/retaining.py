"""Retaining: records are kept for as long as the settings say, and no longer; in small transactions, by any number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from scimbridge import telemetry
from scimbridge.domain.retention import Retention, kept_since
from scimbridge.errors import ErasureRefusedError
from scimbridge.services.erasing import Erasing
from scimbridge.store import aging, cases, holds, journal
from scimbridge.store.aging import Kind, Place
from scimbridge.store.database import Database

BATCH = 200
"""Records that one transaction looks at, in some ten milliseconds: sources wait no longer than for one another."""

PEOPLE = 20
"""People that are erased in one turn, each in a transaction of its own."""

Turn = Callable[[datetime, Place | None, datetime], tuple[int, Place | None]]
"""Takes what is from before a time and behind a place. Returns of how many records, and the place to go on from."""

log = structlog.get_logger("scimbridge.retaining")


class Retaining:
    """Removes what is old enough, and spares who has an open case or is held.

    Each turn is one transaction of each kind, so that others write in between. What is spared is looked at
    once a day. Killed at any line, it begins the day's work anew.
    """

    def __init__(self, database: Database, retention: Retention, erasing: Erasing) -> None:
        self._database = database
        self._erasing = erasing
        kinds = {"requests": aging.REQUESTS, "attempts": aging.ATTEMPTS, "snapshots": aging.SNAPSHOTS}
        kept = {"requests": retention.requests, "attempts": retention.attempts, "snapshots": retention.attempts}
        self._kept = {**kept, "leavers": retention.leavers}
        self._turns: Mapping[str, Turn] = {
            **{name: self._turn_of(kind) for name, kind in kinds.items()},
            "leavers": self._erase,
        }
        self._behind: dict[str, Place | None] = {}
        self._done: dict[str, datetime] = {}

    def run(self, now: datetime) -> int:
        """Take one turn of each kind. Returns how many records were removed, or people erased."""
        return sum(self._take(name, now) for name in self._turns)

    def _take(self, name: str, now: datetime) -> int:
        before = kept_since(self._kept[name], now)
        if before is None or self._done.get(name) == before:
            return 0
        removed, place = self._turns[name](before, self._behind.get(name), now)
        self._behind[name] = place
        if place is None:
            self._done[name] = before
        if removed:
            telemetry.REMOVED.labels(name).inc(removed)
            log.info("removed", action="retain", what=name, count=removed, before=before.date().isoformat())
        return removed

    def _turn_of(self, kind: Kind) -> Turn:
        def turn(before: datetime, behind: Place | None, _now: datetime) -> tuple[int, Place | None]:
            with self._database.write() as tx:
                holds.enter(tx)
                found = kind.find(tx, before, behind, BATCH)
                stays = aging.spared(tx, found)
                goes = [each.key for each in found if each.key not in stays]
                removed = kind.remove(tx, goes) if goes else 0
            return removed, found[-1].place if len(found) == BATCH else None

        return turn

    def _erase(self, before: datetime, behind: Place | None, now: datetime) -> tuple[int, Place | None]:
        with self._database.read() as tx:
            found = aging.deleted_people(tx, before, behind, PEOPLE)
        erased = sum(self._erase_one(str(each.key), before, now) for each in found)
        return erased, found[-1].place if len(found) == PEOPLE else None

    def _erase_one(self, identity_id: str, before: datetime, now: datetime) -> bool:
        reason = f"left before {before:%Y-%m-%d}, and is not kept longer"
        with self._database.write() as tx:
            holds.enter(tx)
            cases.lock_identity(tx, identity_id)
            if aging.has_left_lately(tx, identity_id, before):
                return False
            try:
                self._erasing.erase(identity_id, reason=reason, by=journal.BRIDGE, now=now)
            except ErasureRefusedError:
                return False
        return True
