"""Rows of cases and their stages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from scimbridge.domain.case import Case, CaseKind, CaseState
from scimbridge.domain.ids import CaseId, IdentityId, new_id
from scimbridge.domain.task import TaskState
from scimbridge.domain.trigger import Fact, Trigger
from scimbridge.errors import ConcurrentUpdateError, NotFoundError
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import accounts, cases, identities, tasks
from scimbridge.store.values import Row

_INSERT = Prepared(insert(cases), cases.c.keys())
_BY_ID = Prepared(select(cases).where(cases.c.id == bindparam("key")))
_OPEN = Prepared(select(cases).where(cases.c.identity_id == bindparam("identity"), cases.c.state == "open"))
_LAST_LEAVE = Prepared(
    select(cases)
    .where(cases.c.identity_id == bindparam("identity"), cases.c.kind == CaseKind.LEAVE.value)
    .order_by(cases.c.opened_at.desc())
    .limit(1)
)
_CLOSE = Prepared(
    update(cases).where(cases.c.id == bindparam("key"), cases.c.state == "open"), ("state", "reason", "closed_at")
)
_LOCK = Prepared(select(identities.c.id).where(identities.c.id == bindparam("key")).with_for_update())


def lock_identity(tx: Connection, identity_id: str) -> None:
    """Keep everybody else's decisions about an identity waiting until the transaction ends.

    Every transaction that changes a case or its tasks begins with this, so that a
    return and a claim, or two ends of attempts, see each other. SQLite has one writer.
    """
    _LOCK.column(tx, {"key": identity_id})


def insert_case(
    tx: Connection,
    *,
    identity_id: str,
    source: str,
    kind: CaseKind,
    rule: str,
    trigger: Trigger | None,
    trigger_at: datetime,
    now: datetime,
    rule_version: str = "",
    opened_by: str | None = None,
    ruleset: int | None = None,
    fact: Fact | None = None,
) -> Case:
    """Store an open case and return it; ``fact`` is what has opened it, where the case is all that is kept of it."""
    case = Case(
        id=CaseId(new_id(now)),
        identity_id=IdentityId(identity_id),
        source=source,
        kind=kind,
        rule=rule,
        trigger=trigger,
        trigger_at=trigger_at,
        state=CaseState.OPEN,
        opened_at=now,
        rule_version=rule_version,
        opened_by=opened_by,
        ruleset=ruleset,
    )
    kept = {"fact_trigger": fact and fact.trigger, "request_id": fact and fact.request_id}
    _INSERT.add(tx, {**_row_of(case), **kept})
    return case


def close_case(tx: Connection, case: Case, state: CaseState, reason: str, now: datetime) -> None:
    """End an open case.

    Raises:
        ConcurrentUpdateError: It has ended meanwhile.
    """
    if not _CLOSE.change(tx, {"key": case.id, "state": state, "reason": reason, "closed_at": now}):
        raise ConcurrentUpdateError("case", case.id)


def widen(tx: Connection, case_id: str, trigger: Trigger, rule: str) -> None:
    """Let an open case that was about some targets be about a fact that concerns all of them."""
    tx.execute(update(cases).where(cases.c.id == case_id).values(kind=CaseKind.LEAVE, trigger=trigger, rule=rule))


def name_requester(tx: Connection, case_id: str, by: str) -> None:
    """Keep which operator has asked for what a case does: whoever asks does not approve."""
    tx.execute(update(cases).where(cases.c.id == case_id).values(opened_by=by))


def reopen_case(tx: Connection, case: Case) -> bool:
    """Open a completed case again, unless the identity has another open one. Returns whether it is open now."""
    if case.state is CaseState.OPEN:
        return True
    if case.state is CaseState.CANCELED or open_case_of(tx, [case.identity_id]) is not None:
        return False
    tx.execute(update(cases).where(cases.c.id == case.id).values(state=CaseState.OPEN, reason="", closed_at=None))
    return True


def case_by_id(tx: Connection, case_id: str) -> Case:
    """Return a case.

    Raises:
        NotFoundError: There is none of this id.
    """
    row = _BY_ID.first(tx, {"key": case_id})
    if row is None:
        raise NotFoundError("case", case_id)
    return case_of(row)


def open_case_of(tx: Connection, identity_ids: Sequence[str]) -> Case | None:
    """Return the open case of some identities, the oldest if several of them have one."""
    found = [case_of(row) for key in identity_ids for row in _OPEN.all(tx, {"identity": key})]
    return min(found, key=lambda case: case.opened_at, default=None)


def last_leave_of(tx: Connection, identity_ids: Sequence[str]) -> Case | None:
    """Return the newest leave case of some identities, ended or not."""
    found = [case_of(row) for key in identity_ids for row in _LAST_LEAVE.all(tx, {"identity": key})]
    return max(found, key=lambda case: case.opened_at, default=None)


def has_ended_since(tx: Connection, identity_id: str, target: str, since: datetime) -> bool:
    """Whether a case of an identity, of whatever kind, that had to do with a target has ended since a time."""
    query = select(cases.c.id).join(tasks, tasks.c.case_id == cases.c.id)
    own = cases.c.identity_id == identity_id, cases.c.closed_at >= since, tasks.c.target == target
    return tx.execute(query.where(*own).limit(1)).first() is not None


def last_case_of(tx: Connection, identity_id: str) -> Case | None:
    """Return the newest case of an identity, of whatever kind, ended or not."""
    return next(iter(newest_of(tx, identity_id, 1)), None)


def newest_of(tx: Connection, identity_id: str, limit: int) -> list[Case]:
    """Return the cases of an identity, of whatever kind, ended or not, the newest first."""
    query = (
        select(cases).where(cases.c.identity_id == identity_id).order_by(cases.c.opened_at.desc(), cases.c.id.desc())
    )
    return [case_of(row) for row in tx.execute(query.limit(limit)).mappings()]


def former_of(tx: Connection, identity_id: str, called_off: str) -> list[str]:
    """Return the ids of the deleted identities whose accounts were to be given back to this one, and were not.

    Args:
        tx: Any transaction.
        identity_id: Who takes their place.
        called_off: Why that was called off last; one that was called off for another reason does not count.
    """
    query = (
        select(accounts.c.id, accounts.c.identity_id, cases.c.id.label("case_id"), tasks.c.state, tasks.c.reason)
        .select_from(cases.join(tasks, tasks.c.case_id == cases.c.id).join(accounts))
        .where(cases.c.identity_id == identity_id, accounts.c.identity_id != identity_id)
        .order_by(cases.c.opened_at, cases.c.id)
    )
    rows = tx.execute(query).all()
    newest = {row.id: row.case_id for row in rows}
    found = (
        row.identity_id
        for row in rows
        if row.case_id == newest[row.id] and row.state == TaskState.CANCELED and row.reason == called_off
    )
    return list(dict.fromkeys(found))


def _row_of(case: Case) -> dict[str, Any]:
    return {
        "id": case.id,
        "identity_id": case.identity_id,
        "source": case.source,
        "kind": case.kind,
        "rule": case.rule,
        "trigger": case.trigger,
        "trigger_at": case.trigger_at,
        "state": case.state,
        "opened_at": case.opened_at,
        "closed_at": case.closed_at,
        "reason": case.reason,
        "rule_version": case.rule_version,
        "opened_by": case.opened_by,
        "ruleset": case.ruleset,
    }


def case_of(row: Row) -> Case:
    """Return the case of a row."""
    return Case(
        id=CaseId(row["id"]),
        identity_id=IdentityId(row["identity_id"]),
        source=row["source"],
        kind=CaseKind(row["kind"]),
        rule=row["rule"],
        trigger=Trigger(row["trigger"]) if row["trigger"] else None,
        trigger_at=row["trigger_at"],
        state=CaseState(row["state"]),
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        reason=row["reason"],
        rule_version=row["rule_version"],
        opened_by=row["opened_by"],
        ruleset=row["ruleset"],
    )
