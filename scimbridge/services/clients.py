"""OAuth clients of sources: made, listed and revoked by operators."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import RowMapping

from scimbridge.services.recent import RecentGrants
from scimbridge.services.tokens import digest_of
from scimbridge.store import clients, journal, tokens
from scimbridge.store.database import Database

SECRET_PREFIX = "scs_"  # noqa: S105 - makes a leaked one recognizable


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client that was just made.

    Attributes:
        secret: Shown this once only; ``None`` where it signs with a key of its own.
    """

    client_id: str
    secret: str | None = field(repr=False)


class Clients:
    """Clients that get access tokens from the bridge's token endpoint (RFC 6749 §4.4).

    Args:
        database: Where they are.
        recent: Told of revocations, so that they hold at once.
    """

    def __init__(self, database: Database, recent: RecentGrants) -> None:
        self._database = database
        self._recent = recent

    def create(self, source: str, *, by: str, now: datetime, keys: bytes | None = None) -> NewClient:
        """Return a new client for a source, which is created if need be.

        Args:
            source: The source's name.
            by: Who makes it, for the history.
            now: The current time (UTC).
            keys: Its public key in PEM, or a JWK Set; where absent, it gets a secret.

        Raises:
            InvalidKeyError: The keys cannot be used.
        """
        secret = SECRET_PREFIX + secrets.token_urlsafe(32) if keys is None else None
        jwks = None if keys is None else _checked(keys)
        with self._database.write() as tx:
            if tokens.ensure_source(tx, source, now):
                journal.record(tx, "source created", now, reason="first client", actor=by, details={"source": source})
            client_id = clients.insert_client(
                tx, source, now, secret_digest=None if secret is None else digest_of(secret), jwks=jwks
            )
            details = {"source": source, "client": client_id}
            journal.record(tx, "client created", now, reason="", actor=by, details=details)
        return NewClient(client_id, secret)

    def revoke(self, client_id: str, *, by: str, now: datetime) -> str:
        """Revoke a client, and with it the access tokens it was given. Returns the name of its source.

        Raises:
            NotFoundError: There is no live client of this id.
        """
        with self._database.write() as tx:
            source = clients.revoke(tx, client_id, now)
            details = {"source": source, "client": client_id}
            journal.record(tx, "client revoked", now, reason="", actor=by, details=details)
            self._database.on_commit(self._recent.clear)
        return source

    def all(self) -> Sequence[RowMapping]:
        """Return all clients, revoked ones too, without anything that could be used to sign in."""
        with self._database.read() as tx:
            return clients.all_clients(tx)


def _checked(keys: bytes) -> dict[str, object]:
    # Signatures are a library of their own, which takes a while to load.
    from scimbridge.services.signatures import keys_of_client

    return keys_of_client(keys)
