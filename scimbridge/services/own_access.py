"""What operators change about their own signing in: password, and the codes of an app."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, RowMapping

from scimbridge.domain.one_time_code import is_secret, step_of
from scimbridge.domain.operator import Way, is_of_provider
from scimbridge.domain.session import Session
from scimbridge.errors import NotFoundError, OperatorRefusedError, SignInRefusedError
from scimbridge.services.passwords import Passwords, require_good
from scimbridge.services.sessions import end_sessions
from scimbridge.services.signing_in import require_code
from scimbridge.services.tries import Tries
from scimbridge.store import journal, signing_in
from scimbridge.store.database import Database


class OwnAccess:
    """Sets passwords and codes."""

    def __init__(self, database: Database, passwords: Passwords) -> None:
        self._database = database
        self._passwords = passwords
        self._tries = Tries(database)

    def has(self, name: str) -> tuple[bool, bool]:
        """Return whether an operator has a password, and whether they have codes."""
        with self._database.read() as tx:
            row = signing_in.secrets_of(tx, name)
        return (
            row is not None and row["password_hash"] is not None,
            row is not None and row["totp_secret"] is not None,
        )

    def choose_password(self, session: Session, current: str, new: str, now: datetime) -> None:
        """Set a password from a page. The operator's other sessions end.

        Args:
            session: Where they are signed in.
            current: The password so far; not asked for in a session that began with a one-time link.
            new: The new one.
            now: When (UTC).

        Raises:
            SignInRefusedError: The current one is wrong, or too many were.
            WeakPasswordError: The new one is too easy.
            OperatorRefusedError: An identity provider signs them in.
        """
        name = session.operator.name
        _require_own(name)
        require_good(new, name)
        if session.way is not Way.LINK:
            self._require_password(name, current, now)
        self._keep(name, new, by=name, now=now, but=session.id)

    def set_password(self, name: str, new: str, *, by: str, now: datetime) -> None:
        """Set a password for an operator. All their sessions end.

        Raises:
            NotFoundError: There is no such operator.
            WeakPasswordError: It is too easy.
            OperatorRefusedError: An identity provider signs them in.
        """
        _require_own(name)
        require_good(new, name)
        self._keep(name, new, by=by, now=now, but=None)

    def add_codes(self, session: Session, secret: str, code: str, now: datetime) -> None:
        """Ask for codes of an app from now on.

        Args:
            session: Where they are signed in.
            secret: What the app was given.
            code: What it shows, so that nobody locks themselves out with an app that does not work.
            now: When (UTC).

        Raises:
            SignInRefusedError: It shows something else.
            OperatorRefusedError: There is an app already, or an identity provider signs them in.
        """
        name = session.operator.name
        _require_own(name)
        step = step_of(secret, code, now) if is_secret(secret) else None
        if step is None:
            raise SignInRefusedError("The code is not right. Take the one that the app shows now; is its clock right?")
        with self._database.write() as tx:
            row = _secrets(tx, name)
            if row is not None and row["totp_secret"] is not None:
                raise OperatorRefusedError("there is an app already; remove it first")
            signing_in.keep_secrets(tx, name, totp_secret=secret, totp_step=step)
            journal.record(tx, "codes added", now, reason="", actor=name, details={"operator": name})

    def drop_codes(self, session: Session, code: str, now: datetime) -> None:
        """Ask for no codes any more.

        Args:
            session: Where they are signed in.
            code: What the app shows; not asked for in a session that began with a one-time link.
            now: When (UTC).

        Raises:
            SignInRefusedError: It shows something else.
        """
        name = session.operator.name
        key = self._tries.count(name, now)
        with self._database.write() as tx:
            row = _secrets(tx, name)
            if session.way is not Way.LINK:
                require_code(tx, name, row["totp_secret"] if row is not None else None, code, now)
            signing_in.forgive(tx, key)
            signing_in.keep_secrets(tx, name, totp_secret=None, totp_step=None)
            journal.record(tx, "codes removed", now, reason="", actor=name, details={"operator": name})

    def _require_password(self, name: str, current: str, now: datetime) -> None:
        key = self._tries.count(name, now)
        with self._database.read() as tx:
            row = _secrets(tx, name)
        if not self._passwords.is_right(row["password_hash"] if row else None, current):
            raise SignInRefusedError("The current password is not right.")
        with self._database.write() as tx:
            signing_in.forgive(tx, key)

    def _keep(self, name: str, new: str, *, by: str, now: datetime, but: str | None) -> None:
        kept = self._passwords.hash(new)
        with self._database.write() as tx:
            if signing_in.live_operator(tx, name) is None:
                raise NotFoundError("operator", name)
            signing_in.keep_secrets(tx, name, password_hash=kept, password_at=now)
            end_sessions(tx, name, by=by, now=now, but=but)
            journal.record(tx, "password changed", now, reason="", actor=by, details={"operator": name})


def _secrets(tx: Connection, name: str) -> RowMapping | None:
    return signing_in.secrets_of(tx, name)


def _require_own(name: str) -> None:
    if is_of_provider(name):
        raise OperatorRefusedError(f"{name} signs in by the identity provider, and has no password here")
