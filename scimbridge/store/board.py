"""The board: in which column each open case stands, computed in the database at a cost of what is shown.

Most open cases wait for their next stage, and nothing has to be read of them: they are what is left when those are
taken away of which something is due, under way, failed or held. Where these are very many, as after an outage of a
target, only the first of them are looked at, and of what was found it is said that there may be more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    exists,
    false,
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
from scimbridge.store.target_work import ASKING

DONE_FOR = timedelta(hours=24)
"""How long what is done stays on the board."""

MOST = 5_000
"""At most so many tasks are looked at that ask for a person, so many that are due, and so on."""

_LEFT = tasks.c.state.not_in([state.value for state in FINISHED])
_IS_OPEN_BY_EXPRESSION = func.coalesce(cases.c.state, "") == CaseState.OPEN
"""The same where few cases are asked for; no index has it, with which SQLite would begin with all open ones."""
_IS_OPEN = cases.c.state == literal_column(f"'{CaseState.OPEN}'")
_AT_ONCE = 256
"""Planned tasks that are looked at first for the cases whose next stage comes first."""

_Ids = Select[Any]
"""A question for the ids of cases, some of them more than once."""

_FED_BY: Mapping[Column, frozenset[str]] = {
    Column.RECEIVED: frozenset({"runnable", "running", "due"}),
    Column.GRACE: frozenset({"asking", "runnable", "running", "due", "held"}),
    Column.HELD: frozenset({"held"}),
    Column.REVOKING: frozenset({"runnable", "running"}),
    Column.VERIFYING: frozenset({"runnable"}),
    Column.NEEDS_PERSON: frozenset({"asking", "due"}),
}
"""Where the cases of a column are found; who is in grace, by being found nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What is seen of a column.

    Attributes:
        count: How many cases were found there.
        is_part: There may be more: not all that could stand there were looked at.
        first: Those of them with the least time left; what is done: the newest. With the userName of each.
    """

    count: int
    is_part: bool
    first: Sequence[tuple[Case, str]]


def counts(tx: Connection, now: datetime) -> dict[Column, int]:
    """Return how many cases stand in each column, exactly; it reads everything of which something moves."""
    placed = _placed(_union(_sources(tx, Column.GRACE, now, None).values()), now)
    found = dict.fromkeys(Column, 0)
    rows = tx.execute(select(placed.c.column, func.count()).group_by(placed.c.column))
    found.update({Column(name): number for name, number in rows})
    found[Column.GRACE] = 0
    found[Column.GRACE] = _number_of(tx, _IS_OPEN) - sum(found.values())
    found[Column.DONE] = _number_of(tx, _is_done(now))
    return found


def glance(tx: Connection, now: datetime, shown: int) -> dict[Column, Glance]:
    """Return what is seen of each column, with at most so many of its cases."""
    sources = _sources(tx, Column.GRACE, now, MOST)
    cut = _cut(tx, sources)
    found = _first(tx, _placed(_union(sources.values()), now), shown)
    found[Column.GRACE] = _in_grace(tx, now, shown, moving=None if cut else sum(number for number, _ in found.values()))
    named = _named(tx, [case_id for _, ids in found.values() for case_id in ids])
    seen = {Column.DONE: _done(tx, now, shown)}
    for column, fed_by in _FED_BY.items():
        number, ids = found.get(column, (0, []))
        seen[column] = Glance(count=number, is_part=bool(fed_by & cut), first=[named[each] for each in ids])
    return seen


def stands_in(tx: Connection, column: Column, now: datetime) -> ColumnElement[bool]:
    """Return whether a case stands there, for each row of ``cases``."""
    if column is Column.DONE:
        return _is_done(now)
    sources = _sources(tx, column, now, MOST)
    if not sources:
        return false()
    if _cut(tx, sources):
        # Where so many stand there, the first ones are soon found by asking one case after the other.
        own = select(_column(now)).where(tasks.c.case_id == cases.c.id).correlate(cases)
        return and_(_IS_OPEN, own.scalar_subquery() == column.value)
    placed = _placed(_union(sources.values()), now)
    if column is Column.GRACE:
        return and_(_IS_OPEN, cases.c.id.not_in(select(placed.c.case_id).where(placed.c.column != column.value)))
    return and_(_IS_OPEN, cases.c.id.in_(select(placed.c.case_id).where(placed.c.column == column.value)))


def _first(tx: Connection, placed: CTE, shown: int) -> dict[Column, tuple[int, list[str]]]:
    """Return how many cases are in each column that has any, and the ids of those with the least time left."""
    number = func.count().over(partition_by=placed.c.column)
    place = func.row_number().over(partition_by=placed.c.column, order_by=(placed.c.left, placed.c.case_id))
    ranked = select(placed.c.case_id, placed.c.column, number.label("number"), place.label("place")).subquery()
    found: dict[Column, tuple[int, list[str]]] = {}
    wanted = select(ranked).where(ranked.c.place <= shown, ranked.c.column != Column.GRACE.value)
    for row in tx.execute(wanted.order_by(ranked.c.place)).mappings():
        found.setdefault(Column(row["column"]), (row["number"], []))[1].append(row["case_id"])
    return found


def _in_grace(tx: Connection, now: datetime, shown: int, *, moving: int | None) -> tuple[int, list[str]]:
    """Return how many cases are in grace, and the ids of those whose next stage comes first.

    Args:
        tx: Any transaction.
        now: When (UTC).
        shown: At most so many ids.
        moving: How many open cases stand elsewhere; where that is not known, no more are counted than are looked at.
    """
    if moving is None:
        return _resting(tx, now, shown, MOST)
    number = _number_of(tx, _IS_OPEN) - moving
    ids = _resting(tx, now, shown, _AT_ONCE)[1] if number else []
    if len(ids) < min(shown, number):
        ids = _resting(tx, now, shown, MOST)[1]
    return number, ids


def _resting(tx: Connection, now: datetime, shown: int, most: int) -> tuple[int, list[str]]:
    """Look at so many planned tasks that come first; return how many cases of theirs are in grace, and the first."""
    coming = select(tasks.c.case_id, tasks.c.due_at).where(_is(TaskState.PLANNED), tasks.c.due_at > now)
    first = coming.order_by(tasks.c.due_at).limit(most).subquery()
    soon = select(first.c.case_id, func.min(first.c.due_at).label("next_at")).group_by(first.c.case_id).cte("soon")
    placed = _placed(select(soon.c.case_id), now)
    resting = (
        select(placed.c.case_id, func.count().over().label("number"))
        .join(soon, soon.c.case_id == placed.c.case_id)
        .where(placed.c.column == Column.GRACE.value)
    )
    rows = tx.execute(resting.order_by(soon.c.next_at, soon.c.case_id).limit(shown)).all()
    return (rows[0].number if rows else 0), [row.case_id for row in rows]


def _done(tx: Connection, now: datetime, shown: int) -> Glance:
    number = _number_of(tx, _is_done(now), MOST)
    newest = _cases().where(_is_done(now)).order_by(cases.c.closed_at.desc()).limit(shown)
    first = [(case_of(row), row["user_name"]) for row in tx.execute(newest).mappings()]
    return Glance(count=number, is_part=number >= MOST, first=first)


def _named(tx: Connection, ids: Sequence[str]) -> dict[str, tuple[Case, str]]:
    rows = tx.execute(_cases().where(cases.c.id.in_(ids))).mappings()
    return {row["id"]: (case_of(row), row["user_name"]) for row in rows}


def _cases() -> Select[tuple[object, ...]]:
    found: Select[tuple[object, ...]] = select(*cases.c, identities.c.user_name)
    return found.join(identities, identities.c.id == cases.c.identity_id)


def _number_of(tx: Connection, condition: ColumnElement[bool], most: int | None = None) -> int:
    some = select(cases.c.id).where(condition).limit(most)
    return int(tx.execute(select(func.count()).select_from(some.subquery())).scalar_one())


def _is_done(now: datetime) -> ColumnElement[bool]:
    return and_(cases.c.state == CaseState.COMPLETED, cases.c.closed_at >= now - DONE_FOR)


def _is(state: TaskState) -> ColumnElement[bool]:
    """SQLite uses a partial index for literals, not for parameters."""
    return tasks.c.state == literal_column(f"'{state}'")


def _sources(tx: Connection, column: Column, now: datetime, most: int | None) -> dict[str, _Ids]:
    """Return where the cases of a column are found, each up to so many rows, in the order of its own index."""
    runs = select(attempts.c.task_id).where(attempts.c.ended_at.is_(None), attempts.c.task_id.is_not(None))
    of_tasks = select(tasks.c.case_id)
    found: dict[str, _Ids] = {
        "asking": of_tasks.where(ASKING).order_by(tasks.c.target, tasks.c.id),
        "runnable": of_tasks.where(RUNNABLE).order_by(tasks.c.target, tasks.c.due_at),
        "running": of_tasks.where(tasks.c.id.in_(runs)),
        "due": of_tasks.where(_is(TaskState.PLANNED), tasks.c.due_at <= now).order_by(tasks.c.due_at),
    }
    if _holds_stand(tx):
        found["held"] = _held(most)
    if most is None:
        return {name: source.order_by(None) for name, source in found.items() if name in _FED_BY[column]}
    return {name: source.limit(most) for name, source in found.items() if name in _FED_BY[column]}


def _holds_stand(tx: Connection) -> bool:
    """Whether there is any: PostgreSQL expects each to stop most cases, and reads them all to find none."""
    return tx.execute(select(holds.c.id).where(holds.c.lifted_at.is_(None)).limit(1)).first() is not None


def _held(most: int | None) -> _Ids:
    """Return the open cases that a hold is on, whatever is left of them to do.

    It is asked from the holds, which are few, down to the cases.
    """

    def of(scope: Scope, *same: ColumnElement[bool]) -> _Ids:
        held = select(cases.c.id).select_from(holds.join(cases, and_(_IS_OPEN, *same)))
        return held.where(holds.c.lifted_at.is_(None), holds.c.scope == scope)

    is_left = and_(tasks.c.case_id == cases.c.id, tasks.c.target == holds.c.subject, _LEFT)
    # Without a hold on a target there is nothing to look for: SQLite would walk all open cases to find that out.
    some = select(func.count()).where(holds.c.lifted_at.is_(None), holds.c.scope == Scope.TARGET).scalar_subquery()
    held = (
        of(Scope.EVERYTHING),
        of(Scope.SOURCE, cases.c.source == holds.c.subject),
        of(Scope.IDENTITY, cases.c.identity_id == holds.c.subject),
        of(Scope.CASE, cases.c.id == holds.c.subject),
        of(Scope.TARGET).where(some > 0, exists().where(is_left)),
    )
    found = _union(each.limit(most) for each in held).subquery()
    return select(found.c[0].label("case_id"))


def _union(parts: Iterable[_Ids]) -> _Ids:
    """Each part has an index of its own, which an OR of them would not use."""
    found = union(*(select(part.subquery()) for part in parts)).subquery()
    return select(found.c[0].label("case_id"))


def _cut(tx: Connection, sources: Mapping[str, _Ids]) -> set[str]:
    """Return the names of those that may have more rows than were asked for."""
    sizes = (select(func.count()).select_from(each.subquery()).scalar_subquery() for each in sources.values())
    found = tx.execute(select(*sizes)).one()
    return {name for name, size in zip(sources, found, strict=True) if size >= MOST}


def _placed(ids: _Ids, now: datetime) -> CTE:
    """Return the column of each open one of some cases, and its time left."""
    left = func.min(case((_LEFT, func.coalesce(tasks.c.deadline_at, tasks.c.not_before, tasks.c.due_at))))
    return (
        select(tasks.c.case_id, _column(now).label("column"), left.label("left"))
        .join(cases, cases.c.id == tasks.c.case_id)
        .where(tasks.c.case_id.in_(ids), _IS_OPEN_BY_EXPRESSION)
        .group_by(tasks.c.case_id)
        .cte("placed")
    )


def _column(now: datetime) -> ColumnElement[str]:
    """Return the column of an open case, for all its rows of ``tasks`` together."""
    state = tasks.c.state
    is_planned = and_(state == TaskState.PLANNED, tasks.c.due_at <= now)
    asks = _any(or_(state == TaskState.FAILED, and_(state == TaskState.WAITING, tasks.c.not_before.is_(None))))
    # Where no hold stands, that is found out once and not for each task.
    held = _any(and_(_LEFT, exists(select(holds.c.id).where(holds.c.lifted_at.is_(None))), is_held(tasks)))
    working = _any(state.in_([TaskState.READY, TaskState.RUNNING]))
    waiting = _any(state == TaskState.WAITING)
    unapproved = _any(and_(is_planned, ~is_approved(tasks)))
    due = _any(is_planned)
    begun = _any(or_(tasks.c.attempts > 0, state.not_in([TaskState.PLANNED, TaskState.READY])))
    return case(
        (asks, Column.NEEDS_PERSON.value),
        (held, Column.HELD.value),
        (and_(working, ~begun), Column.RECEIVED.value),
        (working, Column.REVOKING.value),
        (unapproved, Column.NEEDS_PERSON.value),
        (waiting, Column.VERIFYING.value),
        (and_(due, ~begun), Column.RECEIVED.value),
        else_=Column.GRACE.value,
    )


def _any(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return func.max(as_type(case((condition, 1), else_=0), Integer)) == 1
