"""Giving back by hand: an operator says that somebody gets back what a case has taken."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from scimbridge.domain.case import Case, CaseKind, CaseState
from scimbridge.domain.task import Task
from scimbridge.errors import RestoreRefusedError
from scimbridge.services import settling
from scimbridge.services.intake import Submit
from scimbridge.services.returning import Returning
from scimbridge.store import assignments, carried_out, cases, journal, tasks
from scimbridge.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What is being given back.

    Attributes:
        case: The restore.
        tasks: What it does.
        lost: What nobody can give back, as far as that is known by now: the target, and a sentence.
    """

    case: Case
    tasks: Sequence[Task]
    lost: Sequence[tuple[str, str]]


class GivingBack:
    """Restores what leave cases have taken. The operator's word stands until the source says a new fact."""

    def __init__(self, database: Database, returning: Returning, submit: Submit) -> None:
        self._database = database
        self._returning = returning
        self._submit = submit

    def restore(
        self, case_id: str, *, reason: str, by: str, now: datetime, targets: Collection[str] | None = None
    ) -> Restored:
        """Give back what a case has taken; what it still plans is called off.

        Args:
            case_id: A leave case, ended or open.
            reason: Why.
            by: The operator.
            now: When (UTC).
            targets: The only ones where it is given back; all where absent.

        Raises:
            NotFoundError: There is no such case.
            RestoreRefusedError: There is nothing to give back, or not now.
        """
        with self._database.write() as tx:
            cases.lock_identity(tx, cases.case_by_id(tx, case_id).identity_id)
            case = cases.case_by_id(tx, case_id)
            if case.kind is CaseKind.RESTORE:
                raise RestoreRefusedError(f"case {case_id} gives back already; retry it to let it go on")
            if case.state is CaseState.OPEN and targets is not None:
                raise RestoreRefusedError(
                    f"case {case_id} is still open, and would take it again: cancel it first, or restore all of it"
                )
            if case.state is CaseState.OPEN:
                settling.cancel(tx, case, f"given back: {reason}", now, actor=by)
                assignments.forget(tx, case.identity_id)
            elif case.is_narrow or targets is not None:
                # What the operator names is no longer lost, though no group grants it.
                tried = carried_out.targets_tried(tx, case.id)
                assignments.assign(tx, case.identity_id, tried if targets is None else tried.intersection(targets))
            verdict = self._returning.give_back(tx, case, by=by, reason=reason, now=now, targets=targets)
            restore = cases.open_case_of(tx, [case.identity_id])
            if not verdict.text or restore is None:
                raise RestoreRefusedError(_why_nothing(case, restore))
            planned = tasks.tasks_of_case(tx, restore.id)
            lost = [
                (entry["target"], entry["reason"])
                for entry in journal.entries_of_case(tx, restore.id)
                if entry["event"] == "not given back"
            ]
        self._submit(verdict.wakeups)
        return Restored(case=restore, tasks=planned, lost=lost)


def _why_nothing(case: Case, other: Case | None) -> str:
    if other is not None:
        what, has = ("group", "what becomes of it") if case.is_about_group else ("person", "what they have")
        return f"another case of the same {what} is open ({other.id}): it decides {has}"
    return f"case {case.id} has taken nothing that it could give back"
