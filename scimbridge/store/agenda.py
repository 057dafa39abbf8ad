"""What is to be done: tasks that are due, late, or free to be worked on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    text,
    union_all,
    update,
)

from scimbridge.domain.task import Task, TaskState
from scimbridge.store.approvals import is_approved
from scimbridge.store.holds import is_held
from scimbridge.store.schema import BEGUN, LATE, RUNNABLE, accounts, attempts, targets, tasks
from scimbridge.store.tasks import FINISHED_STATES, save, task_of

_IS_PLANNED = text("tasks.state = 'planned'")


def _is_runnable() -> ColumnElement[bool]:
    """Ready or awake at ``now``, and nothing before it on the same account in the same case is unfinished."""
    earlier = tasks.alias("before")
    blocked = exists(
        select(earlier.c.id).where(
            earlier.c.case_id == tasks.c.case_id,
            earlier.c.account_id == tasks.c.account_id,
            earlier.c.position < tasks.c.position,
            earlier.c.state.not_in(FINISHED_STATES),
        )
    )
    return and_(
        or_(
            tasks.c.state == TaskState.READY,
            and_(tasks.c.state == TaskState.WAITING, tasks.c.not_before <= bindparam("now")),
        ),
        # Once more as the partial index says it: SQLite uses it for literals, not for parameters.
        RUNNABLE,
        ~blocked,
    )


def _is_live() -> ColumnElement[bool]:
    """An attempt on the account is under way, be it for another identity that is known to own the same one."""
    live = select(attempts.c.id).where(attempts.c.ended_at.is_(None))
    is_same = and_(attempts.c.target == accounts.c.target, attempts.c.lock_key == accounts.c.native_id)
    return or_(
        exists(live.where(attempts.c.account_id == tasks.c.account_id)),
        exists(live.join(accounts, is_same).where(accounts.c.id == tasks.c.account_id)),
    )


def _is_paused(target: ColumnElement[str]) -> ColumnElement[bool]:
    return exists(select(targets.c.name).where(targets.c.name == target, targets.c.paused_at.is_not(None)))


def _is_early() -> ColumnElement[bool]:
    """It cannot be undone, and an earlier stage of its case goes on."""
    earlier = tasks.alias("earlier")
    unfinished_before = exists(
        select(earlier.c.id).where(
            earlier.c.case_id == tasks.c.case_id,
            earlier.c.position < tasks.c.position,
            earlier.c.state.not_in(FINISHED_STATES),
        )
    )
    return and_(tasks.c.irreversible, unfinished_before)


_NEXT = (
    select(tasks)
    .where(tasks.c.account_id == bindparam("account"), BEGUN, _is_runnable())
    .order_by(tasks.c.due_at, tasks.c.position)
    .limit(1)
)


def runnable_of(target: ColumnElement[str]) -> Select[Any]:
    """Return the query for accounts at a target with work that nothing holds and nobody does, longest due first.

    It has the parameter ``now``. An account with several such tasks is in it as often.
    """
    is_free = and_(_is_runnable(), ~is_held(tasks), ~_is_live(), ~_is_paused(target))
    return select(tasks.c.account_id).where(tasks.c.target == target, is_free).order_by(tasks.c.due_at)


def oldest_of(target: ColumnElement[str]) -> Select[Any]:
    """Return the query for when the work at a target was due that has been waiting for the longest.

    It has the parameter ``now``. Held work counts, too.
    """
    return select(tasks.c.due_at).where(tasks.c.target == target, _is_runnable()).order_by(tasks.c.due_at).limit(1)


_RUNNABLE = runnable_of(bindparam("at")).limit(bindparam("most"))
_DUE = (
    select(tasks)
    .where(
        tasks.c.state == TaskState.PLANNED,
        tasks.c.due_at <= bindparam("now"),
        ~is_held(tasks),
        ~_is_early(),
        is_approved(tasks),
    )
    .order_by(tasks.c.due_at)
    .limit(bindparam("most"))
    # Somebody who is deciding about a case holds its rows; those are for the next pass.
    .with_for_update(of=tasks, skip_locked=True)
)
_LATE_NOW = (
    # As the partial index says it.
    select(tasks)
    .where(LATE, tasks.c.deadline_at <= bindparam("now"), ~is_held(tasks), ~_is_early(), is_approved(tasks))
    .order_by(tasks.c.deadline_at)
    .limit(bindparam("most"))
    .with_for_update(of=tasks, skip_locked=True)
)


def due(tx: Connection, now: datetime, limit: int) -> list[Task]:
    """Return planned tasks whose time has come and that nothing holds, and lock their rows.

    An irreversible task is left out while an earlier stage of its case goes on.
    """
    return [task_of(row) for row in tx.execute(_DUE, {"now": now, "most": limit}).mappings()]


def release_all(tx: Connection, released: Iterable[Task]) -> None:
    """Store the release of tasks that ``due`` returned in the same transaction."""
    for task in released:
        save(tx, task, task.release())


def late(tx: Connection, now: datetime, limit: int) -> list[Task]:
    """Return tasks that have missed their deadline and nobody was told of, and lock their rows.

    What waits for a person's decision is not among them: what is held, not approved, or behind such a thing.
    """
    return [task_of(row) for row in tx.execute(_LATE_NOW, {"now": now, "most": limit}).mappings()]


def note_alarm(tx: Connection, task: Task, now: datetime) -> None:
    """Note that somebody was told of a task's missed deadline."""
    tx.execute(update(tasks).where(tasks.c.id == task.id).values(alarmed_at=now))


def move_deadline(tx: Connection, task: Task, deadline_at: datetime) -> None:
    """Give a task more time."""
    tx.execute(update(tasks).where(tasks.c.id == task.id).values(deadline_at=deadline_at))


def next_runnable(tx: Connection, account_id: str, now: datetime) -> Task | None:
    """Return the task that a worker should do next on an account, if there is one."""
    row = tx.execute(_NEXT, {"account": account_id, "now": now}).mappings().first()
    return task_of(row) if row is not None else None


def runnable_accounts(tx: Connection, target: str, now: datetime, limit: int) -> list[str]:
    """Return accounts at a target with work that nothing holds and nobody does, longest due first."""
    found: Sequence[str] = tx.execute(_RUNNABLE, {"at": target, "now": now, "most": limit}).scalars().all()
    return list(dict.fromkeys(found))


def due_until(tx: Connection, target: str, until: datetime) -> tuple[int, int]:
    """Return how many tasks at a target that have not begun are due by some time, and of how many people."""
    of_target = select(tasks.c.identity_id).where(tasks.c.target == target, tasks.c.due_at <= until)
    # As the partial indexes have it, so that what is due later is not read.
    found = union_all(of_target.where(_IS_PLANNED), of_target.where(RUNNABLE)).subquery()
    query = select(func.count(), func.count(found.c.identity_id.distinct())).select_from(found)
    number, people = tx.execute(query).one()
    return int(number), int(people)
