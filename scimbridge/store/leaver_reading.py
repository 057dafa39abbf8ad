"""What is read of many leavers at once: their stages, and what came of each task."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, and_, select

from scimbridge.store.schema import stages, tasks
from scimbridge.store.values import Row


def tasks_by_stage(tx: Connection, case_ids: Sequence[str]) -> Sequence[Row]:
    """Return the tasks of some cases in one statement, stage by stage in their order.

    Each has ``case_id``, ``stage_id``, ``stage_due_at``, ``action``, ``state``, ``due_at``, ``deadline_at`` and
    ``finished_at``.
    """
    query = (
        select(
            tasks.c.case_id,
            tasks.c.stage_id,
            stages.c.due_at.label("stage_due_at"),
            tasks.c.action,
            tasks.c.state,
            tasks.c.due_at,
            tasks.c.deadline_at,
            tasks.c.finished_at,
        )
        .join(stages, and_(stages.c.case_id == tasks.c.case_id, stages.c.id == tasks.c.stage_id))
        .where(tasks.c.case_id.in_(case_ids))
        .order_by(tasks.c.case_id, stages.c.number, stages.c.due_at, tasks.c.position)
    )
    return tx.execute(query).mappings().all()
