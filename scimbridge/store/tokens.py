"""Rows of sources and their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from scimbridge.domain.ids import new_id
from scimbridge.errors import NotFoundError
from scimbridge.store.schema import sources, tokens

_BY_DIGEST = select(tokens).where(tokens.c.digest == bindparam("wanted"), tokens.c.revoked_at.is_(None))


def ensure_source(tx: Connection, name: str, now: datetime) -> bool:
    """Make sure that a source exists. Returns whether it is new."""
    if tx.execute(select(sources.c.name).where(sources.c.name == name)).first():
        return False
    try:
        with tx.begin_nested():
            tx.execute(insert(sources).values(name=name, created_at=now))
    except IntegrityError:
        return False  # somebody else made it at the same moment
    return True


def insert_token(tx: Connection, source: str, digest: str, hint: str, now: datetime) -> str:
    """Store a token's digest and return the token's id."""
    token_id = new_id(now)
    tx.execute(insert(tokens).values(id=token_id, source=source, digest=digest, hint=hint, created_at=now))
    return token_id


def by_digest(tx: Connection, digest: str) -> RowMapping | None:
    """Return the token of this digest, if it was not revoked."""
    return tx.execute(_BY_DIGEST, {"wanted": digest}).mappings().first()


def touch(tx: Connection, token_id: str, now: datetime) -> None:
    """Note that a token was used."""
    tx.execute(update(tokens).where(tokens.c.id == token_id).values(last_used_at=now))


def revoke(tx: Connection, token_id: str, now: datetime) -> str:
    """Revoke a token for good. Returns the name of its source.

    Raises:
        NotFoundError: There is no live token of this id.
    """
    source = tx.execute(
        update(tokens)
        .where(tokens.c.id == token_id, tokens.c.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(tokens.c.source)
    ).scalar_one_or_none()
    if source is None:
        raise NotFoundError("live token", token_id)
    return str(source)


def all_tokens(tx: Connection) -> Sequence[RowMapping]:
    """Return all tokens, revoked ones too, by source and age."""
    return tx.execute(select(tokens).order_by(tokens.c.source, tokens.c.created_at)).mappings().all()
