"""Operators' tokens: several for each, so that every program has one of its own, which can be revoked alone."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import RowMapping

from scimbridge.services.operators import PREFIX
from scimbridge.services.tokens import digest_of
from scimbridge.store import journal, operator_tokens
from scimbridge.store.database import Database


class OperatorTokens:
    """Makes, lists and revokes tokens. Only their digests are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, operator: str, name: str, *, by: str, now: datetime, lifetime: timedelta | None) -> str:
        """Return a new token. It is shown this once only.

        Args:
            operator: Whose it is; their role counts.
            name: What it is for.
            by: Who makes it.
            now: When (UTC).
            lifetime: How long it lets them in; for good where absent.

        Raises:
            NotFoundError: There is no such operator.
        """
        token = PREFIX + secrets.token_urlsafe(32)
        expires_at = None if lifetime is None else now + lifetime
        with self._database.write() as tx:
            token_id = operator_tokens.insert_token(
                tx, operator, name, digest_of(token), token[:8] + "…", now, expires_at
            )
            details = {
                "operator": operator,
                "token": token_id,
                "name": name,
                "expires_at": expires_at and expires_at.isoformat(),
            }
            journal.record(tx, "operator token created", now, reason="", actor=by, details=details)
        return token

    def revoke(self, token_id: str, *, reason: str, by: str, now: datetime) -> str:
        """Revoke a token at once and for good. Returns the name of its operator.

        Raises:
            NotFoundError: There is no live token of this id.
        """
        with self._database.write() as tx:
            operator = operator_tokens.revoke(tx, token_id, now)
            details = {"operator": operator, "token": token_id}
            journal.record(tx, "operator token revoked", now, reason=reason, actor=by, details=details)
        return operator

    def all(self, operator: str | None = None) -> Sequence[RowMapping]:
        """Return the tokens of an operator, or of all, those too that let nobody in."""
        with self._database.read() as tx:
            return operator_tokens.tokens_of(tx, operator)
