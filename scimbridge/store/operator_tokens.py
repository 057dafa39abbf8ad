"""Rows of operators' tokens, each with a name of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, insert, select, update

from scimbridge.domain.ids import new_id
from scimbridge.errors import NotFoundError
from scimbridge.store.schema import operator_tokens, operators


def insert_token(
    tx: Connection, operator: str, name: str, digest: str, hint: str, now: datetime, expires_at: datetime | None
) -> str:
    """Store a token's digest and return the token's id.

    Raises:
        NotFoundError: There is no operator of this name whom anything lets in.
    """
    known = select(operators.c.name).where(operators.c.name == operator, operators.c.revoked_at.is_(None))
    if tx.execute(known).scalar_one_or_none() is None:
        raise NotFoundError("operator", operator)
    token_id = new_id(now)
    row = {"id": token_id, "operator": operator, "name": name, "digest": digest, "hint": hint, "created_at": now}
    tx.execute(insert(operator_tokens).values(**row, expires_at=expires_at))
    return token_id


def revoke(tx: Connection, token_id: str, now: datetime) -> str:
    """Revoke a token and return its operator.

    Raises:
        NotFoundError: No live token has this id.
    """
    live = update(operator_tokens).where(operator_tokens.c.id == token_id, operator_tokens.c.revoked_at.is_(None))
    name = tx.execute(live.values(revoked_at=now).returning(operator_tokens.c.operator)).scalar_one_or_none()
    if name is None:
        raise NotFoundError("live token", token_id)
    return str(name)


def tokens_of(tx: Connection, operator: str | None) -> Sequence[RowMapping]:
    """Return the tokens of an operator, or of all, without anything that could be used to sign in."""
    names = ("id", "operator", "name", "hint", "created_at", "expires_at", "revoked_at")
    query = select(*(operator_tokens.c[name] for name in names))
    if operator is not None:
        query = query.where(operator_tokens.c.operator == operator)
    return tx.execute(query.order_by(operator_tokens.c.operator, operator_tokens.c.created_at)).mappings().all()
