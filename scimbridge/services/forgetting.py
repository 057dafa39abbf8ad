"""Forgetting: what nobody asks for any more is deleted, in small transactions, from any number of processes."""

from __future__ import annotations

from datetime import datetime, timedelta

from scimbridge.notices.notice import Kind
from scimbridge.services.repeating import KEPT
from scimbridge.store import answers, members, notices, sessions, signing_in
from scimbridge.store.database import Database

NOTICES_KEPT = timedelta(days=90)
"""How long it is kept that a notice was sent, or why not. The history says for good who was told of a leaver."""

BATCH = 1000


class Forgetting:
    """Keeps small what would grow with every leaver."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def run(self, now: datetime) -> None:
        """Delete what is over for long enough."""
        self.forget_memberships(now)
        self.forget_notices(now)
        self.forget_answers(now)
        self.forget_sign_ins(now)

    def forget_memberships(self, now: datetime) -> None:
        """Drop memberships that ended too long ago for rules to see them."""
        with self._database.write() as tx:
            members.forget_past(tx, now)

    def forget_sign_ins(self, now: datetime) -> None:
        """Drop sessions and one-time links whose time is over."""
        with self._database.write() as tx:
            sessions.forget(tx, now)
            signing_in.forget_links(tx, now)

    def forget_notices(self, now: datetime) -> int:
        """Drop notices that were sent or given up long ago. Returns how many.

        Who was told of a leaver is kept while the task may still have to be tried again, or they would be told twice.
        """
        forgotten = 0
        found = BATCH
        while found == BATCH:
            with self._database.write() as tx:
                found = notices.forget(tx, now - NOTICES_KEPT, Kind.LEAVER, BATCH)
            forgotten += found
        return forgotten

    def forget_answers(self, now: datetime) -> int:
        """Drop answers of the API that are too old to be given again. Returns how many."""
        forgotten = 0
        found = BATCH
        while found == BATCH:
            with self._database.write() as tx:
                found = answers.forget(tx, now - KEPT, BATCH)
            forgotten += found
        return forgotten
