"""Rows of tasks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    RowMapping,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    union,
    union_all,
    update,
)

from scimbridge.domain.action import UNDOES, Action
from scimbridge.domain.ids import AccountId, CaseId, IdentityId, TaskId
from scimbridge.domain.task import FINISHED, TRANSITIONS, Task, TaskState
from scimbridge.errors import ConcurrentUpdateError, NotFoundError
from scimbridge.store.approvals import is_approved
from scimbridge.store.holds import is_held
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import LATE, RUNNABLE, accounts, attempts, targets, tasks
from scimbridge.store.values import Row

_IS_PLANNED = text("tasks.state = 'planned'")
_FINISHED = [state.value for state in FINISHED]


def _is_runnable() -> ColumnElement[bool]:
    """Ready or awake at ``now``, and nothing before it on the same account in the same case is unfinished."""
    earlier = tasks.alias("before")
    blocked = exists(
        select(earlier.c.id).where(
            earlier.c.case_id == tasks.c.case_id,
            earlier.c.account_id == tasks.c.account_id,
            earlier.c.position < tasks.c.position,
            earlier.c.state.not_in(_FINISHED),
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
            earlier.c.state.not_in(_FINISHED),
        )
    )
    return and_(tasks.c.irreversible, unfinished_before)


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
_NEXT = (
    select(tasks)
    .where(tasks.c.account_id == bindparam("account"), _is_runnable())
    .order_by(tasks.c.due_at, tasks.c.position)
    .limit(1)
)
_BEFORE = (
    select(tasks)
    .where(
        tasks.c.case_id == bindparam("case"),
        tasks.c.account_id == bindparam("account"),
        tasks.c.position < bindparam("place"),
    )
    .order_by(tasks.c.finished_at, tasks.c.id)
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
    return _task(row)


def tasks_of_case(tx: Connection, case_id: str, *, lock: bool = False) -> list[Task]:
    """Return the tasks of a case in the order in which they are due."""
    query = _ALL_OF_CASE_LOCKED if lock else _ALL_OF_CASE
    return [_task(row) for row in query.all(tx, {"key": case_id})]


def tasks_of_cases(tx: Connection, case_ids: Sequence[str]) -> list[Task]:
    """Return the tasks of some cases in the order in which they are due."""
    query = select(tasks).where(tasks.c.case_id.in_(case_ids)).order_by(tasks.c.due_at, tasks.c.position, tasks.c.id)
    return [_task(row) for row in tx.execute(query).mappings()]


def task_rows_of_case(tx: Connection, case_id: str) -> Sequence[RowMapping]:
    """Return the same with evidence and end, for display."""
    return tx.execute(_OF_CASE, {"key": case_id}).mappings().all()


def observed_of_case(tx: Connection, case_id: str) -> list[Task]:
    """Return the tasks of a case that were not done because their target only observed."""
    query = select(tasks).where(
        tasks.c.case_id == case_id,
        tasks.c.state == TaskState.SKIPPED,
        tasks.c.evidence["observed"].as_boolean(),
    )
    return [_task(row) for row in tx.execute(query.order_by(tasks.c.position, tasks.c.target, tasks.c.id)).mappings()]


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
    found = [(_task(row), row) for row in rows]
    done = {before.action for before, _ in found if before.state is TaskState.DONE}
    return [
        (before, row["finished_at"])
        for before, row in found
        if before.action.is_revoking
        and before.action not in done
        and before.state in (TaskState.SKIPPED, TaskState.CANCELED)
        and not (row["evidence"] or {}).get("observed")
    ]


def due(tx: Connection, now: datetime, limit: int) -> list[Task]:
    """Return planned tasks whose time has come and that nothing holds, and lock their rows.

    An irreversible task is left out while an earlier stage of its case goes on.
    """
    return [_task(row) for row in tx.execute(_DUE, {"now": now, "most": limit}).mappings()]


def release_all(tx: Connection, released: Iterable[Task]) -> None:
    """Store the release of tasks that ``due`` returned in the same transaction."""
    for task in released:
        save(tx, task, task.release())


def late(tx: Connection, now: datetime, limit: int) -> list[Task]:
    """Return tasks that have missed their deadline and nobody was told of, and lock their rows.

    What waits for a person's decision is not among them: what is held, not approved, or behind such a thing.
    """
    return [_task(row) for row in tx.execute(_LATE_NOW, {"now": now, "most": limit}).mappings()]


def note_alarm(tx: Connection, task: Task, now: datetime) -> None:
    """Note that somebody was told of a task's missed deadline."""
    tx.execute(update(tasks).where(tasks.c.id == task.id).values(alarmed_at=now))


