"""Rows of operators and their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, and_, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from scimbridge.domain.ids import new_id
from scimbridge.domain.operator import Role
from scimbridge.errors import DuplicateError, NotFoundError
from scimbridge.store.schema import operator_secrets, operator_subjects, operator_tokens, operators

_BY_DIGEST = (
    select(operators.c.name, operators.c.role, operator_tokens.c.expires_at)
    .join(operators, operators.c.name == operator_tokens.c.operator)
    .where(
        operator_tokens.c.digest == bindparam("wanted"),
        operator_tokens.c.revoked_at.is_(None),
        operators.c.revoked_at.is_(None),
    )
)


def insert_operator(tx: Connection, name: str, role: Role, now: datetime) -> None:
    """Store an operator; one who was revoked is let in again.

    Raises:
        DuplicateError: There is one of this name.
    """
    again = update(operators).where(operators.c.name == name, operators.c.revoked_at.is_not(None))
    if tx.execute(again.values(role=role, created_at=now, revoked_at=None)).rowcount:
        return
    try:
        with tx.begin_nested():
            tx.execute(insert(operators).values(name=name, role=role, created_at=now))
    except IntegrityError as error:
        raise DuplicateError("name") from error


def insert_token(
    tx: Connection, operator: str, digest: str, hint: str, now: datetime, expires_at: datetime | None
) -> None:
    """Store a token's digest."""
    row = {"id": new_id(now), "operator": operator, "digest": digest, "hint": hint, "created_at": now}
    tx.execute(insert(operator_tokens).values(**row, expires_at=expires_at))


def by_digest(tx: Connection, digest: str) -> RowMapping | None:
    """Return the operator of a token that was not revoked, and when it expires."""
    return tx.execute(_BY_DIGEST, {"wanted": digest}).mappings().first()


def revoke(tx: Connection, name: str, now: datetime) -> None:
    """Let an operator in no more, by no token.

    Raises:
        NotFoundError: There is none of this name whom anything lets in.
    """
    live = update(operators).where(operators.c.name == name, operators.c.revoked_at.is_(None))
    if tx.execute(live.values(revoked_at=now)).rowcount == 0:
        raise NotFoundError("operator", name)
    own = update(operator_tokens).where(operator_tokens.c.operator == name, operator_tokens.c.revoked_at.is_(None))
    tx.execute(own.values(revoked_at=now))


def has_any(tx: Connection) -> bool:
    """Whether there is an operator who was not revoked."""
    return bool(tx.execute(select(operators.c.name).where(operators.c.revoked_at.is_(None)).limit(1)).first())


def set_role(tx: Connection, name: str, role: Role) -> None:
    """Give an operator another role.

    Raises:
        NotFoundError: There is none of this name whom anything lets in.
    """
    live = update(operators).where(operators.c.name == name, operators.c.revoked_at.is_(None))
    if tx.execute(live.values(role=role)).rowcount == 0:
        raise NotFoundError("operator", name)


def let_in_again(tx: Connection, name: str) -> None:
    """Take back that an operator was revoked.

    Raises:
        NotFoundError: There is no revoked one of this name.
    """
    gone = update(operators).where(operators.c.name == name, operators.c.revoked_at.is_not(None))
    if tx.execute(gone.values(revoked_at=None)).rowcount == 0:
        raise NotFoundError("revoked operator", name)


def all_operators(tx: Connection) -> Sequence[RowMapping]:
    """Return all operators, revoked ones too, each with their tokens: ``hint`` and ``expires_at``.

    Whoever has none, because they sign in to the pages or because all were revoked, is there once, without. Of one who
    was revoked, the tokens are told that were revoked with them.
    """
    own = and_(
        operator_tokens.c.operator == operators.c.name,
        operator_tokens.c.revoked_at.is_not_distinct_from(operators.c.revoked_at),
    )
    query = (
        select(operators, operator_tokens.c.hint, operator_tokens.c.expires_at)
        .outerjoin(operator_tokens, own)
        .order_by(operators.c.name, operator_tokens.c.created_at)
    )
    return tx.execute(query).mappings().all()


def everybody(tx: Connection, now: datetime) -> Sequence[RowMapping]:
    """Return all operators, each once, with what lets them in: ``has_password``, ``has_app``, and live ``tokens``."""
    live = (
        select(func.count())
        .select_from(operator_tokens)
        .where(
            operator_tokens.c.operator == operators.c.name,
            operator_tokens.c.revoked_at.is_(None),
            operator_tokens.c.expires_at.is_(None) | (operator_tokens.c.expires_at > now),
        )
        .scalar_subquery()
    )
    query = (
        select(
            operators,
            operator_secrets.c.password_hash.is_not(None).label("has_password"),
            operator_secrets.c.totp_secret.is_not(None).label("has_app"),
            operator_subjects.c.subject.is_not(None).label("is_of_provider"),
            live.label("tokens"),
        )
        .outerjoin(operator_secrets, operator_secrets.c.operator == operators.c.name)
        .outerjoin(operator_subjects, operator_subjects.c.operator == operators.c.name)
        .order_by(operators.c.revoked_at.is_not(None), operators.c.name)
    )
    return tx.execute(query).mappings().all()
