"""Expediting: an operator lets planned work skip its grace. Nothing else is skipped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.case import CaseState
from scimbridge.domain.task import Task, TaskState
from scimbridge.errors import CaseClosedError, NotFoundError
from scimbridge.services.stage import CaseStage, numbered, stages_of
from scimbridge.store import cases, holds, journal, tasks
from scimbridge.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Expedited:
    """What is due now, and what it still waits for.

    Attributes:
        tasks: What skips its grace.
        still: What they wait for all the same, in sentences.
    """

    tasks: tuple[Task, ...]
    still: tuple[str, ...]


class Expediting:
    """Brings due dates forward. Approvals, holds, exclusions, freezes, schedules, the guard and the order stay."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def look(self, case_id: str, *, number: int | None, task_id: str | None) -> list[Task]:
        """Return what would skip its grace. Touches nothing.

        Raises:
            NotFoundError: There is no such case, stage or task.
            CaseClosedError: The case has ended.
        """
        with self._database.read() as tx:
            return _chosen(tx, case_id, number, task_id)[0]

    def expedite(
        self, case_id: str, *, number: int | None, task_id: str | None, reason: str, by: str, now: datetime
    ) -> Expedited:
        """Make planned work due now; the next sweep releases what nothing else keeps.

        Args:
            case_id: The case.
            number: The stage, from 1. Where neither it nor ``task_id`` is given: the first one that is not due yet.
            task_id: One task alone.
            reason: Why, for the history.
            by: Who says so.
            now: When (UTC).

        Raises:
            NotFoundError: There is no such case, stage or task.
            CaseClosedError: The case has ended.
        """
        with self._database.write() as tx:
            cases.lock_identity(tx, cases.case_by_id(tx, case_id).identity_id)
            chosen, stages = _chosen(tx, case_id, number, task_id)
            early = [task for task in chosen if task.due_at > now]
            for task in early:
                tasks.expedite(tx, task, now, f"expedited by {by}: {reason}")
                journal.record(
                    tx,
                    "task expedited",
                    now,
                    reason=reason,
                    actor=by,
                    task=task,
                    details={"action": task.action, "was_due_at": task.due_at.isoformat(timespec="seconds")},
                )
            return Expedited(tasks=tuple(early), still=tuple(_still(tx, case_id, early, stages)))


def _chosen(
    tx: Connection, case_id: str, number: int | None, task_id: str | None
) -> tuple[list[Task], Sequence[CaseStage]]:
    """Return the planned tasks that are meant, and the stages of the case."""
    if cases.case_by_id(tx, case_id).state is not CaseState.OPEN:
        raise CaseClosedError(case_id)
    found = stages_of(tx, case_id)
    if task_id is not None:
        own = [task for stage in found for task in stage.tasks if task.id == task_id]
        if not own:
            raise NotFoundError(f"task of case {case_id}", task_id)
        return _planned(own), found
    if number is not None:
        return _planned(numbered(case_id, found, number).tasks), found
    return next((planned for stage in found if (planned := _planned(stage.tasks))), []), found


def _planned(own: Sequence[Task]) -> list[Task]:
    return [task for task in own if task.state is TaskState.PLANNED]


def _still(tx: Connection, case_id: str, chosen: Sequence[Task], stages: Sequence[CaseStage]) -> list[str]:
    """Return what expedited tasks wait for all the same."""
    if not chosen:
        return []
    said = [
        f"stage {stage.number} waits for {stage.approval}"
        for stage in stages
        if stage.missing and any(task.stage_id == stage.id for task in chosen)
    ]
    said += [
        f"stage {stage.number} is released by its schedule alone, {stage.terms.schedule} ({stage.terms.timezone})"
        for stage in stages
        if stage.terms.schedule is not None and any(task.stage_id == stage.id for task in chosen)
    ]
    first = min(task.position for task in chosen)
    ids = {task.id for task in chosen}
    said += [
        f"stage {stage.number} comes first; expedite it, too"
        for stage in stages
        if any(not task.is_finished and task.position < first and task.id not in ids for task in stage.tasks)
    ]
    standing = holds.standing_on(tx, cases.case_by_id(tx, case_id))
    return said + [
        f"a hold stands: {hold.reason}; lift it by its id, {hold.id}"
        for hold in standing
        if any(hold.stops_work_at(task.target) for task in chosen)
    ]
