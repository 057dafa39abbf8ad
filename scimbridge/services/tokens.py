"""Tokens: how a source shows who it is."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import RowMapping

from scimbridge.errors import StoreError
from scimbridge.store import journal, tokens
from scimbridge.store.database import Database

PREFIX = "scb_"
"""Makes a leaked token recognizable to people and to secret scanners."""

_TOUCH_EVERY = timedelta(minutes=1)


class Tokens:
    """Bearer tokens (RFC 6750). Only their digests are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._touched: dict[str, datetime] = {}
        self._turn = threading.Lock()

    def create(self, source: str, *, by: str, now: datetime) -> str:
        """Return a new token for a source, which is created if need be. It is shown this once only."""
        token = PREFIX + secrets.token_urlsafe(32)
        with self._database.write() as tx:
            if tokens.ensure_source(tx, source, now):
                journal.record(tx, "source created", now, reason="first token", actor=by, details={"source": source})
            token_id = tokens.insert_token(tx, source, _digest(token), token[:8] + "…", now)
            journal.record(tx, "token created", now, reason="", actor=by, details={"source": source, "token": token_id})
        return token

    def revoke(self, token_id: str, *, by: str, now: datetime) -> str:
        """Revoke a token at once and for good. Returns the name of its source.

        Raises:
            NotFoundError: There is no live token of this id.
        """
        with self._database.write() as tx:
            source = tokens.revoke(tx, token_id, now)
            journal.record(tx, "token revoked", now, reason="", actor=by, details={"source": source, "token": token_id})
        return source

    def all(self) -> Sequence[RowMapping]:
        """Return all tokens, revoked ones too, without anything that could be used to sign in."""
        with self._database.read() as tx:
            return tokens.all_tokens(tx)

    def source_of(self, token: str, now: datetime) -> str | None:
        """Return the source that a token names, or ``None`` if it is unknown or revoked."""
        if not token.startswith(PREFIX):
            return None
        with self._database.read() as tx:
            # Looked up by digest: how long it takes says nothing about the token.
            row = tokens.by_digest(tx, _digest(token))
        if row is None:
            return None
        self._note_use(row["id"], now)
        return str(row["source"])

    def _note_use(self, token_id: str, now: datetime) -> None:
        """Keep when a token was last used, to the minute: a write for every request would cost too much."""
        with self._turn:
            if now - self._touched.get(token_id, datetime.min.replace(tzinfo=now.tzinfo)) < _TOUCH_EVERY:
                return
            self._touched[token_id] = now
        try:
            with self._database.write() as tx:
                tokens.touch(tx, token_id, now)
        except StoreError:
            # The request itself will say that the store cannot be written, with the right status.
            with self._turn:
                self._touched.pop(token_id, None)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
