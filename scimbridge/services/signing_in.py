"""Signing in: by password (and code), by a one-time link, or because an identity provider says who it is.

Whoever fails learns nothing: an unknown name, a name without a password, a wrong password and a wrong code are
answered alike, take the same time, and lock the name for the same while.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from scimbridge.domain.one_time_code import step_of
from scimbridge.domain.operator import PROVIDER_MARK, Operator, Role, Way, is_of_provider
from scimbridge.domain.session import Started, Visitor
from scimbridge.errors import DuplicateError, NotFoundError, OperatorRefusedError, SignInRefusedError
from scimbridge.services.operators import change_role
from scimbridge.services.passwords import Passwords
from scimbridge.services.sessions import Sessions
from scimbridge.services.tokens import digest_of
from scimbridge.services.tries import Tries, name_digest
from scimbridge.store import journal, operators, signing_in
from scimbridge.store.database import Database

LINK_LIFETIME = timedelta(hours=1)
"""How long a one-time link is good."""

WRONG = "Name, password or code is not right."
NO_LINK = "This link is not good any more: it was used, it is too old, or there is a newer one."


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """What somebody writes into the form.

    Attributes:
        code: Of the authenticator app; empty where there is none.
    """

    name: str
    password: str
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduced:
    """Whom an identity provider has signed in.

    Attributes:
        subject: What the provider calls them for good.
        name: What people call them.
        until: When the session has to end at the latest.
    """

    issuer: str
    subject: str
    name: str
    role: Role
    until: datetime


class SigningIn:
    """Lets operators in to the pages.

    Args:
        database: Where it all is.
        sessions: Begins them.
        passwords: Checks them.
    """

    def __init__(self, database: Database, sessions: Sessions, passwords: Passwords) -> None:
        self._database = database
        self._sessions = sessions
        self._passwords = passwords
        self._tries = Tries(database)

    def by_password(self, presented: Presented, visitor: Visitor, now: datetime) -> Started:
        """Return a session of whom a name, a password and a code stand for.

        Raises:
            SignInRefusedError: They stand for nobody, or the name is locked.
        """
        name = presented.name.strip()
        key = self._tries.count(name, now)
        with self._database.read() as tx:
            row = signing_in.secrets_of(tx, name)
        is_right = self._passwords.is_right(row["password_hash"] if row else None, presented.password)
        if row is None or not is_right:
            raise SignInRefusedError(WRONG)
        operator = Operator(row["operator"], Role(row["role"]))
        with self._database.write() as tx:
            self._require_unchanged(tx, operator, row["password_hash"])
            require_code(tx, operator.name, row["totp_secret"], presented.code, now)
            signing_in.forgive(tx, key)
            return self._sessions.start(tx, operator, Way.PASSWORD, visitor, now)

    def make_link(self, name: str, *, by: str, now: datetime) -> str:
        """Return the secret of a link by which an operator signs in, once, within ``LINK_LIFETIME``.

        Raises:
            NotFoundError: There is no such operator.
            OperatorRefusedError: An identity provider signs them in, and says what they may do.
        """
        if is_of_provider(name):
            raise OperatorRefusedError(
                f"{name} signs in by the identity provider; create an operator of the bridge's own"
            )
        secret = secrets.token_urlsafe(32)
        with self._database.write() as tx:
            if signing_in.live_operator(tx, name) is None:
                raise NotFoundError("operator", name)
            signing_in.insert_link(tx, name, digest_of(secret), now + LINK_LIFETIME)
            journal.record(tx, "sign-in link made", now, reason="", actor=by, details={"operator": name})
        return secret

    def whose_link(self, secret: str, now: datetime) -> str | None:
        """Return whom a link lets in, without using it."""
        with self._database.read() as tx:
            return signing_in.link(tx, digest_of(secret), now)

    def by_link(self, secret: str, visitor: Visitor, now: datetime) -> Started:
        """Return a session of whom a one-time link is for. The name's failures are forgotten: it is not locked.

        Raises:
            SignInRefusedError: The link is not good any more.
        """
        with self._database.write() as tx:
            name = signing_in.link(tx, digest_of(secret), now)
            found = signing_in.live_operator(tx, name) if name is not None else None
            if found is None or not signing_in.use_link(tx, digest_of(secret)):
                raise SignInRefusedError(NO_LINK)
            operator = Operator(found["name"], Role(found["role"]))
            signing_in.forgive(tx, name_digest(operator.name))
            return self._sessions.start(tx, operator, Way.LINK, visitor, now)

    def by_provider(self, introduced: Introduced, visitor: Visitor, now: datetime) -> Started:
        """Return a session of whom an identity provider has signed in, with the role that it says now.

        Raises:
            SignInRefusedError: They were revoked here, or their name is somebody else's.
        """
        with self._database.write() as tx:
            operator = _known(tx, introduced, now)
            return self._sessions.start(tx, operator, Way.PROVIDER, visitor, now, until=introduced.until)

    @staticmethod
    def _require_unchanged(tx: Connection, operator: Operator, password_hash: str) -> None:
        """Make sure that nobody was revoked, and no password changed, while this one was checked."""
        row = signing_in.secrets_of(tx, operator.name)
        if row is None or row["password_hash"] != password_hash or row["role"] != operator.role:
            raise SignInRefusedError(WRONG)


def require_code(tx: Connection, name: str, secret: str | None, code: str, now: datetime) -> None:
    """Make sure that a code is that of an operator's app, and was not used before; nothing is asked without one.

    Raises:
        SignInRefusedError: It is not.
    """
    if secret is None:
        return
    step = step_of(secret, code, now)
    if step is None or not signing_in.use_step(tx, name, step):
        raise SignInRefusedError(WRONG)


def _known(tx: Connection, introduced: Introduced, now: datetime) -> Operator:
    """Return the operator whom a provider introduces: by subject, for names change and are given to others."""
    found = signing_in.operator_of(tx, introduced.issuer, introduced.subject)
    if found is None:
        name = _new(tx, introduced, now)
    elif found["revoked_at"] is not None:
        raise SignInRefusedError(f"{found['name']} was revoked here. An admin can let them in again.")
    else:
        name = found["name"]
        if found["role"] != introduced.role:
            change_role(tx, name, introduced.role, by=name, reason="the identity provider says so", now=now)
    return Operator(name, introduced.role)


def _new(tx: Connection, introduced: Introduced, now: datetime) -> str:
    name = introduced.name + PROVIDER_MARK
    try:
        operators.insert_operator(tx, name, introduced.role, now)
        signing_in.insert_subject(tx, name, introduced.issuer, introduced.subject)
    except DuplicateError as error:
        raise SignInRefusedError(
            f"Another account of the identity provider has had the name {name} here. "
            "So that nobody acts in another's name, you need a name of your own there."
        ) from error
    details = {"operator": name, "role": introduced.role}
    journal.record(tx, "operator created", now, reason="the identity provider says so", actor=name, details=details)
    return name
