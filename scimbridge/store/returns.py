"""Rows of returns: who came back to which targets together with many others, and has not been seen to yet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, Select, bindparam, delete, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from scimbridge.store.id_lists import in_parts, is_among
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import UtcDateTime, moves, returns, unassignments

_OF_IDENTITY = Prepared(select(returns.c.target).where(returns.c.identity_id == bindparam("identity")))


def note(tx: Connection, ids: Iterable[str], targets: Iterable[str], now: datetime) -> int:
    """Note of all identities that lost some of these targets that they are back: they have lost them no longer.

    It costs a few statements, however many they are. Returns how many accounts this is about.
    """
    wanted, noted = list(targets), 0
    for part in in_parts(tx, ids):
        for table in (unassignments, moves):
            lost = is_among(tx, table.c.identity_id, part) & table.c.target.in_(wanted)
            back = select(table.c.identity_id, table.c.target, literal(now, UtcDateTime)).where(lost).distinct()
            noted += _insert(tx, back)
            tx.execute(delete(table).where(lost))
    return noted


def targets_of(tx: Connection, identity_id: str) -> frozenset[str]:
    """Return the targets to which an identity is back without having been seen to."""
    return frozenset(_OF_IDENTITY.column(tx, {"identity": identity_id}))


def end(tx: Connection, identity_id: str, targets: Iterable[str]) -> None:
    """Somebody has seen to an identity's return to targets, or it is lost once more."""
    tx.execute(delete(returns).where(returns.c.identity_id == identity_id, returns.c.target.in_(list(targets))))


def people(tx: Connection, most: int, *, behind: str = "") -> list[str]:
    """Return the next identities that nobody has seen to, in the order of their ids."""
    query = select(returns.c.identity_id).where(returns.c.identity_id > behind).distinct()
    return list(tx.execute(query.order_by(returns.c.identity_id).limit(most)).scalars())


def count(tx: Connection) -> int:
    """Return about how many accounts nobody has seen to."""
    return int(tx.execute(select(func.count()).select_from(returns)).scalar_one())


def _insert(tx: Connection, back: Select[tuple[str, str, datetime]]) -> int:
    statement = (sqlite if tx.dialect.name == "sqlite" else postgresql).insert(returns)
    statement = statement.from_select(["identity_id", "target", "at"], back).on_conflict_do_nothing()
    return tx.execute(statement.execution_options(preserve_rowcount=True)).rowcount
