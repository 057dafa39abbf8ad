"""Rows of floods, and of the cases that belong to each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, bindparam, exists, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from scimbridge.domain.action import GuardClass
from scimbridge.domain.case import CaseState
from scimbridge.domain.flood import Decision, Flood
from scimbridge.domain.guard import GuardScope, Limit
from scimbridge.domain.hold import Scope
from scimbridge.domain.ids import new_id
from scimbridge.errors import NotFoundError
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import UNSETTLED, attempts, cases, flood_cases, floods, holds, identities, tasks
from scimbridge.store.values import Row

GUARD = "the guard"
"""Who places the holds of a flood."""

_IS_OPEN = cases.c.state == CaseState.OPEN
_SELECT = select(floods).where(floods.c.id == bindparam("key"))
_BY_ID = Prepared(_SELECT)
_BY_ID_LOCKED = Prepared(_SELECT.with_for_update(key_share=True))
_TAKE_IN = {
    name: Prepared(store.insert(flood_cases).on_conflict_do_nothing(), ("flood_id", "case_id"))
    for name, store in (("sqlite", sqlite), ("postgresql", postgresql))
}
_HELD = Prepared(
    select(holds.c.id)
    .where(
        # Not the bare column: by its index, all holds of the flood would be read for each of its cases.
        func.coalesce(holds.c.flood_id, "") == bindparam("flood"),
        holds.c.lifted_at.is_(None),
        holds.c.scope == Scope.CASE.value,
        holds.c.subject == bindparam("case"),
    )
    .limit(1)
)
_HOLD = Prepared(insert(holds), ("id", "scope", "subject", "reason", "placed_by", "placed_at", "is_legal", "flood_id"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How big a flood is.

    Attributes:
        cases: All that belong to it.
        held: Open ones that its holds stop.
        started: Those in which something was changed, or may have been.
    """

    cases: int
    held: int
    started: int


def insert_flood(tx: Connection, limit: Limit, reason: str, now: datetime) -> Flood:
    """Store an open flood and return it."""
    flood = Flood(
        id=new_id(now),
        scope=limit.scope,
        subject=limit.subject,
        guard_class=limit.guard_class,
        opened_at=now,
        reason=reason,
    )
    tx.execute(
        insert(floods).values(
            id=flood.id,
            scope=flood.scope,
            subject=flood.subject,
            guard_class=flood.guard_class,
            opened_at=now,
            reason=reason,
        )
    )
    return flood


def flood_by_id(tx: Connection, flood_id: str, *, lock: bool = False) -> Flood:
    """Return a flood.

    Raises:
        NotFoundError: There is none of this id.
    """
    # Whoever opens a case at this moment refers to the row, and need not wait.
    row = (_BY_ID_LOCKED if lock else _BY_ID).first(tx, {"key": flood_id})
    if row is None:
        raise NotFoundError("flood", flood_id)
    return _flood(row)


def standing(tx: Connection) -> list[Flood]:
    """Return the floods that wait for a person, oldest first."""
    query = select(floods).where(floods.c.closed_at.is_(None)).order_by(floods.c.opened_at)
    return [_flood(row) for row in tx.execute(query).mappings()]


def closed(tx: Connection, limit: int) -> list[Flood]:
    """Return floods that somebody decided about, the newest decision first."""
    query = select(floods).where(floods.c.closed_at.is_not(None)).order_by(floods.c.closed_at.desc()).limit(limit)
    return [_flood(row) for row in tx.execute(query).mappings()]


def unsettled(tx: Connection) -> list[Flood]:
    """Return the floods whose decision has not been carried out for all of their cases."""
    return [_flood(row) for row in tx.execute(select(floods).where(UNSETTLED)).mappings()]


def close(
    tx: Connection, flood: Flood, decision: Decision, *, by: str, reason: str, gives_back: bool, now: datetime
) -> None:
    """Store what was decided about a flood that stands; the caller has locked its row."""
    tx.execute(
        update(floods)
        .where(floods.c.id == flood.id)
        .values(closed_at=now, closed_by=by, verdict=decision, closing_reason=reason, gives_back=gives_back)
    )


def take_in(tx: Connection, flood_id: str, case_ids: Iterable[str]) -> None:
    """Note that cases belong to a flood; those that do already stay."""
    rows = [{"flood_id": flood_id, "case_id": case_id} for case_id in case_ids]
    _TAKE_IN[tx.dialect.name].run_many(tx, rows)


