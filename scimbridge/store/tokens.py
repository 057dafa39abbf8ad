"""Rows of sources and their tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, bindparam, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from scimbridge.domain.ids import new_id
from scimbridge.errors import NotFoundError
from scimbridge.store.schema import sources, tokens

_BY_DIGEST = select(tokens).where(tokens.c.digest == bindparam("wanted"))
_TOUCH = update(tokens).where(tokens.c.id == bindparam("used")).values(last_used_at=bindparam("at"))


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


def has_source(tx: Connection, name: str) -> bool:
    """Whether a source of this name has ever been here."""
    return tx.execute(select(sources.c.name).where(sources.c.name == name)).first() is not None


def live_count(tx: Connection, source: str, now: datetime) -> int:
    """Return how many tokens a source has that let it in. Who asks is the only one until the end of the transaction."""
    tx.execute(select(sources.c.name).where(sources.c.name == source).with_for_update())
    is_live = tokens.c.revoked_at.is_(None) & or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > now)
    query = select(func.count()).select_from(tokens).where(tokens.c.source == source, is_live)
    return int(tx.execute(query).scalar_one())


def insert_token(
    tx: Connection, source: str, digest: str, hint: str, now: datetime, expires_at: datetime | None
) -> str:
    """Store a token's digest and return the token's id."""
    token_id = new_id(now)
    row = {"id": token_id, "source": source, "digest": digest, "hint": hint, "created_at": now}
    tx.execute(insert(tokens).values(**row, expires_at=expires_at))
    return token_id


def by_digest(tx: Connection, digest: str) -> RowMapping | None:
    """Return the token of this digest, whether or not it still lets anybody in."""
    return tx.execute(_BY_DIGEST, {"wanted": digest}).mappings().first()


def touch(tx: Connection, used: Mapping[str, datetime]) -> None:
    """Note when tokens were last used, by their ids."""
    tx.execute(_TOUCH, [{"used": token_id, "at": at} for token_id, at in used.items()])


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
    """Return all tokens, those too that let nobody in anymore, by source and age."""
    return tx.execute(select(tokens).order_by(tokens.c.source, tokens.c.created_at)).mappings().all()
