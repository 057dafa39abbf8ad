"""Operators: who may use the API, and as what. Only the digests of their tokens are kept."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import RowMapping

from scimbridge.domain.operator import Operator, Role
from scimbridge.services.tokens import digest_of
from scimbridge.store import journal, operators
from scimbridge.store.database import Database

PREFIX = "sco_"
"""Makes a leaked token recognizable to people and to secret scanners."""


class Operators:
    """Lets operators in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str, role: Role, *, by: str, now: datetime, lifetime: timedelta | None = None) -> str:
        """Return the first token of a new operator. It is shown this once only.

        Args:
            name: As it stands in the history.
            role: What the operator may do.
            by: Who lets them in.
            now: When (UTC).
            lifetime: How long the token lets them in; for good where absent.

        Raises:
            DuplicateError: There is an operator of this name.
        """
        token = PREFIX + secrets.token_urlsafe(32)
        expires_at = None if lifetime is None else now + lifetime
        with self._database.write() as tx:
            operators.insert_operator(tx, name, role, now)
            operators.insert_token(tx, name, digest_of(token), token[:8] + "…", now, expires_at)
            details = {"operator": name, "role": role, "expires_at": expires_at and expires_at.isoformat()}
            journal.record(tx, "operator created", now, reason="", actor=by, details=details)
        return token

    def revoke(self, name: str, *, by: str, now: datetime) -> None:
        """Let an operator in no more, from now on.

        Raises:
            NotFoundError: There is none of this name.
        """
        with self._database.write() as tx:
            operators.revoke(tx, name, now)
            journal.record(tx, "operator revoked", now, reason="", actor=by, details={"operator": name})

    def all(self) -> Sequence[RowMapping]:
        """Return all operators, without anything that could be used to sign in."""
        with self._database.read() as tx:
            return operators.all_operators(tx)

    def identify(self, token: str, now: datetime) -> Operator | None:
        """Return whose token this is; ``None`` where it lets nobody in."""
        if not token.startswith(PREFIX):
            return None
        with self._database.read() as tx:
            # Looked up by digest: how long it takes says nothing about the token.
            row = operators.by_digest(tx, digest_of(token))
        if row is None or (row["expires_at"] is not None and row["expires_at"] <= now):
            return None
        return Operator(row["name"], Role(row["role"]))