def hold(tx: Connection, flood: Flood, case_ids: Iterable[str], now: datetime) -> None:
    """Place a flood's holds on cases."""
    _HOLD.run_many(
        tx,
        [
            {
                "id": new_id(now),
                "scope": Scope.CASE,
                "subject": case_id,
                "reason": flood.reason,
                "placed_by": GUARD,
                "placed_at": now,
                "is_legal": False,
                "flood_id": flood.id,
            }
            for case_id in case_ids
        ],
    )


def is_held(tx: Connection, flood_id: str, case_id: str) -> bool:
    """Whether a hold of a flood stands on a case."""
    return bool(_HELD.column(tx, {"flood": flood_id, "case": case_id}))


def has_unheld(tx: Connection, flood_id: str, *, beside: str) -> bool:
    """Whether an open case of a flood, beside one, is held by no flood, this one included."""
    is_held = exists(
        select(holds.c.id).where(
            holds.c.scope == Scope.CASE,
            holds.c.subject == flood_cases.c.case_id,
            holds.c.flood_id.is_not(None),
            holds.c.lifted_at.is_(None),
        )
    )
    query = (
        select(flood_cases.c.case_id)
        .join(cases, cases.c.id == flood_cases.c.case_id)
        .where(flood_cases.c.flood_id == flood_id, flood_cases.c.case_id != beside, _IS_OPEN, ~is_held)
    )
    return bool(tx.execute(select(exists(query))).scalar_one())


def standing_beside(tx: Connection, flood_id: str) -> list[Flood]:
    """Return other floods that wait for a person and have some of the same cases, oldest first."""
    own = select(flood_cases.c.case_id).where(flood_cases.c.flood_id == flood_id)
    others = select(flood_cases.c.flood_id).where(flood_cases.c.case_id.in_(own), flood_cases.c.flood_id != flood_id)
    query = select(floods).where(floods.c.closed_at.is_(None), floods.c.id.in_(others)).order_by(floods.c.opened_at)
    return [_flood(row) for row in tx.execute(query).mappings()]


def next_unsettled(tx: Connection, flood_id: str, limit: int) -> list[tuple[str, str]]:
    """Return cases of a flood for which its decision has not been carried out: id and identity. Locks their rows."""
    query = (
        select(flood_cases.c.case_id, cases.c.identity_id)
        .join(cases, cases.c.id == flood_cases.c.case_id)
        .where(flood_cases.c.flood_id == flood_id, flood_cases.c.settled_at.is_(None))
        .order_by(flood_cases.c.case_id)
        .limit(limit)
        # Somebody else may be carrying it out, too.
        .with_for_update(of=flood_cases, skip_locked=True)
    )
    return [(case_id, identity_id) for case_id, identity_id in tx.execute(query)]


def settle_cases(tx: Connection, flood_id: str, case_ids: Sequence[str], *, by: str, now: datetime) -> None:
    """Lift a flood's holds on cases, and note that its decision has been carried out for them."""
    tx.execute(
        update(holds)
        .where(
            holds.c.flood_id == flood_id,
            holds.c.lifted_at.is_(None),
            holds.c.scope == Scope.CASE,
            holds.c.subject.in_(case_ids),
        )
        .values(lifted_at=now, lifted_by=by)
    )
    tx.execute(
        update(flood_cases)
        .where(flood_cases.c.flood_id == flood_id, flood_cases.c.case_id.in_(case_ids))
        .values(settled_at=now)
    )


def settle(tx: Connection, flood_id: str, now: datetime) -> bool:
    """Note that a flood's decision has been carried out, if it has been for all cases. Returns whether it has."""
    left = exists(
        select(flood_cases.c.case_id).where(flood_cases.c.flood_id == flood_id, flood_cases.c.settled_at.is_(None))
    )
    found = tx.execute(update(floods).where(floods.c.id == flood_id, UNSETTLED, ~left).values(settled_at=now))
    return found.rowcount > 0


def extent(tx: Connection, flood_id: str) -> Extent:
    """Return how big a flood is."""
    return extents(tx, [flood_id])[flood_id]


