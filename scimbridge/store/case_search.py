"""Finding cases, and what is needed to say how each is: a few statements for a whole page of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, groupby

from sqlalchemy import ColumnElement, Connection, Select, and_, case, exists, false, func, or_, select, true, tuple_

from scimbridge.domain.case import Case, CaseKind, CaseState
from scimbridge.domain.identity import AT_TARGET
from scimbridge.domain.names import any_case_key
from scimbridge.domain.situation import CaseQuery, Wanted
from scimbridge.domain.task import FINISHED, TaskState
from scimbridge.store import board
from scimbridge.store.approvals import is_approved
from scimbridge.store.cases import case_by_id, case_of
from scimbridge.store.holds import is_held
from scimbridge.store.schema import approvals, cases, flood_cases, identities, stages, tasks

_LEFT = tasks.c.state.not_in([state.value for state in FINISHED])
_ASKS = or_(tasks.c.state == TaskState.FAILED, and_(tasks.c.state == TaskState.WAITING, tasks.c.not_before.is_(None)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Tasks of one case at one target that are alike.

    Attributes:
        asks: A person has to decide about them.
        unapproved: They are due, and their stage is not approved.
        next_at: When the first of them is due, or wakes up.
    """

    case_id: str
    target: str
    state: TaskState
    asks: bool
    unapproved: bool
    count: int
    next_at: datetime | None


def find(
    tx: Connection,
    query: CaseQuery,
    now: datetime,
    *,
    limit: int | None,
    after: str | None = None,
    also: ColumnElement[bool] | None = None,
) -> list[tuple[Case, str]]:
    """Return cases with the userName of each, the newest first.

    Args:
        tx: A transaction.
        query: Which cases.
        now: When (UTC); says what is late, and what is due.
        limit: At most so many; all where absent.
        after: The last one of the page before.
        also: What else has to be true of a case (``scimbridge.store.obstacles``).

    Raises:
        NotFoundError: There is no case of the id ``after``.
    """
    if query.state is None:
        # Cases of one state have an index by their dates; of all states together, each would be read and sorted.
        each = (find(tx, replace(query, state=one), now, limit=limit, after=after, also=also) for one in CaseState)
        newest = sorted(chain(*each), key=lambda one: (one[0].opened_at, one[0].id), reverse=True)
        return newest[:limit]
    found = _matching(tx, query, now, also).add_columns(identities.c.user_name)
    if after is not None:
        last = case_by_id(tx, after)
        found = found.where(tuple_(cases.c.opened_at, cases.c.id) < tuple_(last.opened_at, last.id))
    rows = tx.execute(found.order_by(cases.c.opened_at.desc(), cases.c.id.desc()).limit(limit)).mappings()
    return [(case_of(row), row["user_name"]) for row in rows]


def count(tx: Connection, query: CaseQuery, now: datetime, also: ColumnElement[bool] | None = None) -> int:
    """Return how many cases fit."""
    ids = _matching(tx, query, now, also).with_only_columns(cases.c.id)
    return int(tx.execute(select(func.count()).select_from(ids.subquery())).scalar_one())


def existing(tx: Connection, ids: Sequence[str]) -> set[str]:
    """Return which of some ids cases have."""
    return set(tx.execute(select(cases.c.id).where(cases.c.id.in_(ids))).scalars())


def count_up_to(tx: Connection, query: CaseQuery, now: datetime, most: int) -> int:
    """Return how many cases fit, and ``most`` where that many do or more: costs no more then."""
    ids = _matching(tx, query, now).with_only_columns(cases.c.id).limit(most)
    return int(tx.execute(select(func.count()).select_from(ids.subquery())).scalar_one())


def named(tx: Connection, said: str) -> str | None:
    """Return the case of an id, or else the newest case of somebody with this userName, deleted or not."""
    own = select(cases.c.id).where(cases.c.id == said)
    if (found := tx.execute(own).scalar_one_or_none()) is not None:
        return str(found)
    newest = (
        select(cases.c.id)
        .join(identities, identities.c.id == cases.c.identity_id)
        .where(identities.c.any_case_name == any_case_key(said))
        .order_by(cases.c.opened_at.desc(), cases.c.id.desc())
        .limit(1)
    )
    return tx.execute(newest).scalar_one_or_none()


def ended_between(tx: Connection, since: datetime, until: datetime) -> list[str]:
    """Return the ids of the cases that ended in a period, by their ids."""
    query = select(cases.c.id).where(cases.c.closed_at.between(since, until))
    return list(tx.execute(query.order_by(cases.c.id)).scalars())


def work_of(tx: Connection, case_ids: Sequence[str], now: datetime) -> Iterator[Work]:
    """Yield what there is to do, and what was done, in some cases; in one statement."""
    is_planned = tasks.c.state == TaskState.PLANNED
    unapproved = and_(is_planned, tasks.c.due_at <= now, ~is_approved(tasks))
    alike = (
        select(
            tasks.c.case_id,
            tasks.c.target,
            tasks.c.state,
            _ASKS.label("asks"),
            unapproved.label("unapproved"),
            case(
                (is_planned, tasks.c.due_at), (tasks.c.state == TaskState.WAITING, tasks.c.not_before), else_=None
            ).label("next_at"),
        )
        .where(tasks.c.case_id.in_(case_ids))
        .subquery()
    )
    kinds = (alike.c.case_id, alike.c.target, alike.c.state, alike.c.asks, alike.c.unapproved)
    query = select(*kinds, func.count().label("count"), func.min(alike.c.next_at).label("next_at")).group_by(*kinds)
    for row in tx.execute(query).mappings():
        yield Work(
            case_id=row["case_id"],
            target=row["target"],
            state=TaskState(row["state"]),
            asks=bool(row["asks"]),
            unapproved=bool(row["unapproved"]),
            count=row["count"],
            next_at=row["next_at"],
        )


