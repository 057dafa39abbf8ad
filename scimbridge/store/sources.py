"""What the store knows of each source: its size, its tokens, its requests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, func, or_, select

from scimbridge.domain.identity import AT_TARGET
from scimbridge.domain.names import any_case_key
from scimbridge.store.schema import REFUSED, groups, identities, requests, sources, tokens


def all_sources(tx: Connection) -> Sequence[RowMapping]:
    """Return all sources that speak SCIM, by name."""
    query = select(sources).where(sources.c.name.not_like(f"{AT_TARGET}%")).order_by(sources.c.name)
    return tx.execute(query).mappings().all()


def counts_of(tx: Connection, source: str) -> dict[str, int]:
    """Return how many Users, active Users and Groups a source has."""
    users = select(func.count()).where(identities.c.source == source, identities.c.deleted_at.is_(None))
    return {
        "users": tx.execute(users).scalar_one(),
        "active_users": tx.execute(users.where(identities.c.active)).scalar_one(),
        "groups": tx.execute(
            select(func.count()).where(groups.c.source == source, groups.c.deleted_at.is_(None))
        ).scalar_one(),
    }


def live_tokens_of(tx: Connection, source: str) -> Sequence[RowMapping]:
    """Return the tokens of a source that were not revoked, without anything that could be used to sign in."""
    query = select(tokens.c.id, tokens.c.hint, tokens.c.created_at, tokens.c.last_used_at, tokens.c.expires_at)
    query = query.where(tokens.c.source == source, tokens.c.revoked_at.is_(None)).order_by(tokens.c.created_at)
    return tx.execute(query).mappings().all()


def last_request_at(tx: Connection, source: str) -> datetime | None:
    """Return when a source last wrote something."""
    query = select(requests.c.at).where(requests.c.source == source).order_by(requests.c.number.desc()).limit(1)
    return tx.execute(query).scalars().first()


def refused_since(tx: Connection, source: str, since: datetime) -> dict[int, int]:
    """Return how many writes of a source were answered with an error, by status."""
    query = (
        select(requests.c.status, func.count().label("total"))
        .where(REFUSED, requests.c.source == source, requests.c.at >= since)
        .group_by(requests.c.status)
        .order_by(requests.c.status)
    )
    return {row.status: row.total for row in tx.execute(query)}


def requests_of(
    tx: Connection, source: str, *, resource_ids: Sequence[str] | None, only_refused: bool, limit: int
) -> Sequence[RowMapping]:
    """Return writes of a source, newest first.

    Args:
        tx: Any transaction.
        source: The source.
        resource_ids: Those about one of these; all where ``None``.
        only_refused: Those that were answered with an error.
        limit: How many at most.
    """
    query = select(requests).where(requests.c.source == source)
    if resource_ids is not None:
        query = query.where(requests.c.resource_id.in_(resource_ids))
    if only_refused:
        query = query.where(requests.c.status >= 400)
    return tx.execute(query.order_by(requests.c.number.desc()).limit(limit)).mappings().all()


def users_named(tx: Connection, source: str, name: str) -> Sequence[RowMapping]:
    """Return the Users of a source with this id, userName or externalId, deleted ones too."""
    same: ColumnElement[bool] = or_(
        identities.c.id == name, identities.c.any_case_name == any_case_key(name), identities.c.external_id == name
    )
    query = select(identities.c.id, identities.c.user_name, identities.c.active, identities.c.deleted_at)
    return tx.execute(query.where(identities.c.source == source, same).order_by(identities.c.id)).mappings().all()
