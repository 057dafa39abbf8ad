"""What was done to accounts, what was only observed, and what was left out."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Connection,
    and_,
    bindparam,
    func,
    literal,
    or_,
    select,
    union,
)

from scimbridge.domain.action import UNDOES, Action
from scimbridge.domain.task import Task, TaskState
from scimbridge.store.schema import BEGUN, accounts, attempts, tasks
from scimbridge.store.tasks import FINISHED_STATES, task_of

_BEFORE = (
    select(tasks)
    .where(
        tasks.c.case_id == bindparam("case"),
        tasks.c.account_id == bindparam("account"),
        tasks.c.position < bindparam("place"),
    )
    .order_by(tasks.c.finished_at, tasks.c.id)
)


def observed_of_case(tx: Connection, case_id: str) -> list[Task]:
    """Return the tasks of a case that were not done because their target only observed."""
    query = select(tasks).where(
        tasks.c.case_id == case_id,
        tasks.c.state == TaskState.SKIPPED,
        tasks.c.evidence["observed"].as_boolean(),
    )
    return [task_of(row) for row in tx.execute(query.order_by(tasks.c.position, tasks.c.target, tasks.c.id)).mappings()]


def follows_observed(tx: Connection, task: Task) -> bool:
    """Whether something that comes before a task on its account was not done because its target only observed."""
    query = select(tasks.c.id).where(
        tasks.c.case_id == task.case_id,
        tasks.c.account_id == task.account_id,
        tasks.c.position < task.position,
        tasks.c.state == TaskState.SKIPPED,
        tasks.c.evidence["observed"].as_boolean(),
    )
    return tx.execute(query).first() is not None


def left_out_before(tx: Connection, task: Task) -> list[tuple[Task, datetime]]:
    """Return what comes before a task on its account and will not be done, with its end, the last one last.

    What was done after all, and what was only observed, is not among it.
    """
    rows = tx.execute(_BEFORE, {"case": task.case_id, "account": task.account_id, "place": task.position}).mappings()
    found = [(task_of(row), row) for row in rows]
    done = {before.action for before, _ in found if before.state is TaskState.DONE}
    return [
        (before, row["finished_at"])
        for before, row in found
        if before.action.is_revoking
        and before.action not in done
        and before.state in (TaskState.SKIPPED, TaskState.CANCELED)
        and not (row["evidence"] or {}).get("observed")
    ]


def last_done_on(tx: Connection, account_id: str, *, about: Action) -> Task | None:
    """Return the task on an account that was finished last: of an action or what undoes it, else of any."""
    is_about = tasks.c.action.in_({about, about.facts.undo, UNDOES.get(about)} - {None})
    query = (
        select(tasks)
        .where(tasks.c.account_id == account_id, tasks.c.state == TaskState.DONE, BEGUN)
        .order_by(is_about.desc())
        .order_by(tasks.c.finished_at.desc())
        .limit(1)
    )
    row = tx.execute(query).mappings().first()
    return task_of(row) if row is not None else None


def deletion_of(tx: Connection, case_id: str, account_id: str) -> datetime | None:
    """Return when a case deletes an account or a group, as it is planned now; ``None`` where it does not."""
    query = select(func.min(tasks.c.due_at)).where(
        tasks.c.case_id == case_id,
        tasks.c.account_id == account_id,
        tasks.c.action.in_([Action.DELETE, Action.DELETE_GROUP]),
        tasks.c.state.not_in(FINISHED_STATES),
    )
    found: datetime | None = tx.execute(query).scalar_one()
    return found


def targets_tried(tx: Connection, case_id: str) -> set[str]:
    """Return the targets at which a case has begun something."""
    query = select(attempts.c.target).join(tasks, tasks.c.id == attempts.c.task_id).where(tasks.c.case_id == case_id)
    return set(tx.execute(query.distinct()).scalars())


def may_have_changed(tx: Connection, case_id: str, target: str) -> bool:
    """Whether a case has changed something at a target, or may have, or does so just now."""
    query = select(attempts.c.id).join(tasks, tasks.c.id == attempts.c.task_id)
    own = tasks.c.case_id == case_id, attempts.c.target == target, attempts.c.confirmed_at.is_not(None)
    return tx.execute(query.where(*own).limit(1)).first() is not None


def is_all_given_back(tx: Connection, task: Task) -> bool:
    """Whether all else is done that gives back a task's account together with it."""
    query = select(tasks.c.action, tasks.c.state).where(
        tasks.c.case_id == task.case_id,
        tasks.c.stage_id == task.stage_id,
        tasks.c.account_id == task.account_id,
        tasks.c.id != task.id,
    )
    return all(state == TaskState.DONE for action, state in tx.execute(query) if Action(action).gives_back)


def begun_on(tx: Connection, account_ids: Collection[str], since: datetime | None) -> frozenset[Action]:
    """Return the actions on an account that may have changed it.

    Args:
        tx: Any transaction.
        account_ids: The account, as one identity or several have it.
        since: When its snapshot was taken; ``None`` where none stands, and only what runs just now counts.
    """
    is_live = attempts.c.ended_at.is_(None)
    query = (
        select(tasks.c.action)
        .join(attempts, attempts.c.task_id == tasks.c.id)
        .where(
            attempts.c.account_id.in_(account_ids),
            is_live if since is None else or_(is_live, attempts.c.confirmed_at >= since),
        )
        .distinct()
    )
    return frozenset(Action(name) for name in tx.execute(query).scalars())


def deleted_at(tx: Connection, account_id: str, since: datetime) -> datetime | None:
    """Return when the bridge last asked a target to delete an account, since a time; ``None`` where it has not."""
    query = (
        select(func.max(attempts.c.confirmed_at))
        .join(tasks, attempts.c.task_id == tasks.c.id)
        .where(
            attempts.c.account_id.in_(_same_native(account_id)),
            attempts.c.confirmed_at >= since,
            tasks.c.action == Action.DELETE,
        )
    )
    found: datetime | None = tx.execute(query).scalar_one()
    return found


def _same_native(account_id: str) -> CompoundSelect[Any]:
    """Return a query for all rows of what an account is linked to, and for the account itself."""
    own, same = accounts.alias("own"), accounts.alias("same")
    linked = select(same.c.id).join(own, and_(own.c.target == same.c.target, own.c.native_id == same.c.native_id))
    return union(linked.where(own.c.id == account_id), select(literal(account_id)))
