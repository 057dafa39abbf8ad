"""Tokens: how a source shows who it is."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import RowMapping

from scimbridge.domain.access import Grant, Refusal
from scimbridge.errors import TooManyTokensError
from scimbridge.services.last_use import LastUse
from scimbridge.services.recent import RecentGrants
from scimbridge.store import journal, tokens
from scimbridge.store.database import Database

PREFIX = "scb_"
"""Makes a leaked token recognizable to people and to secret scanners."""

MOST_LIVE = 2
"""Live tokens of a source: one in use, and one to replace it."""

EXPIRES_SOON = timedelta(days=20)
"""From when on an expiry is worth a warning."""


class Tokens:
    """Bearer tokens (RFC 6750). Only their digests are kept.

    Args:
        database: Where they are.
        recent: Told of revocations, so that they hold at once.
    """

    def __init__(self, database: Database, recent: RecentGrants | None = None) -> None:
        self._database = database
        self._recent = recent or RecentGrants()
        self._last_use = LastUse(database)

    def create(self, source: str, *, by: str, now: datetime, lifetime: timedelta | None = None) -> str:
        """Return a new token for a source, which is created if need be. It is shown this once only.

        Args:
            source: The source's name.
            by: Who makes it, for the history.
            now: The current time (UTC).
            lifetime: How long it lets the source in; for good where absent.

        Raises:
            TooManyTokensError: The source has two live tokens already.
        """
        token = PREFIX + secrets.token_urlsafe(32)
        expires_at = None if lifetime is None else now + lifetime
        with self._database.write() as tx:
            if tokens.ensure_source(tx, source, now):
                journal.record(tx, "source created", now, reason="first token", actor=by, details={"source": source})
            if tokens.live_count(tx, source, now) >= MOST_LIVE:
                raise TooManyTokensError(source, MOST_LIVE)
            token_id = tokens.insert_token(tx, source, digest_of(token), token[:8] + "…", now, expires_at)
            details = {"source": source, "token": token_id, "expires_at": expires_at and expires_at.isoformat()}
            journal.record(tx, "token created", now, reason="", actor=by, details=details)
        return token

    def revoke(self, token_id: str, *, by: str, now: datetime) -> str:
        """Revoke a token at once and for good. Returns the name of its source.

        Other processes believe it for one second more.

        Raises:
            NotFoundError: There is no live token of this id.
        """
        with self._database.write() as tx:
            source = tokens.revoke(tx, token_id, now)
            journal.record(tx, "token revoked", now, reason="", actor=by, details={"source": source, "token": token_id})
            self._database.on_commit(self._recent.clear)
        return source

    def all(self) -> Sequence[RowMapping]:
        """Return all tokens, those too that let nobody in, without anything that could be used to sign in."""
        self._last_use.settle()
        with self._database.read() as tx:
            return tokens.all_tokens(tx)

    def identify(self, token: str, now: datetime) -> Grant | Refusal:
        """Return the source that a token names, or why it names none."""
        with self._database.read() as tx:
            # Looked up by digest: how long it takes says nothing about the token.
            row = tokens.by_digest(tx, digest_of(token))
        if row is None:
            return Refusal.UNKNOWN
        if row["revoked_at"] is not None:
            return Refusal.REVOKED
        expires_at = row["expires_at"]
        if expires_at is not None and expires_at <= now:
            return Refusal.EXPIRED
        self._last_use.note(row["id"], now)
        return Grant(row["source"], expires_at)

    def expiries(self) -> dict[str, datetime | None]:
        """Return when the last token of each source expires that was not revoked; ``None`` where one never does."""
        found: dict[str, datetime | None] = {}
        for row in self.all():
            if row["revoked_at"] is None:
                found[row["source"]] = _later(found.get(row["source"], row["expires_at"]), row["expires_at"])
        return found

    def close(self) -> None:
        """Write down what was noted."""
        self._last_use.settle()


def digest_of(secret: str) -> str:
    """Return what is kept of a secret of many random bits: enough to recognize it, and not to use it.

    JSON can hold half of a surrogate pair, which UTF-8 cannot: what somebody presents has a digest all the same.
    """
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return None if one is None or other is None else max(one, other)
