"""Rows of OAuth clients, of what they were given, and of what they have signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from scimbridge.domain.ids import new_id
from scimbridge.errors import NotFoundError
from scimbridge.store.schema import access_tokens, oauth_clients, used_assertions

_BY_DIGEST = (
    select(oauth_clients.c.source, oauth_clients.c.revoked_at, access_tokens.c.expires_at)
    .join(oauth_clients, oauth_clients.c.id == access_tokens.c.client_id)
    .where(access_tokens.c.digest == bindparam("wanted"))
)


def insert_client(
    tx: Connection, source: str, now: datetime, *, secret_digest: str | None, jwks: Mapping[str, Any] | None
) -> str:
    """Store a client and return its id."""
    client_id = new_id(now)
    row = {"id": client_id, "source": source, "secret_digest": secret_digest, "jwks": jwks, "created_at": now}
    tx.execute(insert(oauth_clients).values(row))
    return client_id


def live_client(tx: Connection, client_id: str) -> RowMapping | None:
    """Return a client that was not revoked; anybody may ask for any id."""
    if not client_id.isprintable():
        return None  # no store takes half of a surrogate pair, and PostgreSQL takes no NUL
    query = select(oauth_clients).where(oauth_clients.c.id == client_id, oauth_clients.c.revoked_at.is_(None))
    return tx.execute(query).mappings().first()


def revoke(tx: Connection, client_id: str, now: datetime) -> str:
    """Revoke a client and everything it was given, for good. Returns the name of its source.

    Raises:
        NotFoundError: There is no live client of this id.
    """
    source = tx.execute(
        update(oauth_clients)
        .where(oauth_clients.c.id == client_id, oauth_clients.c.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(oauth_clients.c.source)
    ).scalar_one_or_none()
    if source is None:
        raise NotFoundError("live client", client_id)
    return str(source)


def all_clients(tx: Connection) -> Sequence[RowMapping]:
    """Return all clients, revoked ones too, by source and age."""
    columns = (oauth_clients.c[name] for name in ("id", "source", "created_at", "last_used_at", "revoked_at"))
    by_key = oauth_clients.c.secret_digest.is_(None).label("has_keys")
    query = select(*columns, by_key).order_by(oauth_clients.c.source, oauth_clients.c.created_at)
    return tx.execute(query).mappings().all()


def insert_access_token(tx: Connection, client_id: str, digest: str, now: datetime, expires_at: datetime) -> None:
    """Store what a client was given, note its use, and drop what has expired."""
    tx.execute(delete(access_tokens).where(access_tokens.c.expires_at <= now))
    tx.execute(insert(access_tokens).values(client_id=client_id, digest=digest, expires_at=expires_at))
    tx.execute(update(oauth_clients).where(oauth_clients.c.id == client_id).values(last_used_at=now))


def access_token(tx: Connection, digest: str) -> RowMapping | None:
    """Return the source of an access token, when it expires, and whether its client was revoked."""
    return tx.execute(_BY_DIGEST, {"wanted": digest}).mappings().first()


def use_assertion(tx: Connection, client_id: str, jti_digest: str, now: datetime, expires_at: datetime) -> bool:
    """Note that an assertion was used. Returns whether this is the first time."""
    tx.execute(delete(used_assertions).where(used_assertions.c.expires_at <= now))
    row = {"client_id": client_id, "jti_digest": jti_digest, "expires_at": expires_at}
    try:
        with tx.begin_nested():
            tx.execute(insert(used_assertions).values(row))
    except IntegrityError:
        return False
    return True
