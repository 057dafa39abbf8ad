"""Ending cases and tasks: what follows when a task has come to its end, or a case is called off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby, pairwise
from operator import itemgetter

from sqlalchemy import Connection

from scimbridge.domain.action import Action
from scimbridge.domain.case import Case, CaseKind, CaseState
from scimbridge.domain.plan import due_after_delay
from scimbridge.domain.task import FINISHED, Task, TaskState
from scimbridge.domain.trigger import Fact
from scimbridge.errors import CaseClosedError
from scimbridge.store import cases, journal, stages, tasks

LEFT_AGAIN = "the person has left again"
GO_AFTER_ALL = "the group is to be given up after all"


def settle(tx: Connection, case_id: str, now: datetime) -> None:
    """Complete a case all of whose tasks have ended, and date what waited for the end of a stage.

    The caller holds the lock of the case's identity.
    """
    case = cases.case_by_id(tx, case_id)
    if case.state is not CaseState.OPEN:
        return
    all_tasks = tasks.tasks_of_case(tx, case_id)
    if all(task.is_finished for task in all_tasks):
        complete(tx, case, all_tasks, now)
        return
    _postpone_irreversible(tx, case_id, now)


def complete(tx: Connection, case: Case, all_tasks: Sequence[Task], now: datetime) -> None:
    """End a case in which nothing is left to do."""
    done = sum(task.state is TaskState.DONE for task in all_tasks)
    reason = f"{done} of {len(all_tasks)} tasks done, nothing left to do"
    cases.close_case(tx, case, CaseState.COMPLETED, reason, now)
    journal.record(tx, "case completed", now, reason=reason, identity_id=case.identity_id, case_id=case.id)


def cancel(tx: Connection, case: Case, reason: str, now: datetime, *, actor: str = journal.BRIDGE) -> None:
    """Call a case off. A task that runs just now ends by itself; its outcome is recorded.

    Raises:
        CaseClosedError: The case has ended already.
    """
    if case.state is not CaseState.OPEN:
        raise CaseClosedError(case.id)
    tasks.cancel_all(tx, case.id, reason, now)
    cases.close_case(tx, case, CaseState.CANCELED, reason, now)
    what = "case canceled" if case.kind is CaseKind.LEAVE else "restore canceled"
    journal.record(tx, what, now, reason=reason, actor=actor, identity_id=case.identity_id, case_id=case.id)


def stop_restoring(tx: Connection, case: Case, fact: Fact) -> bool:
    """Call off what an open case gives back, where a new fact takes it again.

    A case that does nothing else is canceled with it.

    Returns:
        Whether the case was canceled.
    """
    own = tasks.tasks_of_case(tx, case.id, lock=True)
    if fact.targets is None and case.kind is CaseKind.RESTORE and not any(task.action.is_revoking for task in own):
        cancel(tx, case, LEFT_AGAIN, fact.at)
        return True
    for task in own:
        if task.action.gives_back and fact.concerns(task.target):
            _call_off(tx, task, GO_AFTER_ALL if task.action.is_of_groups else LEFT_AGAIN, fact.at)
    return False


def stop_revoking(tx: Connection, case: Case, targets: frozenset[str], reason: str, now: datetime) -> None:
    """Call off what an open case still takes at some targets; end it where nothing is left to do."""
    own = tasks.tasks_of_case(tx, case.id, lock=True)
    ended = [
        _call_off(tx, task, reason, now) if task.action.is_revoking and task.target in targets else task for task in own
    ]
    if not any(task.action.is_revoking and not task.is_finished for task in ended):
        # Nobody is told of what does not happen any more.
        ended = [_call_off(tx, task, reason, now) if task.action is Action.NOTIFY else task for task in ended]
    if all(task.state is TaskState.CANCELED for task in ended):
        cases.close_case(tx, case, CaseState.CANCELED, reason, now)
        journal.record(tx, "case canceled", now, reason=reason, identity_id=case.identity_id, case_id=case.id)
    else:
        settle(tx, case.id, now)


def skip_others_on(tx: Connection, task: Task, reason: str, now: datetime) -> None:
    """Skip what else a case would give back on a task's account."""
    for other in tasks.tasks_of_case(tx, task.case_id, lock=True):
        is_other = other.id != task.id and other.account_id == task.account_id and other.action.gives_back
        if is_other and not other.is_finished and other.state is not TaskState.RUNNING:
            skipped = other.skip(reason)
            tasks.save(tx, other, skipped, finished_at=now)
            journal.record(tx, "task skipped", now, reason=reason, task=skipped, details={"action": other.action})


def _call_off(tx: Connection, task: Task, reason: str, now: datetime) -> Task:
    """Cancel a task, unless it has ended or runs just now."""
    if task.is_finished or task.state is TaskState.RUNNING:
        return task
    canceled = task.cancel(reason)
    tasks.save(tx, task, canceled, finished_at=now)
    journal.record(tx, "task canceled", now, reason=reason, task=canceled, details={"action": task.action})
    return canceled


def _postpone_irreversible(tx: Connection, case_id: str, now: datetime) -> None:
    """Keep the distance between stages that ended late and the irreversible ones after them.

    A case that was amended has several stages of one number, each with a grace of its own. What is given back has a
    stage, too, but puts off nothing that is taken elsewhere.
    """
    rows = [row for row in tasks.task_rows_of_case(tx, case_id) if not Action(row["action"]).gives_back]
    taking = {row["stage_id"] for row in rows}
    own = [stage for stage in stages.stage_rows(tx, case_id) if stage["id"] in taking]
    in_turn = [list(same) for _, same in groupby(own, key=itemgetter("number"))]
    for previous, following in pairwise(in_turn):
        before = [row for row in rows if row["stage_id"] in {stage["id"] for stage in previous}]
        if any(TaskState(row["state"]) not in FINISHED for row in before):
            return
        ended_at: datetime = max(row["finished_at"] or now for row in before)
        first_after = min(stages.stage_after(stage) for stage in previous)
        known = {stage["id"]: stage for stage in following}
        for row in rows:
            if row["stage_id"] in known and row["irreversible"] and row["state"] == TaskState.PLANNED:
                stage = known[row["stage_id"]]
                delay = stages.stage_after(stage) - first_after
                due_at = due_after_delay(row["due_at"], delay, ended_at)
                if due_at > row["due_at"] and row["expedited_at"] is None:
                    tasks.move_due_date(tx, row["id"], stages.terms_of(stage).release_at(due_at, now))
