"""What an operator does to cases, tasks and targets. Each is in the history with who and why."""

from __future__ import annotations

from datetime import datetime

from scimbridge.domain.case import Case, CaseState
from scimbridge.domain.task import Task, TaskState
from scimbridge.domain.wakeup import WakeUp
from scimbridge.errors import CaseClosedError, NotFoundError
from scimbridge.sdk.state import AccountRef
from scimbridge.services import settling
from scimbridge.services.fleet import Fleet
from scimbridge.services.intake import Submit
from scimbridge.store import accounts, assignments, cases, journal, targets, tasks
from scimbridge.store.database import Database


class Operating:
    """Cancel, retry, choose; pause and resume."""

    def __init__(self, database: Database, fleet: Fleet, submit: Submit) -> None:
        self._database = database
        self._fleet = fleet
        self._submit = submit

    def cancel(self, case_id: str, *, reason: str, by: str, now: datetime) -> Case:
        """Call a case off. What it has done already stays done.

        Raises:
            NotFoundError: There is no such case.
            CaseClosedError: It has ended.
        """
        with self._database.write() as tx:
            case = cases.case_by_id(tx, case_id)
            cases.lock_identity(tx, case.identity_id)
            settling.cancel(tx, cases.case_by_id(tx, case_id), reason, now, actor=by)
            assignments.forget(tx, case.identity_id)
            return cases.case_by_id(tx, case_id)

    def retry(self, case_id: str, *, by: str, now: datetime) -> list[Task]:
        """Start another series of attempts for everything in a case that failed or waits. Returns the tasks.

        Raises:
            NotFoundError: There is no such case.
            CaseClosedError: It has ended.
        """
        retried = []
        with self._database.write() as tx:
            cases.lock_identity(tx, cases.case_by_id(tx, case_id).identity_id)
            if cases.case_by_id(tx, case_id).state is not CaseState.OPEN:
                raise CaseClosedError(case_id)
            for task in tasks.tasks_of_case(tx, case_id, lock=True):
                if task.state in (TaskState.FAILED, TaskState.WAITING):
                    again = task.retry(f"retried by {by}")
                    tasks.save(tx, task, again)
                    journal.record(
                        tx, "task retried", now, reason="", actor=by, task=task, details={"action": task.action}
                    )
                    retried.append(again)
        self._submit([WakeUp(task.target, task.account_id) for task in retried])
        return retried

    def link(self, task_id: str, native_id: str, *, by: str, now: datetime) -> Task:
        """Choose the account that a task is about, among those that matched, and let the task go on.

        Raises:
            NotFoundError: There is no such task, or the id is none of the candidates.
            InvalidTransitionError: The task does not wait for a person.
        """
        with self._database.write() as tx:
            cases.lock_identity(tx, tasks.task_by_id(tx, task_id).identity_id)
            task = tasks.task_by_id(tx, task_id, lock=True)
            account = accounts.account_by_id(tx, task.account_id)
            chosen = next((one for one in account.candidates or () if one["id"] == native_id), None)
            if chosen is None:
                raise NotFoundError("candidate account", native_id)
            again = task.retry(f"{by} chose the account")
            tasks.save(tx, task, again)
            accounts.link(tx, account.id, AccountRef(chosen["id"], chosen["name"]), now)
            journal.record(
                tx,
                "account chosen",
                now,
                reason="several accounts had matched",
                actor=by,
                task=task,
                personal={"native_id": native_id, "name": chosen["name"]},
            )
        self._submit([WakeUp(again.target, again.account_id)])
        return again

    def pause(self, target: str, *, reason: str, by: str, now: datetime) -> bool:
        """Pause a target: its tasks wait and burn no attempts. Returns whether it was not paused already.

        Raises:
            NotFoundError: There is no such target.
        """
        name = self._fleet[target].name
        with self._database.write() as tx:
            targets.ensure_targets(tx, [name])
            paused = targets.pause(tx, name, reason=reason, by=by, now=now)
            if paused:
                journal.record(tx, "target paused", now, reason=reason, actor=by, target=name)
        return paused

    def resume(self, target: str, *, by: str, now: datetime) -> bool:
        """Let a paused target work again. Returns whether it was paused.

        Raises:
            NotFoundError: There is no such target.
        """
        name = self._fleet[target].name
        with self._database.write() as tx:
            resumed = targets.resume(tx, name)
            if resumed:
                journal.record(tx, "target resumed", now, reason="", actor=by, target=name)
        return resumed
