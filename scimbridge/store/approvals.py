"""Rows of approvals."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, bindparam, func, insert, or_, select, update

from scimbridge.domain.action import Action
from scimbridge.domain.approval import Approval
from scimbridge.domain.rule import Terms
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import approvals, attempts, stages, tasks
from scimbridge.store.stages import terms_of
from scimbridge.store.values import Row

_OF_CASE = Prepared(
    select(approvals)
    .where(approvals.c.case_id == bindparam("case"), approvals.c.lapsed_at.is_(None))
    .order_by(approvals.c.approved_at, approvals.c.approved_by)
)
_STANDING = (
    select(func.count())
    .select_from(approvals)
    .where(approvals.c.stage_id == stages.c.id, approvals.c.lapsed_at.is_(None))
    .scalar_subquery()
)
_CONDITIONS = Prepared(
    select(stages, _STANDING.label("given")).where(
        stages.c.case_id == bindparam("case"), stages.c.id == bindparam("stage")
    )
)


def insert_approval(tx: Connection, approval: Approval) -> None:
    """Store an approval.

    Raises:
        IntegrityError: One of the same operator stands for the stage.
    """
    row = {
        "id": approval.id,
        "case_id": approval.case_id,
        "stage_id": approval.stage_id,
        "digest": approval.digest,
        "document": dict(approval.document or {}),
        "approved_by": approval.approved_by,
        "approved_at": approval.approved_at,
    }
    tx.execute(insert(approvals).values(row))


def standing(tx: Connection, case_id: str) -> list[Approval]:
    """Return the approvals of a case's stages that have not lapsed, oldest first."""
    return [_approval(row) for row in _OF_CASE.all(tx, {"case": case_id})]


def conditions(tx: Connection, case_id: str, stage_id: str) -> tuple[Terms, bool]:
    """Return the terms of a stage, and whether as many operators have approved it as have to."""
    (row,) = _CONDITIONS.all(tx, {"case": case_id, "stage": stage_id})
    return terms_of(row), row["approvers"] <= row["given"]


def note_left(tx: Connection, approval: Approval) -> None:
    """Keep what an approval expects of the accounts that the bridge itself has changed since."""
    tx.execute(update(approvals).where(approvals.c.id == approval.id).values(expected=dict(approval.expected)))


def lapse(tx: Connection, stage_id: str, reason: str, now: datetime) -> int:
    """End all approvals of a stage. Returns how many stood."""
    ended = tx.execute(
        update(approvals)
        .where(approvals.c.stage_id == stage_id, approvals.c.lapsed_at.is_(None))
        .values(lapsed_at=now, lapse_reason=reason)
    )
    return ended.rowcount


def begun(tx: Connection, account_id: str, since: datetime) -> frozenset[Action]:
    """Return what attempts on an account may have done since, and none has recorded as done."""
    query = (
        select(tasks.c.action)
        .join(attempts, attempts.c.task_id == tasks.c.id)
        .where(attempts.c.account_id == account_id, attempts.c.confirmed_at >= since)
        .where(or_(attempts.c.outcome.is_(None), attempts.c.outcome != "done"))
        .distinct()
    )
    return frozenset(Action(found) for found in tx.execute(query).scalars())


def is_approved(tasks: Table) -> ColumnElement[bool]:
    """Return, for each row of ``tasks``, whether as many operators have approved its stage as have to."""
    wanted = (
        select(stages.c.approvers)
        .where(stages.c.case_id == tasks.c.case_id, stages.c.id == tasks.c.stage_id)
        .correlate(tasks)
        .scalar_subquery()
    )
    given = (
        select(func.count())
        .select_from(approvals)
        .where(approvals.c.stage_id == tasks.c.stage_id, approvals.c.lapsed_at.is_(None))
        .correlate(tasks)
        .scalar_subquery()
    )
    return or_(wanted == 0, wanted <= given)


def _approval(row: Row) -> Approval:
    return Approval(
        id=row["id"],
        case_id=row["case_id"],
        stage_id=row["stage_id"],
        approved_by=row["approved_by"],
        approved_at=row["approved_at"],
        digest=row["digest"],
        document=row["document"],
        expected=row["expected"] or {},
    )
