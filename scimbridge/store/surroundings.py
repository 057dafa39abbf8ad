"""What there is around an identity when something is decided about it: read in one statement.

A decision asks for little things in many tables, most of which are not there; one at a time, the
asking takes longer than the deciding, and on PostgreSQL each is a way to the server and back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Connection, bindparam, exists, func, or_, select

from scimbridge.domain.case import Case, CaseKind, CaseState
from scimbridge.domain.ids import AccountId, CaseId, IdentityId
from scimbridge.domain.lightweight import lightweight
from scimbridge.domain.task import TaskState
from scimbridge.domain.trigger import Trigger
from scimbridge.store.batch import batch_of
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import (
    BEGUN,
    accounts,
    cases,
    dated_requests,
    exclusions,
    holds,
    past_memberships,
    snapshots,
    tasks,
    unassignments,
)
from scimbridge.store.values import Row, moment


@lightweight(frozen=True, slots=True)
class Owned:
    """An account of the identity.

    Attributes:
        is_touched: There may be something to give back: a standing snapshot, or an attempt under way.
    """

    id: AccountId
    target: str
    is_touched: bool


class Surroundings:
    """What a decision about an identity needs to know.

    Attributes:
        left: Display names of the groups that it left within the membership memory.
        open_case: Its open case.
        owned: Its accounts, by target.
        unassigned: The targets that it was unassigned from, with the time of the fact.
        has_restore: Something was to be given back to it, once at least; it may have been called off.
        has_date: An operator has asked that it leaves on a date, which has not come.
        has_exclusions: Some run-time exclusion stands, for whomever.
        has_holds: Some hold stands, on whatever.
    """

    def __init__(self, row: Row, now: datetime) -> None:
        left = row["left"]
        self.left: Sequence[str] = _left(left, now) if left else ()
        self.open_case = _case(row["open_case"])
        self.owned: Mapping[str, Owned] = {
            target: Owned(AccountId(key), target, bool(is_touched)) for target, key, is_touched in row["owned"] or ()
        }
        self.unassigned: Mapping[str, datetime] = {target: moment(at) for target, at in row["unassigned"] or ()}
        self.has_restore = bool(row["has_restore"])
        self.has_date = bool(row["has_date"])
        self.has_exclusions = bool(row["has_exclusions"])
        self.has_holds = bool(row["has_holds"])
        self._last_leave = row["last_leave"]

    @property
    def last_leave(self) -> Case | None:
        """Its newest leave case, ended or not. Who leaves is not asked for it."""
        last, case = self._last_leave, self.open_case
        if case is None or last is None or case.id != last[0]:
            return _case(last)
        return case


def around(tx: Connection, identity_id: str, now: datetime) -> Surroundings:
    """Return what there is around an identity, whose lock the caller holds."""
    batch = batch_of(tx)
    if batch is None:
        row = _AROUND[tx.dialect.name].first(tx, {"identity": identity_id})
    else:
        row = batch.known(identity_id, _TABLES)
    assert row is not None  # noqa: S101 - a query without FROM has one row, and a batch knows who is there
    return Surroundings(row, now)


_Identity = ColumnElement[str]
_Function = Callable[..., ColumnElement[Any]]
_CASE = (
    cases.c.id,
    cases.c.identity_id,
    cases.c.source,
    cases.c.kind,
    cases.c.rule,
    cases.c.trigger,
    cases.c.trigger_at,
    cases.c.state,
    cases.c.opened_at,
    cases.c.closed_at,
    cases.c.reason,
    cases.c.rule_version,
    cases.c.opened_by,
    cases.c.ruleset,
)
"""What a case is made of, in the order of ``_case``."""
_TABLES = frozenset(
    table.name
    for table in (
        accounts,
        cases,
        dated_requests,
        exclusions,
        holds,
        past_memberships,
        snapshots,
        tasks,
        unassignments,
    )
)


def columns(identity: _Identity, array: _Function, rows: _Function) -> list[ColumnElement[Any]]:
    """Return what there is around an identity as columns of a statement.

    Args:
        identity: Its id.
        array: The function that makes a JSON array of values.
        rows: The aggregate function that makes one of rows.
    """
    left = select(rows(array(past_memberships.c.display_name, past_memberships.c.seen_until), type_=JSON)).where(
        past_memberships.c.identity_id == identity
    )
    case = select(array(*_CASE, type_=JSON)).where(cases.c.identity_id == identity)
    open_case = case.where(cases.c.state == CaseState.OPEN.value)
    last_leave = case.where(cases.c.kind == CaseKind.LEAVE.value).order_by(cases.c.opened_at.desc()).limit(1)
    owned = select(rows(array(accounts.c.target, accounts.c.id, _touched()), type_=JSON)).where(
        accounts.c.identity_id == identity
    )
    unassigned = select(rows(array(unassignments.c.target, unassignments.c.at), type_=JSON)).where(
        unassignments.c.identity_id == identity
    )
    restore = select(cases.c.id).where(cases.c.identity_id == identity, cases.c.kind == CaseKind.RESTORE.value)
    return [
        left.scalar_subquery().label("left"),
        open_case.scalar_subquery().label("open_case"),
        last_leave.scalar_subquery().label("last_leave"),
        owned.scalar_subquery().label("owned"),
        unassigned.scalar_subquery().label("unassigned"),
        exists(restore).label("has_restore"),
        exists(
            select(dated_requests.c.id).where(
                dated_requests.c.identity_id == identity, dated_requests.c.ended_at.is_(None)
            )
        ).label("has_date"),
        exists(select(exclusions.c.id).where(exclusions.c.ended_at.is_(None))).label("has_exclusions"),
        exists(select(holds.c.id).where(holds.c.lifted_at.is_(None))).label("has_holds"),
    ]


def _touched() -> ColumnElement[bool]:
    """An attempt on the account is under way, or a snapshot of it stands."""
    running = exists(
        select(tasks.c.id).where(tasks.c.account_id == accounts.c.id, tasks.c.state == TaskState.RUNNING.value, BEGUN)
    )
    standing = exists(
        select(snapshots.c.id).where(
            snapshots.c.target == accounts.c.target,
            snapshots.c.native_id == accounts.c.native_id,
            snapshots.c.released_at.is_(None),
        )
    )
    return or_(running, standing)


_AROUND = {
    "sqlite": Prepared(select(*columns(bindparam("identity"), func.json_array, func.json_group_array))),
    "postgresql": Prepared(select(*columns(bindparam("identity"), func.json_build_array, func.json_agg))),
}


def _left(rows: Sequence[Sequence[Any]], now: datetime) -> Sequence[str]:
    return [name for name, seen_until in rows if seen_until is None or moment(seen_until) > now]


def _case(values: Sequence[Any] | None) -> Case | None:
    if values is None:
        return None
    key, identity, source, kind, rule, trigger, trigger_at, state, opened_at, closed_at, reason, *of = values
    version, by, ruleset = of
    return Case(
        id=CaseId(key),
        identity_id=IdentityId(identity),
        source=source,
        kind=CaseKind(kind),
        rule=rule,
        trigger=Trigger(trigger) if trigger else None,
        trigger_at=moment(trigger_at),
        state=CaseState(state),
        opened_at=moment(opened_at),
        closed_at=moment(closed_at) if closed_at else None,
        reason=reason,
        rule_version=version,
        opened_by=by,
        ruleset=ruleset,
    )
