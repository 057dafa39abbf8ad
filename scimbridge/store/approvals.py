"""Rows of approvals."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, func, or_, select

from scimbridge.store.schema import approvals, stages


def is_approved(tasks: Table) -> ColumnElement[bool]:
    """Return, for each row of ``tasks``, whether as many operators have approved its stage as have to."""
    wanted = select(stages.c.approvers).where(stages.c.id == tasks.c.stage_id).correlate(tasks).scalar_subquery()
    given = (
        select(func.count())
        .select_from(approvals)
        .where(approvals.c.stage_id == tasks.c.stage_id, approvals.c.lapsed_at.is_(None))
        .correlate(tasks)
        .scalar_subquery()
    )
    return or_(wanted == 0, wanted <= given)
