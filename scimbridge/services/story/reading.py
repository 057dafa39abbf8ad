"""Everything that the story of a case is told from, read at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from scimbridge.domain.case import Case
from scimbridge.domain.hold import Hold
from scimbridge.domain.identity import Identity
from scimbridge.domain.stale_account import StaleAccount
from scimbridge.domain.task import Task
from scimbridge.services.fleet import Fleet
from scimbridge.services.forecasting import Forecast, forecast
from scimbridge.services.overview import TargetStatus, target_statuses
from scimbridge.services.stage import CaseStage, stages_of
from scimbridge.services.summing_up import CaseSummary, sum_up
from scimbridge.services.timing import ANY_TIME, Timing
from scimbridge.store import attempts, cases, holds, hooks_reading, identities, journal, stale_accounts, tasks
from scimbridge.store.database import Database
from scimbridge.store.stages import stage_after, stage_rows

Row = Mapping[Any, Any]

MOST_REQUESTS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Everything there is to know about a case.

    Attributes:
        graces: When the grace of each stage ends, before any schedule.
        evidence: What was true before and after, by task.
        forecasts: When each task will be done, and by how much that is late.
        attempts: The runs of each task.
        requests: What the source sent about this person since the case's first fact, as understood and as applied.
        holds: Those that stand on the case, or on a target that it has work at.
        hooks: The hook that each hold waits for, by the hold's id.
        targets: How each target stands that it has work at; ``None`` where the configuration has no such target.
        timing: What the configuration says about times.
        stale: The accounts that it takes away because nobody uses them, or did so.
    """

    summary: CaseSummary
    identity: Identity
    tasks: Sequence[Task]
    stages: Sequence[CaseStage]
    graces: Mapping[str, datetime]
    evidence: Mapping[str, Row]
    forecasts: Mapping[str, Forecast]
    attempts: Mapping[str, Sequence[Row]]
    requests: Sequence[Row]
    history: Sequence[Row]
    holds: Sequence[Hold]
    hooks: Mapping[str, Row]
    targets: Mapping[str, TargetStatus | None]
    timing: Timing
    now: datetime
    stale: Sequence[StaleAccount] = ()

    @property
    def case(self) -> Case:
        """The case itself."""
        return self.summary.case

    @property
    def pending(self) -> list[Task]:
        """The tasks that have not ended."""
        return [task for task in self.tasks if not task.is_finished]

    def stage_of(self, task: Task) -> CaseStage:
        """Return the stage of a task."""
        return next(stage for stage in self.stages if stage.id == task.stage_id)


class Stories:
    """Reads stories; changes nothing."""

    def __init__(self, database: Database, fleet: Fleet, timing: Timing = ANY_TIME) -> None:
        self._database = database
        self._fleet = fleet
        self._timing = timing

    def of(self, case_id: str, now: datetime) -> Story:
        """Return the story of a case.

        Raises:
            NotFoundError: There is no such case.
        """
        with self._database.read() as tx:
            case = cases.case_by_id(tx, case_id)
            identity = identities.identity_by_id(tx, case.identity_id, now)
            own = tasks.tasks_of_case(tx, case_id)
            rows = {row["id"]: row for row in tasks.task_rows_of_case(tx, case_id)}
            stages = stages_of(tx, case_id)
            left = {task.target for task in own if not task.is_finished}
            standing = [
                hold for hold in holds.standing_on(tx, case) if any(hold.stops_work_at(target) for target in left)
            ]
            return Story(
                summary=sum_up(tx, [(case, identity.user_name)], now)[0],
                identity=identity,
                tasks=own,
                stages=stages,
                graces={row["id"]: case.trigger_at + stage_after(row) for row in stage_rows(tx, case_id)},
                evidence={key: row["evidence"] for key, row in rows.items() if row["evidence"]},
                forecasts=forecast(tx, own, now, waits=_waiting_for_people(own, stages, standing)),
                attempts=attempts.attempts_of(tx, [task.id for task in own]),
                requests=journal.requests_about(tx, identity.id, case.trigger_at, MOST_REQUESTS),
                history=journal.entries_of_case(tx, case_id),
                holds=standing,
                hooks=hooks_reading.waited_for(tx, case_id),
                targets=self._targets(tx, left, now),
                timing=self._timing,
                now=now,
                stale=stale_accounts.all_of_case(tx, case_id),
            )

    def _targets(self, tx: Connection, names: set[str], now: datetime) -> dict[str, TargetStatus | None]:
        found = target_statuses(tx, (self._fleet[name] for name in names if name in self._fleet), now)
        return {name: found.get(name) for name in sorted(names)}


def _waiting_for_people(own: Sequence[Task], found: Sequence[CaseStage], standing: Sequence[Hold]) -> frozenset[str]:
    """Return the ids of tasks that are held, or whose stage is not approved."""
    unapproved = {stage.id for stage in found if stage.missing}
    return frozenset(
        task.id
        for task in own
        if task.stage_id in unapproved or any(hold.stops_work_at(task.target) for hold in standing)
    )
