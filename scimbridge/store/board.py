"""The board: in which column each open case stands, computed in the database at a cost of what is under way.

Most open cases wait for their next stage, and nothing has to be read of them: they are what is left when those are
taken away of which something is due, under way, failed or held.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
    union,
)
from sqlalchemy import cast as as_type
from sqlalchemy.types import Integer

from scimbridge.domain.case import Case, CaseState
from scimbridge.domain.hold import Scope
from scimbridge.domain.situation import Column
from scimbridge.domain.task import FINISHED, TaskState
from scimbridge.store.approvals import is_approved
from scimbridge.store.cases import case_of
from scimbridge.store.holds import is_held
from scimbridge.store.schema import RUNNABLE, attempts, cases, holds, identities, tasks

DONE_FOR = timedelta(hours=24)
"""How long what is done stays on the board."""

_LEFT = tasks.c.state.not_in([state.value for state in FINISHED])
_IS_OPEN_BY_EXPRESSION = func.coalesce(cases.c.state, "") == CaseState.OPEN
"""The same where few cases are asked for; no index has it, with which SQLite would begin with all open ones."""
_IS_OPEN = cases.c.state == literal_column(f"'{CaseState.OPEN}'")
_AT_ONCE = 256
"""Planned tasks that are looked at together for the cases whose next stage comes first."""


def counts(tx: Connection, now: datetime) -> dict[Column, int]:
    """Return how many cases stand in each column."""
    placed = _placed(now)
    found = dict.fromkeys(Column, 0)
    rows = tx.execute(select(placed.c.column, func.count()).group_by(placed.c.column))
    found.update({Column(name): number for name, number in rows})
    if _holds_stand(tx):
        found[Column.HELD] += _number_of(tx, _is_stopped(placed))
    found[Column.GRACE] += _number_of(tx, _IS_OPEN) - sum(found.values())
    found[Column.DONE] = _number_of(tx, _is_done(now))
    return found


def first(tx: Connection, column: Column, now: datetime, limit: int) -> list[tuple[Case, str]]:
    """Return the cases of a column with the least time left, and the userName of each."""
    if column is Column.GRACE:
        ids = list(islice(_resting(tx, now), limit))
        return _in_order(tx, ids)
    found = _cases()
    if column is Column.DONE:
        rows = tx.execute(found.where(_is_done(now)).order_by(cases.c.closed_at.desc()).limit(limit)).mappings()
        return [(case_of(row), row["user_name"]) for row in rows]
    placed = _placed(now)
    moving = found.join(placed, placed.c.case_id == cases.c.id).where(placed.c.column == column.value)
    rows = tx.execute(moving.order_by(placed.c.left, cases.c.id).limit(limit)).mappings()
    listed = [(case_of(row), row["user_name"]) for row in rows]
    if column is Column.HELD and len(listed) < limit:
        rest = found.where(_is_stopped(placed)).order_by(cases.c.opened_at, cases.c.id)
        rows = tx.execute(rest.limit(limit - len(listed))).mappings()
        listed += [(case_of(row), row["user_name"]) for row in rows]
    return listed


def stands_in(column: Column, now: datetime) -> ColumnElement[bool]:
    """Return the same question as SQL, for each row of ``cases``."""
    if column is Column.DONE:
        return _is_done(now)
    placed = _placed(now)
    is_placed = cases.c.id.in_(select(placed.c.case_id).where(placed.c.column == column.value))
    match column:
        case Column.HELD:
            return and_(_IS_OPEN, or_(is_placed, _is_stopped(placed)))
        case Column.GRACE:
            return and_(_IS_OPEN, *_is_in_grace(placed))
        case _:
            return and_(_IS_OPEN, is_placed)


def _cases() -> Select[tuple[object, ...]]:
    found: Select[tuple[object, ...]] = select(*cases.c, identities.c.user_name)
    return found.join(identities, identities.c.id == cases.c.identity_id)


def _in_order(tx: Connection, ids: list[str]) -> list[tuple[Case, str]]:
    rows = {row["id"]: row for row in tx.execute(_cases().where(cases.c.id.in_(ids))).mappings()}
    return [(case_of(rows[case_id]), rows[case_id]["user_name"]) for case_id in ids]


def _holds_stand(tx: Connection) -> bool:
    """Whether there is any: PostgreSQL expects each to stop most cases, and reads them all to find none."""
    return tx.execute(select(holds.c.id).where(holds.c.lifted_at.is_(None)).limit(1)).first() is not None


def _number_of(tx: Connection, condition: ColumnElement[bool]) -> int:
    return int(tx.execute(select(func.count()).select_from(cases).where(condition)).scalar_one())


def _is_done(now: datetime) -> ColumnElement[bool]:
    return and_(cases.c.state == CaseState.COMPLETED, cases.c.closed_at >= now - DONE_FOR)


def _resting(tx: Connection, now: datetime) -> Iterator[str]:
    """Yield the open cases of which nothing is due and that nothing holds; whose next stage comes first, comes first.

    Planned tasks are walked in the order of their dates, so that it costs by how many are asked for.
    """
    seen: set[str] = set()
    last: RowMapping | None = None
    while True:
        found = select(tasks.c.id, tasks.c.case_id, tasks.c.due_at).where(_is(TaskState.PLANNED), tasks.c.due_at > now)
        if last is not None:
            is_later = and_(tasks.c.due_at == last["due_at"], tasks.c.id > last["id"])
            found = found.where(tasks.c.due_at >= last["due_at"], or_(tasks.c.due_at > last["due_at"], is_later))
        rows = tx.execute(found.order_by(tasks.c.due_at, tasks.c.id).limit(_AT_ONCE)).mappings().all()
        if not rows:
            return
        last = rows[-1]
        new = dict.fromkeys(row["case_id"] for row in rows if row["case_id"] not in seen)
        seen.update(new)
        grace = select(cases.c.id).where(cases.c.id.in_(list(new)), _IS_OPEN_BY_EXPRESSION, *_is_in_grace(_placed(now)))
        kept = set(tx.execute(grace).scalars())
        yield from (case_id for case_id in new if case_id in kept)


def _moving(now: datetime) -> ColumnElement[bool]:
    """Return, for each row of ``tasks``, whether its case has something due, under way, or failed."""
    runs = select(attempts.c.task_id).where(attempts.c.ended_at.is_(None), attempts.c.task_id.is_not(None))
    # Each part has an index of its own, which an OR of them would not use.
    ids = union(
        select(tasks.c.case_id).where(RUNNABLE),
        select(tasks.c.case_id).where(_is(TaskState.FAILED)),
        select(tasks.c.case_id).where(tasks.c.id.in_(runs)),
        select(tasks.c.case_id).where(_is(TaskState.PLANNED), tasks.c.due_at <= now),
    ).subquery()
    return tasks.c.case_id.in_(select(ids.c.case_id))


def _is(state: TaskState) -> ColumnElement[bool]:
    """SQLite uses a partial index for literals, not for parameters."""
    return tasks.c.state == literal_column(f"'{state}'")


def _placed(now: datetime) -> CTE:
    """Return the column of each open case of which something is due, under way, or failed, and its time left."""
    state = tasks.c.state
    is_planned = and_(state == TaskState.PLANNED, tasks.c.due_at <= now)
    asks = _any(or_(state == TaskState.FAILED, and_(state == TaskState.WAITING, tasks.c.not_before.is_(None))))
    held = _any(and_(_LEFT, is_held(tasks)))
    working = _any(state.in_([TaskState.READY, TaskState.RUNNING]))
    waiting = _any(state == TaskState.WAITING)
    unapproved = _any(and_(is_planned, ~is_approved(tasks)))
    due = _any(is_planned)
    begun = _any(or_(tasks.c.attempts > 0, state.not_in([TaskState.PLANNED, TaskState.READY])))
    column = case(
        (asks, Column.NEEDS_PERSON.value),
        (held, Column.HELD.value),
        (and_(working, ~begun), Column.RECEIVED.value),
        (working, Column.REVOKING.value),
        (unapproved, Column.NEEDS_PERSON.value),
        (waiting, Column.VERIFYING.value),
        (and_(due, ~begun), Column.RECEIVED.value),
        else_=Column.GRACE.value,
    )
    left = func.min(case((_LEFT, func.coalesce(tasks.c.deadline_at, tasks.c.not_before, tasks.c.due_at))))
    return (
        select(tasks.c.case_id, column.label("column"), left.label("left"))
        .join(cases, cases.c.id == tasks.c.case_id)
        .where(_moving(now), _IS_OPEN_BY_EXPRESSION)
        .group_by(tasks.c.case_id)
        .cte("placed")
    )


def _any(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return func.max(as_type(case((condition, 1), else_=0), Integer)) == 1


def _is_in_grace(placed: CTE) -> Iterator[ColumnElement[bool]]:
    """Yield, for each row of ``cases`` that is open, what makes it stand there: nothing puts it elsewhere."""
    yield cases.c.id.not_in(select(placed.c.case_id).where(placed.c.column != Column.GRACE.value))
    yield ~_is_held()


def _is_stopped(placed: CTE) -> ColumnElement[bool]:
    """Return, for each row of ``cases``, whether it is open and rests, and a hold stops what comes next."""
    return and_(_is_held_somehow(), cases.c.id.not_in(select(placed.c.case_id)))


def _is_held() -> ColumnElement[bool]:
    """Return, for each row of ``cases`` that is open, whether a hold stops something that is left to do.

    It is asked from the cases, which are looked at until enough are found, down to the holds, which are few.
    """
    own = tasks.alias("own")
    is_left = own.c.state.not_in([state.value for state in FINISHED])
    at_target = exists().where(own.c.case_id == cases.c.id, own.c.target == holds.c.subject, is_left)

    def on(scope: Scope, *same: ColumnElement[bool]) -> ColumnElement[bool]:
        return and_(holds.c.scope == scope, *same)

    return (
        exists()
        .where(
            holds.c.lifted_at.is_(None),
            or_(
                on(Scope.EVERYTHING),
                on(Scope.SOURCE, holds.c.subject == cases.c.source),
                on(Scope.IDENTITY, holds.c.subject == cases.c.identity_id),
                on(Scope.CASE, holds.c.subject == cases.c.id),
                on(Scope.TARGET, at_target),
            ),
        )
        .correlate(cases)
    )


def _is_held_somehow() -> ColumnElement[bool]:
    """Return, for each row of ``cases``, whether it is open and a hold stops something that is left to do.

    It is asked from the holds, which are few, down to the cases.
    """
    found, own = cases.alias("held"), tasks.alias("own")
    is_left = own.c.state.not_in([state.value for state in FINISHED])

    def of(scope: Scope, *same: ColumnElement[bool]) -> Select[tuple[str]]:
        is_open = found.c.state == literal_column(f"'{CaseState.OPEN}'")
        held = select(found.c.id).select_from(holds.join(found, and_(is_open, *same)))
        return held.where(holds.c.lifted_at.is_(None), holds.c.scope == scope)

    # Without a hold on a target there is nothing to look for: SQLite would walk all open cases to find that out.
    some = select(func.count()).where(holds.c.lifted_at.is_(None), holds.c.scope == Scope.TARGET).scalar_subquery()
    is_own = and_(own.c.case_id == found.c.id, own.c.target == holds.c.subject, is_left)
    at_target = of(Scope.TARGET).join(own, is_own).where(some > 0)
    held = union(
        of(Scope.EVERYTHING),
        of(Scope.SOURCE, found.c.source == holds.c.subject),
        of(Scope.IDENTITY, found.c.identity_id == holds.c.subject),
        of(Scope.CASE, found.c.id == holds.c.subject),
        at_target,
    ).subquery()
    return cases.c.id.in_(select(held.c.id))