def move_deadline(tx: Connection, task: Task, deadline_at: datetime) -> None:
    """Give a task more time."""
    tx.execute(update(tasks).where(tasks.c.id == task.id).values(deadline_at=deadline_at))


def next_runnable(tx: Connection, account_id: str, now: datetime) -> Task | None:
    """Return the task that a worker should do next on an account, if there is one."""
    row = tx.execute(_NEXT, {"account": account_id, "now": now}).mappings().first()
    return _task(row) if row is not None else None


def runnable_accounts(tx: Connection, target: str, now: datetime, limit: int) -> list[str]:
    """Return accounts at a target with work that nothing holds and nobody does, longest due first."""
    found: Sequence[str] = tx.execute(_RUNNABLE, {"at": target, "now": now, "most": limit}).scalars().all()
    return list(dict.fromkeys(found))


def last_done_on(tx: Connection, account_id: str, *, about: Action) -> Task | None:
    """Return the task on an account that was finished last: of an action or what undoes it, else of any."""
    is_about = tasks.c.action.in_({about, about.facts.undo, UNDOES.get(about)} - {None})
    query = (
        select(tasks)
        .where(tasks.c.account_id == account_id, tasks.c.state == TaskState.DONE)
        .order_by(is_about.desc())
        .order_by(tasks.c.finished_at.desc())
        .limit(1)
    )
    row = tx.execute(query).mappings().first()
    return _task(row) if row is not None else None


def deletion_of(tx: Connection, case_id: str, account_id: str) -> datetime | None:
    """Return when a case deletes an account or a group, as it is planned now; ``None`` where it does not."""
    query = select(func.min(tasks.c.due_at)).where(
        tasks.c.case_id == case_id,
        tasks.c.account_id == account_id,
        tasks.c.action.in_([Action.DELETE, Action.DELETE_GROUP]),
        tasks.c.state.not_in(_FINISHED),
    )
    found: datetime | None = tx.execute(query).scalar_one()
    return found


def targets_tried(tx: Connection, case_id: str) -> set[str]:
    """Return the targets at which a case has begun something."""
    query = select(attempts.c.target).join(tasks, tasks.c.id == attempts.c.task_id).where(tasks.c.case_id == case_id)
    return set(tx.execute(query.distinct()).scalars())


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


def due_until(tx: Connection, target: str, until: datetime) -> tuple[int, int]:
    """Return how many tasks at a target that have not begun are due by some time, and of how many people."""
    of_target = select(tasks.c.identity_id).where(tasks.c.target == target, tasks.c.due_at <= until)
    # As the partial indexes have it, so that what is due later is not read.
    found = union_all(of_target.where(_IS_PLANNED), of_target.where(RUNNABLE)).subquery()
    query = select(func.count(), func.count(found.c.identity_id.distinct())).select_from(found)
    number, people = tx.execute(query).one()
    return int(number), int(people)


def next_date(tx: Connection, case_id: str) -> datetime | None:
    """Return when the next thing happens in a case by itself."""
    date = case((tasks.c.state == TaskState.PLANNED, tasks.c.due_at), else_=tasks.c.not_before)
    query = select(func.min(date)).where(
        tasks.c.case_id == case_id, tasks.c.state.in_([TaskState.PLANNED.value, TaskState.WAITING.value])
    )
    found: datetime | None = tx.execute(query).scalar_one()
    return found


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


def _task(row: Row) -> Task:
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
