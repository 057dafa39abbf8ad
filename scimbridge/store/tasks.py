"""Rows of tasks. What is to be done of them is asked in ``agenda``, what was done in ``carried_out``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    RowMapping,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)

from scimbridge.domain.action import Action
from scimbridge.domain.ids import AccountId, CaseId, IdentityId, TaskId
from scimbridge.domain.task import FINISHED, TRANSITIONS, Task, TaskState
from scimbridge.errors import ConcurrentUpdateError, NotFoundError
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import tasks
from scimbridge.store.values import Row

FINISHED_STATES = [state.value for state in FINISHED]

# Built once: building these costs more than running them.
_BY_ID = select(tasks).where(tasks.c.id == bindparam("key"))
_BY_ID_LOCKED = _BY_ID.with_for_update()
_OF_CASE = (
    select(tasks)
    .where(tasks.c.case_id == bindparam("key"))
    .order_by(tasks.c.due_at, tasks.c.position, tasks.c.target, tasks.c.id)
)
_ALL_OF_CASE = Prepared(_OF_CASE)
_ALL_OF_CASE_LOCKED = Prepared(_OF_CASE.with_for_update())
# What a transition changes. A column that is set is written to its indexes, be its value new or not.
_CHANGING = ("state", "not_before", "attempts", "first_tried_at", "reason", "handle", "finished_at")
_SAVE = update(tasks).where(
    tasks.c.id == bindparam("key"),
    # Not the bare column: SQLite would compare it with the partial indexes, and plan anew every time.
    func.coalesce(tasks.c.state, "") == bindparam("expected"),
)
_SAVES: dict[tuple[str, ...], Prepared] = {
    outcome: Prepared(_SAVE, (*_CHANGING, *outcome))
    for outcome in ((), ("changed",), ("evidence",), ("changed", "evidence"))
}
# Each attribute of a task has a column.
_INSERT = Prepared(insert(tasks), (*(field.name for field in fields(Task)), "irreversible"))
_CANCEL = Prepared(
    update(tasks).where(
        tasks.c.case_id == bindparam("case"),
        or_(*(tasks.c.state == state.value for state in sorted(TRANSITIONS["cancel"][0]))),
    ),
    ("state", "not_before", "reason", "finished_at"),
    writes_any_number=True,
)


def insert_tasks(tx: Connection, new: Sequence[Task]) -> None:
    """Store new tasks."""
    for task in new:
        _INSERT.add(tx, _columns(task))


def save(
    tx: Connection,
    before: Task,
    after: Task,
    *,
    changed: bool | None = None,
    evidence: Mapping[str, Any] | None = None,
    finished_at: datetime | None = None,
) -> None:
    """Store a transition.

    Args:
        tx: A write transaction that holds the identity's lock.
        before: The task as it was loaded.
        after: What a method of ``before`` returned.
        changed: Whether the action changed the target, once that is known.
        evidence: Facts before and after, once there are some.
        finished_at: When it came to an end.

    Raises:
        ConcurrentUpdateError: The task is no longer in the state it was loaded in.
    """
    outcome: dict[str, Any] = {} if changed is None else {"changed": changed}
    if evidence is not None:
        outcome["evidence"] = dict(evidence)
    values = {
        "state": after.state,
        "not_before": after.not_before,
        "attempts": after.attempts,
        "first_tried_at": after.first_tried_at,
        "reason": after.reason,
        "handle": after.handle,
        "finished_at": finished_at,
        **outcome,
        "key": before.id,
        "expected": before.state,
    }
    if not _SAVES[tuple(outcome)].change(tx, values):
        raise ConcurrentUpdateError("task", before.id)
    if after.due_at != before.due_at:
        move_due_date(tx, before.id, after.due_at)


def cancel_all(tx: Connection, case_id: str, reason: str, now: datetime) -> None:
    """Cancel the tasks of a case that can be, as ``Task.cancel`` does: neither what has ended nor what runs just now.

    The caller holds the identity's lock.
    """
    _CANCEL.change_any(
        tx, {"case": case_id, "state": TaskState.CANCELED, "not_before": None, "reason": reason, "finished_at": now}
    )


def move_due_date(tx: Connection, task_id: str, due_at: datetime, reason: str | None = None) -> None:
    """Give a planned task another due date, and its deadline the same distance from it.

    One that has been released meanwhile keeps its own.

    Args:
        tx: A write transaction.
        task_id: The task.
        due_at: The new date (UTC).
        reason: Why, where the task is to say so.
    """
    task = task_by_id(tx, task_id)
    moved: dict[str, Any] = {"due_at": due_at}
    if task.deadline_at is not None:
        moved["deadline_at"] = task.deadline_at + (due_at - task.due_at)
    if reason is not None:
        moved["reason"] = reason
    tx.execute(update(tasks).where(tasks.c.id == task_id, tasks.c.state == TaskState.PLANNED).values(moved))


def expedite(tx: Connection, task: Task, now: datetime, reason: str) -> None:
    """Make a planned task due now; its distance to the stage before does not count any more."""
    move_due_date(tx, task.id, now, reason)
    tx.execute(update(tasks).where(tasks.c.id == task.id).values(expedited_at=now))


def task_by_id(tx: Connection, task_id: str, *, lock: bool = False) -> Task:
    """Return a task.

    Raises:
        NotFoundError: There is none of this id.
    """
    row = tx.execute(_BY_ID_LOCKED if lock else _BY_ID, {"key": task_id}).mappings().first()
    if row is None:
        raise NotFoundError("task", task_id)
    return task_of(row)


def tasks_of_case(tx: Connection, case_id: str, *, lock: bool = False) -> list[Task]:
    """Return the tasks of a case in the order in which they are due."""
    query = _ALL_OF_CASE_LOCKED if lock else _ALL_OF_CASE
    return [task_of(row) for row in query.all(tx, {"key": case_id})]


def tasks_of_cases(tx: Connection, case_ids: Sequence[str]) -> list[Task]:
    """Return the tasks of some cases in the order in which they are due."""
    query = select(tasks).where(tasks.c.case_id.in_(case_ids)).order_by(tasks.c.due_at, tasks.c.position, tasks.c.id)
    return [task_of(row) for row in tx.execute(query).mappings()]


def task_rows_of_case(tx: Connection, case_id: str) -> Sequence[RowMapping]:
    """Return the same with evidence and end, for display."""
    return tx.execute(_OF_CASE, {"key": case_id}).mappings().all()


def _columns(task: Task) -> dict[str, Any]:
    # Spelled out: one of these is made in every request that plans something.
    return {
        "id": task.id,
        "case_id": task.case_id,
        "stage_id": task.stage_id,
        "identity_id": task.identity_id,
        "account_id": task.account_id,
        "target": task.target,
        "action": task.action,
        "state": task.state,
        "due_at": task.due_at,
        "position": task.position,
        "not_before": task.not_before,
        "attempts": task.attempts,
        "first_tried_at": task.first_tried_at,
        "reason": task.reason,
        "deadline_at": task.deadline_at,
        "handle": task.handle,
        "irreversible": task.action.is_irreversible,
    }


def task_of(row: Row) -> Task:
    """Return the task that a whole row is of."""
    return Task(
        id=TaskId(row["id"]),
        case_id=CaseId(row["case_id"]),
        stage_id=row["stage_id"],
        identity_id=IdentityId(row["identity_id"]),
        account_id=AccountId(row["account_id"]),
        target=row["target"],
        action=Action(row["action"]),
        state=TaskState(row["state"]),
        due_at=row["due_at"],
        position=row["position"],
        not_before=row["not_before"],
        attempts=row["attempts"],
        first_tried_at=row["first_tried_at"],
        reason=row["reason"],
        deadline_at=row["deadline_at"],
        handle=row["handle"],
    )
