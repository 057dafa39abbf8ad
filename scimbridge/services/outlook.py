"""The outlook of a case: what is left to happen in it, and when."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.rule import Terms
from scimbridge.domain.schedule import Freeze
from scimbridge.domain.task import Task, TaskState
from scimbridge.notices.notice import Step
from scimbridge.sdk.config import Mode
from scimbridge.services.arming import mode_at
from scimbridge.services.fleet import Fleet
from scimbridge.store import approvals, stages, tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What becomes of somebody's access.

    Attributes:
        steps: What is left to happen, in the order in which it is due.
        has_happened: Something was done already.
        is_observed: Something would happen at targets that are only observed.
    """

    steps: tuple[Step, ...]
    has_happened: bool
    is_observed: bool

    @property
    def point_of_no_return(self) -> datetime | None:
        """When the first step comes that cannot be undone, at the earliest."""
        return min((step.at for step in self.steps if step.is_irreversible), default=None)


def look_ahead(tx: Connection, case_id: str, fleet: Fleet, freezes: Collection[Freeze], now: datetime) -> Outlook:
    """Return the outlook of a case. Targets that are only observed, or not configured any more, have no part in it."""
    revoking = [task for task in tasks.tasks_of_case(tx, case_id) if task.action.is_revoking and task.target in fleet]
    modes = {name: mode_at(tx, fleet[name], now) for name in {task.target for task in revoking}}
    acting = [task for task in revoking if modes[task.target] is Mode.ENFORCE]
    terms = {row["id"]: stages.terms_of(row) for row in stages.stage_rows(tx, case_id)}
    lacking = {key: not approvals.conditions(tx, case_id, key)[1] for key in terms}
    ahead = [task for task in acting if not task.is_finished]
    return Outlook(
        steps=_steps((task, _at(task, terms[task.stage_id], freezes, now), lacking[task.stage_id]) for task in ahead),
        has_happened=any(task.state is TaskState.DONE for task in acting),
        is_observed=len(acting) < len(revoking),
    )


def _at(task: Task, terms: Terms, freezes: Collection[Freeze], now: datetime) -> datetime:
    """Return when a task may start at the earliest."""
    if task.state is not TaskState.PLANNED:
        return max(task.not_before or now, now)
    at = terms.release_at(task.due_at, now, irreversible=task.action.is_irreversible, freezes=freezes)
    return max(at, now)


def _steps(dated: Iterable[tuple[Task, datetime, bool]]) -> tuple[Step, ...]:
    """Return what happens at one time as one step, with all its targets."""
    found: dict[tuple[datetime, int, str, bool], tuple[Task, list[str]]] = {}
    for task, at, is_lacking in dated:
        needs_approval = is_lacking and task.state is TaskState.PLANNED
        key = (at, task.position, task.action.value, needs_approval)
        found.setdefault(key, (task, []))[1].append(task.target)
    return tuple(
        Step(
            at=at,
            action=action,
            targets=tuple(sorted(targets)),
            is_irreversible=task.action.is_irreversible,
            needs_approval=needs_approval,
        )
        for (at, _, action, needs_approval), (task, targets) in sorted(found.items())
    )
