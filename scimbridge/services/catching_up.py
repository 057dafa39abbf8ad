"""Catching up: people who came back together with many others are seen to, a few at a time; by any number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

import structlog

from scimbridge.services.due_dates import Pass
from scimbridge.services.intake import Submit
from scimbridge.services.moving import Moving
from scimbridge.services.planning import joined
from scimbridge.services.returning import Returning
from scimbridge.store import groups, returns
from scimbridge.store.database import Database

BATCH = 20
"""People in one transaction, in some thirty milliseconds; a worker or a source that is concerned waits for all."""

log = structlog.get_logger("scimbridge.catching_up")


class CatchingUp:
    """Ends the cases of people who came back, and gives back what was taken from them.

    That they are back was committed with the request that said so: nothing is taken from them meanwhile. Killed at
    any line, it goes on where it was.
    """

    def __init__(self, database: Database, returning: Returning, moving: Moving, submit: Submit) -> None:
        self._database = database
        self._returning = returning
        self._moving = moving
        self._submit = submit
        self._behind = ""

    def run(self, now: datetime) -> bool:
        """See to the next people. Returns whether there may be others; then it is to be called soon.

        Somebody who cannot be seen to keeps nobody else waiting; they are tried again when all others had their turn.
        """
        with self._database.read() as tx:
            some = returns.people(tx, BATCH, behind=self._behind)
            if some and not self._behind:
                left = returns.count(tx)
                log.info("giving back to people who came back together", action="return", accounts=left)
        if some:
            self._see_to(some, now)
        self._behind = some[-1] if len(some) == BATCH else ""
        return bool(self._behind)

    def _see_to(self, some: Sequence[str], now: datetime) -> None:
        one_pass = Pass("return")
        if one_pass.see_to(some[0], partial(self._all_of, some, now)) is not None:
            return
        for identity_id in some:
            one_pass.see_to(identity_id, partial(self._all_of, [identity_id], now))
            if one_pass.is_over:
                return

    def _all_of(self, some: Sequence[str], now: datetime) -> int:
        with self._database.write() as tx:
            groups.lock_identities(tx, some)
            assigned = self._returning.assigned_in_crowd(tx, some, now)
            moved = [self._moving.moved_in_crowd(tx, identity_id, now) for identity_id in some]
        self._submit(joined(assigned, *moved).wakeups)
        return len(some)
