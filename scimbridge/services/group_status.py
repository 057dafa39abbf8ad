"""Where the groups stand that are being given up."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.identity import source_at, target_of
from scimbridge.domain.situation import CaseQuery
from scimbridge.domain.task import Task, TaskState
from scimbridge.services.fleet import Fleet
from scimbridge.services.summing_up import CaseSummary, sum_up
from scimbridge.store import case_search, tasks
from scimbridge.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupStatus:
    """One case about a group.

    Attributes:
        done: What was done to it, in order.
        next: What comes next; ``None`` where nothing does.
    """

    summary: CaseSummary
    target: str
    done: tuple[Action, ...]
    next: Action | None


class GroupStatuses:
    """Reads; changes nothing."""

    def __init__(self, database: Database, fleet: Fleet) -> None:
        self._database = database
        self._fleet = fleet

    def list(
        self, now: datetime, *, target: str | None = None, is_open: bool = True, limit: int = 100
    ) -> list[GroupStatus]:
        """Return how each group stands, the newest case first; a few statements for all of them.

        Args:
            now: When (UTC).
            target: Those at this target; at all where absent.
            is_open: Only those whose case is open.
            limit: At most so many.

        Raises:
            NotFoundError: There is no such target.
        """
        query = CaseQuery(
            is_about_group=True,
            state=CaseState.OPEN if is_open else None,
            source=source_at(self._fleet[target].name) if target is not None else None,
        )
        with self._database.read() as tx:
            found = sum_up(tx, case_search.find(tx, query, now, limit=limit), now)
            own: defaultdict[str, list[Task]] = defaultdict(list)
            for task in tasks.tasks_of_cases(tx, [each.case.id for each in found]):
                own[task.case_id].append(task)
        return [_status(summary, own[summary.case.id]) for summary in found]


def _status(summary: CaseSummary, own: list[Task]) -> GroupStatus:
    ahead = (task.action for task in own if not task.is_finished)
    return GroupStatus(
        summary=summary,
        target=target_of(summary.case.source),
        done=tuple(task.action for task in own if task.state is TaskState.DONE),
        next=next(ahead, None),
    )
