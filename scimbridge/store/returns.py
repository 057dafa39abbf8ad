"""Rows of returns: who came back together with many others, and has not been seen to yet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from scimbridge.domain.trigger import Trigger
from scimbridge.store.id_lists import in_parts, is_among
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import UtcDateTime, moves, returns, unassignments

_ASSIGNED = returns.c.trigger == Trigger.UNASSIGNED.value
_TARGETS = Prepared(select(returns.c.target).where(returns.c.identity_id == bindparam("identity"), _ASSIGNED))


def note_assigned(tx: Connection, ids: Iterable[str], targets: Iterable[str], now: datetime) -> int:
    """Note that whoever of some identities lost some of these targets is assigned again, and has lost them no longer.

    It costs a few statements, however many they are. Returns about how many accounts that is.
    """
    wanted, noted = list(targets), 0
    for part in in_parts(tx, ids):
        for table in (unassignments, moves):
            lost = is_among(tx, table.c.identity_id, part) & table.c.target.in_(wanted)
            noted += _note(tx, table, lost, Trigger.UNASSIGNED, now)
            tx.execute(delete(table).where(lost))
    return noted


def note_moved(tx: Connection, ids: Iterable[str], now: datetime) -> int:
    """Note that identities which lost something by changing may have changed back. Returns about how many accounts."""
    return sum(
        _note(tx, moves, is_among(tx, moves.c.identity_id, part), Trigger.CHANGED, now) for part in in_parts(tx, ids)
    )


def assigned_to(tx: Connection, identity_id: str) -> frozenset[str]:
    """Return the targets to which an identity is assigned again, and nobody has seen to it."""
    return frozenset(_TARGETS.column(tx, {"identity": identity_id}))


def end_assigned(tx: Connection, identity_id: str, targets: Iterable[str]) -> None:
    """Somebody has seen to it that an identity is assigned to targets again; or it has lost them once more."""
    own = returns.c.identity_id == identity_id
    tx.execute(delete(returns).where(own, returns.c.target.in_(list(targets)), _ASSIGNED))


def end_moved(tx: Connection, identity_id: str) -> bool:
    """Somebody looks whether an identity has changed back. Returns whether that was to be done."""
    return tx.execute(delete(returns).where(returns.c.identity_id == identity_id, ~_ASSIGNED)).rowcount > 0


def people(tx: Connection, most: int, *, behind: str = "") -> list[str]:
    """Return the next identities that nobody has seen to, in the order of their ids."""
    query = select(returns.c.identity_id).where(returns.c.identity_id > behind).distinct()
    return list(tx.execute(query.order_by(returns.c.identity_id).limit(most)).scalars())


def count(tx: Connection) -> int:
    """Return about how many accounts nobody has seen to."""
    return int(tx.execute(select(func.count()).select_from(returns)).scalar_one())


def _note(tx: Connection, losses: Table, which: ColumnElement[bool], trigger: Trigger, now: datetime) -> int:
    names = ["identity_id", "target", "trigger", "at"]
    back = select(losses.c.identity_id, losses.c.target, literal(trigger.value), literal(now, UtcDateTime))
    statement = (sqlite if tx.dialect.name == "sqlite" else postgresql).insert(returns)
    statement = statement.from_select(names, back.where(which).distinct()).on_conflict_do_nothing()
    return tx.execute(statement.execution_options(preserve_rowcount=True)).rowcount