def unapproved_stages(tx: Connection, case_ids: Sequence[str], now: datetime) -> dict[str, str]:
    """Return the first stage of each case that is due and not approved: ``approval of stage 2 (1 of 2)``."""
    given = (
        select(func.count())
        .select_from(approvals)
        .where(approvals.c.stage_id == stages.c.id, approvals.c.lapsed_at.is_(None))
        .scalar_subquery()
    )
    is_due = exists(
        select(tasks.c.id).where(
            tasks.c.stage_id == stages.c.id,
            tasks.c.case_id == stages.c.case_id,
            tasks.c.state == TaskState.PLANNED,
            tasks.c.due_at <= now,
        )
    )
    query = (
        select(stages.c.case_id, stages.c.approvers, given.label("given"), is_due.label("is_due"))
        .where(stages.c.case_id.in_(case_ids))
        .order_by(stages.c.case_id, stages.c.number, stages.c.due_at)
    )
    found: dict[str, str] = {}
    for case_id, own in groupby(tx.execute(query).mappings(), key=lambda row: str(row["case_id"])):
        for number, row in enumerate(own, 1):
            if row["is_due"] and row["given"] < row["approvers"]:
                found.setdefault(case_id, f"approval of stage {number} ({row['given']} of {row['approvers']})")
    return found


def _matching(
    tx: Connection, query: CaseQuery, now: datetime, also: ColumnElement[bool] | None = None
) -> Select[tuple[object, ...]]:
    found: Select[tuple[object, ...]] = select(*cases.c).join(identities, identities.c.id == cases.c.identity_id)
    conditions = _conditions(tx, query, now)
    return found.where(*conditions) if also is None else found.where(*conditions, also)


def _conditions(tx: Connection, query: CaseQuery, now: datetime) -> Iterator[ColumnElement[bool]]:
    for column, value in (
        (cases.c.state, query.state),
        (cases.c.source, query.source),
        (cases.c.rule, query.rule),
        (cases.c.trigger, query.trigger),
    ):
        if value is not None:
            yield column == value
    yield from _of_kinds(query)
    if query.ids is not None:
        yield cases.c.id.in_(query.ids)
    if query.since is not None:
        yield cases.c.opened_at >= query.since
    if query.until is not None:
        yield cases.c.opened_at <= query.until
    if query.target is not None:
        yield _has_task(tasks.c.target == query.target)
    if query.flood_id is not None:
        yield exists(
            select(flood_cases.c.case_id).where(
                flood_cases.c.case_id == cases.c.id, flood_cases.c.flood_id == query.flood_id
            )
        )
    is_named = _is_named(query.search) if query.search is not None else true()
    yield is_named
    for standing in _of_standing(tx, query, now):
        # Names are compared first: what a case does has to be read from its tasks, where so many fail.
        yield standing if query.search is None else case((is_named, standing), else_=false())


def _of_standing(tx: Connection, query: CaseQuery, now: datetime) -> Iterator[ColumnElement[bool]]:
    if query.column is not None:
        yield board.stands_in(tx, query.column, now)
    if query.situation is not None:
        yield and_(cases.c.state == "open", _situation(query.situation, now))


def _is_named(search: str) -> ColumnElement[bool]:
    return identities.c.any_case_name.contains(any_case_key(search), autoescape=True)


def _of_kinds(query: CaseQuery) -> Iterator[ColumnElement[bool]]:
    if query.kind_is_leave:
        yield cases.c.kind == CaseKind.LEAVE
    if query.is_about_group:
        yield cases.c.source.startswith(AT_TARGET, autoescape=True)


def _situation(wanted: Wanted, now: datetime) -> ColumnElement[bool]:
    asks, held = _has_task(_ASKS), _has_task(and_(_LEFT, is_held(tasks)))
    due = _has_task(and_(tasks.c.state == TaskState.PLANNED, tasks.c.due_at <= now))
    unapproved = _has_task(and_(tasks.c.state == TaskState.PLANNED, tasks.c.due_at <= now, ~is_approved(tasks)))
    match wanted:
        case Wanted.NEEDS_PERSON:
            return asks
        case Wanted.HELD:
            return held
        case Wanted.UNAPPROVED:
            return unapproved
        case Wanted.LATE:
            return _has_task(and_(_LEFT, tasks.c.deadline_at <= now))
        case Wanted.WAITING:
            busy = _has_task(tasks.c.state.in_([TaskState.READY, TaskState.RUNNING, TaskState.WAITING]))
            return and_(~asks, ~held, ~due, ~busy)


def _has_task(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists(select(tasks.c.id).where(tasks.c.case_id == cases.c.id, condition))
