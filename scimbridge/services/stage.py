"""The stages of a case as people see them: numbered from 1, with their tasks and whose approvals stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.approval import ASKS
from scimbridge.domain.rule import Terms
from scimbridge.domain.task import Task, TaskState
from scimbridge.errors import ApprovalRefusedError, NotFoundError
from scimbridge.store import approvals, stages, tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseStage:
    """A stage of a case.

    Attributes:
        number: Its place among the stages of its case, from 1.
        tasks: What it does, in order; ended tasks too.
        approved_by: Whose approvals stand.
    """

    id: str
    number: int
    due_at: datetime
    terms: Terms
    tasks: tuple[Task, ...]
    approved_by: tuple[str, ...]

    @property
    def is_finished(self) -> bool:
        """Whether nothing more is expected of it."""
        return all(task.is_finished for task in self.tasks)

    @property
    def missing(self) -> int:
        """How many more operators have to approve it."""
        return max(0, self.terms.approvers - len(self.approved_by))

    @property
    def approval(self) -> str:
        """What it waits for, and how much of that is there: ``approval of stage 2 (1 of 2)``."""
        return f"approval of stage {self.number} ({len(self.approved_by)} of {self.terms.approvers})"

    def waits_for_approval(self, now: datetime) -> bool:
        """Whether work of it is due, and goes on once it is approved."""
        return self.missing > 0 and any(task.state is TaskState.PLANNED and task.due_at <= now for task in self.tasks)

    @property
    def asks(self) -> bool:
        """Whether it waits for a person to see exactly what there is: it is protected, or a group that has changed."""
        return any(task.needs_person and task.reason.startswith(ASKS) for task in self.tasks)


def stages_of(tx: Connection, case_id: str) -> list[CaseStage]:
    """Return the stages of a case in order, with their tasks and with whose approvals stand."""
    own = tasks.tasks_of_case(tx, case_id)
    given = approvals.standing(tx, case_id)
    return [
        CaseStage(
            id=row["id"],
            number=number,
            due_at=row["due_at"],
            terms=stages.terms_of(row),
            tasks=tuple(sorted((t for t in own if t.stage_id == row["id"]), key=lambda task: task.position)),
            approved_by=tuple(each.approved_by for each in given if each.stage_id == row["id"]),
        )
        for number, row in enumerate(stages.stage_rows(tx, case_id), start=1)
    ]


def waiting_stage(case_id: str, found: Sequence[CaseStage], number: int | None) -> CaseStage:
    """Return the stage of this number, or the first one that waits for an approval.

    Raises:
        NotFoundError: There is no stage of this number.
        ApprovalRefusedError: None waits, or the one that is named has ended.
    """
    if number is None:
        waiting = [stage for stage in found if not stage.is_finished and (stage.missing or stage.asks)]
        if not waiting:
            raise ApprovalRefusedError(f"nothing in case {case_id} waits for an approval")
        return waiting[0]
    stage = numbered(case_id, found, number)
    if stage.is_finished:
        raise ApprovalRefusedError(f"stage {number} of case {case_id} has ended; there is nothing to approve")
    return stage


def approved_stage(case_id: str, found: Sequence[CaseStage], number: int | None) -> CaseStage:
    """Return the stage of this number, or the only one that is approved.

    Raises:
        NotFoundError: There is no stage of this number.
        ApprovalRefusedError: None is approved, or several are and no number says which.
    """
    stages_with = [stage for stage in found if stage.approved_by and number in (None, stage.number)]
    if not stages_with:
        where = f"case {case_id}" if number is None else f"stage {numbered(case_id, found, number).number}"
        raise ApprovalRefusedError(f"no approval of {where} stands")
    if len(stages_with) > 1:
        numbers = ", ".join(str(stage.number) for stage in stages_with)
        raise ApprovalRefusedError(f"stages {numbers} of case {case_id} are approved; say which one is meant")
    return stages_with[0]


def numbered(case_id: str, found: Sequence[CaseStage], number: int) -> CaseStage:
    """Return the stage of this number.

    Raises:
        NotFoundError: There is none.
    """
    if not 1 <= number <= len(found):
        raise NotFoundError(f"stage of case {case_id}", str(number))
    return found[number - 1]
