"""What an operator does to cases, tasks and targets. Each is in the history with who and why."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.approval import BY_HAND
from scimbridge.domain.case import Case, CaseState
from scimbridge.domain.outline import counted_as
from scimbridge.domain.task import Task, TaskState
from scimbridge.domain.wakeup import WakeUp
from scimbridge.errors import CaseClosedError, InvalidTransitionError, NotFoundError, StillObservesError
from scimbridge.sdk.config import Mode
from scimbridge.sdk.state import AccountRef
from scimbridge.services import settling
from scimbridge.services.arming import mode_at
from scimbridge.services.fleet import Fleet
from scimbridge.services.guarding import Guarding
from scimbridge.services.intake import Submit
from scimbridge.store import accounts, agenda, assignments, carried_out, cases, journal, target_work, targets, tasks
from scimbridge.store.database import Database


@dataclass(frozen=True, slots=True)
class Retried:
    """What came of trying again all that waits for a person at a target.

    Attributes:
        count: Tasks that are tried again.
        left: Tasks that wait still.
    """

    count: int
    left: int


class Operating:
    """Cancel, retry, choose; pause and resume."""

    def __init__(self, database: Database, fleet: Fleet, guarding: Guarding, submit: Submit) -> None:
        self._database = database
        self._fleet = fleet
        self._guarding = guarding
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

    def retry(self, case_id: str, *, by: str, now: datetime, reason: str = "", target: str | None = None) -> list[Task]:
        """Start another series of attempts for everything in a case that failed or waits. Returns the tasks.

        Args:
            case_id: The case.
            by: Who.
            now: When (UTC).
            reason: Why.
            target: Only what is to be done there.

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
                if task.state in (TaskState.FAILED, TaskState.WAITING) and target in (None, task.target):
                    again = task.retry(f"retried by {by}")
                    tasks.save(tx, task, again)
                    journal.record(
                        tx, "task retried", now, reason=reason, actor=by, task=task, details={"action": task.action}
                    )
                    retried.append(again)
        self._submit([WakeUp(task.target, task.account_id) for task in retried])
        return retried

    def retry_at(self, target: str, *, reason: str, by: str, now: datetime, most: int = 500) -> Retried:
        """Start another series of attempts for what waits for a person at a target; each case by itself.

        Args:
            target: Where.
            reason: Why.
            by: Who.
            now: When (UTC).
            most: No more tasks than that, the newest; done again, the next ones follow.

        Raises:
            NotFoundError: There is no such target.
        """
        name = self._fleet[target].name
        with self._database.read() as tx:
            asking = target_work.asking_at(tx, [name], most)
        count = 0
        for case_id in dict.fromkeys(each.case_id for each in asking):
            with suppress(CaseClosedError):  # it has ended meanwhile
                count += len(self.retry(case_id, reason=reason, by=by, now=now, target=name))
        with self._database.read() as tx:
            return Retried(count, target_work.asking(tx).get(name, 0))

    def do_observed(self, case_id: str, *, by: str, now: datetime, reason: str = "") -> list[Task]:
        """Plan again what a case would have done at targets that only observed, and act by now. Returns the tasks.

        They wait for release like all planned work: holds, approvals and the distance to what cannot be undone
        are checked anew. The guard counts it, as it did not while it was only observed. A completed case is open again.

        Raises:
            NotFoundError: There is no such case.
            CaseClosedError: It was canceled, or the person has another open case, or has left once more since.
            StillObservesError: There is something, and all of it at targets that observe still.
        """
        with self._database.write() as tx:
            case = cases.case_by_id(tx, case_id)
            cases.lock_identity(tx, case.identity_id)
            found = carried_out.observed_of_case(tx, case_id)
            acting = [task for task in found if self._acts(tx, task.target, now)]
            if found and not acting:
                name = found[0].target
                raise StillObservesError(name)
            newest = cases.last_leave_of(tx, [case.identity_id])
            is_past = newest is not None and newest.opened_at > case.opened_at
            if acting and (is_past or not cases.reopen_case(tx, cases.case_by_id(tx, case_id))):
                raise CaseClosedError(case_id)
            planned = [task.replan(f"was only observed; to be done, says {by}") for task in acting]
            for before, after in zip(acting, planned, strict=True):
                tasks.save(tx, before, after)
                journal.record(
                    tx,
                    "task planned",
                    now,
                    reason=reason or "was only observed",
                    actor=by,
                    task=after,
                    details={"action": after.action},
                )
            self._guarding.admit(tx, case, counted_as((task.target, task.action) for task in planned), now)
        return planned

    def _acts(self, tx: Connection, target: str, now: datetime) -> bool:
        return target in self._fleet and mode_at(tx, self._fleet[target], now) is Mode.ENFORCE

    def link(self, task_id: str, native_id: str, *, by: str, now: datetime, case_id: str | None = None) -> Task:
        """Choose the account that a task is about, among those that matched, and let the task go on.

        Args:
            task_id: The task.
            native_id: The account, by its id at the target.
            by: Who.
            now: When (UTC).
            case_id: Only if the task is of this case.

        Raises:
            NotFoundError: There is no such task, or the id is none of the candidates.
            InvalidTransitionError: The task does not wait for a person.
        """
        with self._database.write() as tx:
            cases.lock_identity(tx, tasks.task_by_id(tx, task_id).identity_id)
            task = _of_case(tasks.task_by_id(tx, task_id, lock=True), case_id)
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

    def done_by_hand(self, task_id: str, *, reason: str, by: str, now: datetime, case_id: str | None = None) -> Task:
        """Take a person's word for it that they have seen to a task that waits for one; the case goes on.

        Args:
            task_id: The task.
            reason: What they did.
            by: Who.
            now: When (UTC).
            case_id: Only if the task is of this case.

        Raises:
            NotFoundError: There is no such task.
            CaseClosedError: Its case has ended.
            InvalidTransitionError: The task does not wait for a person.
        """
        with self._database.write() as tx:
            cases.lock_identity(tx, tasks.task_by_id(tx, task_id).identity_id)
            task = _of_case(tasks.task_by_id(tx, task_id, lock=True), case_id)
            if cases.case_by_id(tx, task.case_id).state is not CaseState.OPEN:
                raise CaseClosedError(task.case_id)
            if not task.needs_person:
                raise InvalidTransitionError("take_word", task.state)
            ended = task.take_word(f"{BY_HAND}, says {by}: {reason}")
            tasks.save(tx, task, ended, finished_at=now)
            details = {"action": task.action}
            journal.record(tx, "done by hand", now, reason=reason, actor=by, task=ended, details=details)
            settling.settle(tx, task.case_id, now)
        self._submit([WakeUp(ended.target, ended.account_id)])
        return ended

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

    def resume(self, target: str, *, by: str, now: datetime, reason: str = "") -> bool:
        """Let a paused target work again. Returns whether it was paused.

        What has piled up is let go gradually (``scimbridge.domain.letting_go``).

        Raises:
            NotFoundError: There is no such target.
        """
        name = self._fleet[target].name
        with self._database.write() as tx:
            resumed = targets.resume(tx, name)
            if resumed:
                # One account alone is no backlog: that one is worked on at once, and so is who comes next.
                if len(agenda.runnable_accounts(tx, name, now, 2)) > 1:
                    targets.let_go(tx, name, now)
                journal.record(tx, "target resumed", now, reason=reason, actor=by, target=name)
        return resumed


def _of_case(task: Task, case_id: str | None) -> Task:
    """Return the task if it is of the case; what a form names may be anything."""
    if case_id not in (None, task.case_id):
        raise NotFoundError("task of this case", task.id)
    return task
