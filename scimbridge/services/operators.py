"""Operators: who may use the API, and as what. Only the digests of their tokens are kept."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping

from scimbridge.domain.approval import same_operator
from scimbridge.domain.operator import Operator, Role, is_of_provider
from scimbridge.errors import OperatorRefusedError
from scimbridge.services.sessions import end_sessions
from scimbridge.services.tokens import digest_of
from scimbridge.store import journal, operators, signing_in
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

    def add(self, name: str, role: Role, *, by: str, now: datetime) -> None:
        """Create an operator without a token; a one-time link lets them in to the pages.

        Raises:
            DuplicateError: There is an operator of this name.
        """
        with self._database.write() as tx:
            _add(tx, name, role, by, now)

    def add_first(self, name: str, *, now: datetime) -> bool:
        """Create the first operator, who is an admin. Returns whether there was none, so that one was created."""
        with self._database.write() as tx:
            if operators.has_any(tx):
                return False
            _add(tx, name, Role.ADMIN, name, now)
        return True

    def revoke(self, name: str, *, reason: str, by: str, now: datetime) -> None:
        """Let an operator in no more, from now on, by nothing they have: tokens, password, links, sessions.

        Raises:
            NotFoundError: There is none of this name.
            OperatorRefusedError: It is who asks.
        """
        _require_another(name, by)
        with self._database.write() as tx:
            operators.revoke(tx, name, now)
            signing_in.forget_secrets(tx, name)
            end_sessions(tx, name, by=by, now=now)
            journal.record(tx, "operator revoked", now, reason=reason, actor=by, details={"operator": name})

    def change_role(self, name: str, role: Role, *, reason: str, by: str, now: datetime) -> None:
        """Give an operator another role, from now on; they have to sign in anew.

        Raises:
            NotFoundError: There is none of this name.
            OperatorRefusedError: It is who asks, or an identity provider says what their role is.
        """
        _require_another(name, by)
        if is_of_provider(name):
            raise OperatorRefusedError(f"the role of {name} is what the identity provider says; change it there")
        with self._database.write() as tx:
            change_role(tx, name, role, by=by, reason=reason, now=now)

    def let_in_again(self, name: str, *, reason: str, by: str, now: datetime) -> None:
        """Take back that somebody whom an identity provider signs in was revoked.

        Raises:
            NotFoundError: There is no revoked one of this name.
            OperatorRefusedError: It is an operator of our own, who is created anew.
        """
        if not is_of_provider(name):
            raise OperatorRefusedError(f"create {name} anew, with a role")
        with self._database.write() as tx:
            operators.let_in_again(tx, name)
            journal.record(tx, "operator let in again", now, reason=reason, actor=by, details={"operator": name})

    def all(self) -> Sequence[RowMapping]:
        """Return all operators, without anything that could be used to sign in."""
        with self._database.read() as tx:
            return operators.all_operators(tx)

    def everybody(self, now: datetime) -> Sequence[RowMapping]:
        """Return all operators, each once, those who were revoked last, with what lets them in, but no secret."""
        with self._database.read() as tx:
            return operators.everybody(tx, now)

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


def _add(tx: Connection, name: str, role: Role, by: str, now: datetime) -> None:
    operators.insert_operator(tx, name, role, now)
    details = {"operator": name, "role": role}
    journal.record(tx, "operator created", now, reason="", actor=by, details=details)


def change_role(tx: Connection, name: str, role: Role, *, by: str, reason: str, now: datetime) -> None:
    """Give an operator another role; what they are signed in to with the old one ends.

    Raises:
        NotFoundError: There is none of this name.
    """
    operators.set_role(tx, name, role)
    end_sessions(tx, name, by=by, now=now)
    details = {"operator": name, "role": role}
    journal.record(tx, "operator role changed", now, reason=reason, actor=by, details=details)


def _require_another(name: str, by: str) -> None:
    """Make sure that nobody locks themselves out: so an admin is left who can undo it."""
    if same_operator(name, by):
        raise OperatorRefusedError("you cannot do this to yourself; ask another admin")