def extents(tx: Connection, flood_ids: Sequence[str]) -> dict[str, Extent]:
    """Return how big each of some floods is; in as many statements as for one."""
    own = select(flood_cases.c.flood_id, func.count()).where(flood_cases.c.flood_id.in_(flood_ids))
    is_started = exists(select(tasks.c.id).where(tasks.c.case_id == flood_cases.c.case_id, _has_started()))
    held = (
        select(holds.c.flood_id, func.count())
        .join(cases, cases.c.id == holds.c.subject)
        .where(holds.c.flood_id.in_(flood_ids), holds.c.lifted_at.is_(None), _IS_OPEN)
        .group_by(holds.c.flood_id)
    )
    by_flood = own.group_by(flood_cases.c.flood_id)
    all_cases, all_held, all_started = (
        {row[0]: row[1] for row in tx.execute(query)} if flood_ids else {}
        for query in (by_flood, held, by_flood.where(is_started))
    )
    return {
        each: Extent(cases=all_cases.get(each, 0), held=all_held.get(each, 0), started=all_started.get(each, 0))
        for each in flood_ids
    }


def unsettled_count(tx: Connection, flood_id: str) -> int:
    """Return for how many cases a flood's decision has not been carried out."""
    return _number(
        tx,
        select(flood_cases.c.case_id).where(flood_cases.c.flood_id == flood_id, flood_cases.c.settled_at.is_(None)),
    )


def started_rows(tx: Connection, flood_id: str, limit: int) -> Sequence[Row]:
    """Return the tasks of a flood that have changed something, or may have.

    Each with ``case_id``, ``source``, ``user_name``, ``action``, ``target``, ``state``, and whether a request that
    changes something may be under way just now: ``is_past_the_line``.
    """
    past_the_line = exists(
        select(attempts.c.id).where(
            attempts.c.task_id == tasks.c.id, attempts.c.ended_at.is_(None), attempts.c.confirmed_at.is_not(None)
        )
    )
    query = (
        select(
            tasks.c.case_id,
            identities.c.source,
            identities.c.user_name,
            tasks.c.action,
            tasks.c.target,
            tasks.c.state,
            past_the_line.label("is_past_the_line"),
        )
        .join(flood_cases, flood_cases.c.case_id == tasks.c.case_id)
        .join(identities, identities.c.id == tasks.c.identity_id)
        .where(flood_cases.c.flood_id == flood_id, _has_started())
        .order_by(tasks.c.case_id, tasks.c.target, tasks.c.position)
        .limit(limit)
    )
    return tx.execute(query).mappings().all()


def held_case_rows(tx: Connection, flood_id: str, limit: int) -> Sequence[Row]:
    """Return cases that a flood holds: ``case_id``, ``source``, ``user_name``, ``hold_id``."""
    query = (
        select(cases.c.id.label("case_id"), identities.c.source, identities.c.user_name, holds.c.id.label("hold_id"))
        .join(cases, cases.c.id == holds.c.subject)
        .join(identities, identities.c.id == cases.c.identity_id)
        .where(holds.c.flood_id == flood_id, holds.c.lifted_at.is_(None), _IS_OPEN)
        .order_by(cases.c.id)
        .limit(limit)
    )
    return tx.execute(query).mappings().all()


def has_started(tx: Connection, case_id: str) -> bool:
    """Whether a case has changed anything, or may have."""
    query = select(exists(select(tasks.c.id).where(tasks.c.case_id == case_id, _has_started())))
    return bool(tx.execute(query).scalar_one())


def _has_started() -> ColumnElement[bool]:
    """Whether a request that changes something may have left: what was stopped before that has changed nothing."""
    return exists(select(attempts.c.id).where(attempts.c.task_id == tasks.c.id, attempts.c.confirmed_at.is_not(None)))


def _number(tx: Connection, query: Select[tuple[str]]) -> int:
    return int(tx.execute(select(func.count()).select_from(query.subquery())).scalar_one())


def _flood(row: Row) -> Flood:
    return Flood(
        id=row["id"],
        scope=GuardScope(row["scope"]),
        subject=row["subject"],
        guard_class=GuardClass(row["guard_class"]),
        opened_at=row["opened_at"],
        reason=row["reason"],
        closed_at=row["closed_at"],
        closed_by=row["closed_by"],
        decision=Decision(row["verdict"]) if row["verdict"] else None,
        closing_reason=row["closing_reason"],
        gives_back=row["gives_back"],
        settled_at=row["settled_at"],
    )
