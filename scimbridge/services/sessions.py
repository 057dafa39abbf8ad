"""Sessions of operators in the pages. They are in SQL, so that any web process knows them and any can end them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping

from scimbridge.domain.operator import Operator, Role, Way
from scimbridge.domain.session import Session, SessionTerms, Started, Visitor
from scimbridge.errors import NotFoundError, StoreError
from scimbridge.services.tokens import digest_of
from scimbridge.store import journal, sessions
from scimbridge.store.database import Database

SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is known when a session was last used: a write for every page would cost too much."""


class Sessions:
    """Begins, finds and ends sessions.

    Args:
        database: Where they are.
        terms: How long they last.
    """

    def __init__(self, database: Database, terms: SessionTerms) -> None:
        self._database = database
        self._terms = terms

    def start(
        self,
        tx: Connection,
        operator: Operator,
        way: Way,
        visitor: Visitor,
        now: datetime,
        *,
        until: datetime | None = None,
    ) -> Started:
        """Return a new session, with an id that nobody has seen before.

        Args:
            tx: The transaction in which somebody signs in.
            operator: Who.
            way: How.
            visitor: From where.
            now: When (UTC).
            until: When it ends at the latest, if that is sooner than sessions end anyway.
        """
        cookie = secrets.token_urlsafe(32)
        ends_at = min(now + self._terms.length, until or datetime.max.replace(tzinfo=now.tzinfo))
        visitor = Visitor(address=visitor.address[:64], browser=visitor.browser[:200])
        session_id = sessions.insert_session(
            tx,
            operator.name,
            digest_of(cookie),
            way=way,
            now=now,
            ends_at=ends_at,
            address=visitor.address,
            browser=visitor.browser,
        )
        journal.record(tx, "operator signed in", now, reason=f"by {way}", actor=operator.name)
        session = Session(
            id=session_id, operator=operator, way=way, created_at=now, seen_at=now, ends_at=ends_at, visitor=visitor
        )
        return Started(cookie=cookie, session=session)

    def find(self, cookie: str, now: datetime, *, is_seen: bool = True) -> Session | None:
        """Return the session that a cookie names, or ``None`` where that has ended, or never was.

        Args:
            cookie: What the browser keeps.
            now: When (UTC).
            is_seen: Whether somebody does something just now, so that the session goes on.
        """
        with self._database.read() as tx:
            row = sessions.by_digest(tx, digest_of(cookie), now, now - self._terms.idle)
        if row is None:
            return None
        if is_seen and now - row["seen_at"] >= SEEN_EVERY:
            self._note_seen(row["id"], now)
        return _session(row)

    def of(self, name: str, now: datetime) -> list[Session]:
        """Return an operator's sessions, the newest first."""
        with self._database.read() as tx:
            return _all(sessions.of_operator(tx, name, now, now - self._terms.idle))

    def all(self, now: datetime) -> list[Session]:
        """Return everybody's sessions, by operator."""
        with self._database.read() as tx:
            return _all(sessions.all_live(tx, now, now - self._terms.idle))

    def end(self, name: str, session_id: str, *, by: str, now: datetime, reason: str = "") -> None:
        """End one session of an operator, at once.

        Raises:
            NotFoundError: This operator has no such session.
        """
        with self._database.write() as tx:
            if not sessions.end(tx, name, session_id):
                raise NotFoundError("session", session_id)
            journal.record(tx, "session ended", now, reason=reason, actor=by, details={"operator": name})

    def end_all(self, name: str, *, by: str, now: datetime, but: str | None = None, reason: str = "") -> int:
        """End all sessions of an operator but one, if one is named. Returns how many."""
        with self._database.write() as tx:
            return end_sessions(tx, name, by=by, now=now, but=but, reason=reason)

    def _note_seen(self, session_id: str, now: datetime) -> None:
        # Reading goes on where the store cannot be written; the session ends sooner then.
        with suppress(StoreError), self._database.write() as tx:
            sessions.note_seen(tx, session_id, now)


def end_sessions(tx: Connection, name: str, *, by: str, now: datetime, but: str | None = None, reason: str = "") -> int:
    """End an operator's sessions within a transaction that has a reason to. Returns how many."""
    ended = sessions.end_all(tx, name, but=but)
    if ended:
        details = {"operator": name, "sessions": ended}
        journal.record(tx, "session ended", now, reason=reason, actor=by, details=details)
    return ended


def _all(rows: Sequence[RowMapping]) -> list[Session]:
    return [_session(row) for row in rows]


def _session(row: RowMapping) -> Session:
    return Session(
        id=row["id"],
        operator=Operator(row["operator"], Role(row["role"])),
        way=Way(row["way"]),
        created_at=row["created_at"],
        seen_at=row["seen_at"],
        ends_at=row["ends_at"],
        visitor=Visitor(address=row["address"], browser=row["browser"]),
    )
