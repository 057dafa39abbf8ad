"""Finding by what one has in hand: the beginning of a name or an address, an id, an error. Costs by what is found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, select, union

from scimbridge.domain.names import any_case_key, fold
from scimbridge.store.schema import accounts, cases, identities, identity_values, tasks
from scimbridge.store.schema.work import ASKING, RETRYING

_LAST = "\U0010ffff"
"""Follows every character: the end of what begins alike."""


def people(tx: Connection, said: str, targets: Sequence[str], limit: int) -> list[RowMapping]:
    """Return identities of whom a name or an address begins like this, or that have exactly this id somewhere.

    A name is the userName, or what somebody is called, from any of its words on.

    Args:
        tx: Any transaction.
        said: What somebody has in hand.
        targets: Where an account may have it as its id.
        limit: At most so many.
    """
    name, value = any_case_key(said), " ".join(fold(said).split())
    at_target = accounts.c.target.in_(targets) & (accounts.c.native_id == said)
    # Each part has an index, and ends after as many as are shown.
    parts = (
        select(identities.c.id).where(_begins(identities.c.any_case_name, name)).order_by(identities.c.any_case_name),
        _having("emails.value", value),
        _having("displayName", value),
        select(identities.c.id).where(identities.c.id == said),
        select(identities.c.id).where(identities.c.external_id == said),
        select(accounts.c.identity_id.label("id")).where(at_target),
        select(tasks.c.identity_id.label("id")).where(tasks.c.id == said),
        select(cases.c.identity_id.label("id")).where(cases.c.id == said),
    )
    ids = union(*(select(part.limit(limit).subquery().c.id) for part in parts)).subquery()
    query = select(identities).where(identities.c.id.in_(select(ids.c.id)))
    return list(tx.execute(query.order_by(identities.c.any_case_name, identities.c.id).limit(limit)).mappings())


def _having(attribute: str, start: str) -> Select[Any]:
    """Return who has a value that begins like this."""
    query = select(identity_values.c.identity_id.label("id"))
    query = query.where(identity_values.c.attribute == attribute, _begins(identity_values.c.value, start))
    return query.order_by(identity_values.c.value)


def newest_cases(tx: Connection, identity_ids: Sequence[str]) -> dict[str, RowMapping]:
    """Return the newest case of each identity that has one."""
    query = select(cases).where(cases.c.identity_id.in_(identity_ids)).order_by(cases.c.opened_at, cases.c.id)
    return {row["identity_id"]: row for row in tx.execute(query).mappings()}


def troubled(tx: Connection, said: str, limit: int) -> list[RowMapping]:
    """Return tasks that failed, wait for a person or are tried again, whose reason has this in it."""
    columns = (tasks.c.id, tasks.c.case_id, tasks.c.target, tasks.c.action, tasks.c.state, tasks.c.reason)
    has: ColumnElement[Any] = func.lower(tasks.c.reason).contains(said.lower(), autoescape=True)
    parts = (select(*columns, tasks.c.identity_id).where(where, has).limit(limit) for where in (ASKING, RETRYING))
    found = union(*(select(part.subquery()) for part in parts)).subquery()
    query = select(found, identities.c.user_name).join(identities, identities.c.id == found.c.identity_id)
    return list(tx.execute(query.order_by(found.c.id.desc()).limit(limit)).mappings())


def _begins(column: ColumnElement[str], start: str) -> ColumnElement[bool]:
    """As a range, which both databases answer by the index: what is compared goes by code points."""
    return (column >= start) & (column < start + _LAST)
