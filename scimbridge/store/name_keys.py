"""Making the keys of userNames anew, in batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from scimbridge.domain.source import NameCase
from scimbridge.store.schema import identities, sources

BATCH = 1000

_UPDATE = update(identities).where(identities.c.id == bindparam("key"))

Keys = Callable[[str], dict[str, str]]
"""Returns the columns that are made of a userName."""


def rules(tx: Connection) -> dict[str, str]:
    """Return the rule by which the keys of each source were made."""
    return {row.name: row.user_name_case for row in tx.execute(select(sources.c.name, sources.c.user_name_case))}


def remember_rule(tx: Connection, source: str, case: NameCase) -> None:
    """Note the rule by which the keys of a source are made now."""
    tx.execute(update(sources).where(sources.c.name == source).values(user_name_case=case.value))


def rekey_batch(tx: Connection, source: str, after: str, keys: Keys) -> tuple[str | None, int]:
    """Make the keys of the next identities anew, deleted ones too.

    Args:
        tx: A write transaction.
        source: Whose identities.
        after: The id of the last one of the batch before.
        keys: Returns the columns of a name.

    Returns:
        The id of the last one of this batch, or ``None`` where there is none; how many were read.
    """
    query = (
        select(identities.c.id, identities.c.user_name, identities.c.user_name_key, identities.c.any_case_name)
        .where(identities.c.source == source, identities.c.id > after)
        .order_by(identities.c.id)
        .limit(BATCH)
    )
    rows = tx.execute(query).mappings().all()
    changed = [{"key": row["id"], **keys(row["user_name"])} for row in rows if not _has(row, keys(row["user_name"]))]
    if changed:
        tx.execute(_UPDATE, changed)
    return (rows[-1]["id"] if rows else None), len(rows)


def clashes(tx: Connection, source: str, most: int) -> list[Sequence[str]]:
    """Return the ids of Users whose names are the same without their case, a list for each name."""
    live = (identities.c.source == source, identities.c.deleted_at.is_(None))
    names = select(identities.c.any_case_name).where(*live).group_by(identities.c.any_case_name)
    twice = tx.execute(names.having(func.count() > 1).limit(most)).scalars().all()
    query = select(identities.c.id).where(*live, identities.c.any_case_name == bindparam("name"))
    return [tx.execute(query.order_by(identities.c.id), {"name": name}).scalars().all() for name in twice]


def _has(row: Mapping[Any, Any], wanted: dict[str, str]) -> bool:
    return all(row[column] == value for column, value in wanted.items())
