"""The report of leavers: who left in a time, by what, how far it is, and how long it took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from scimbridge.domain.action import Action
from scimbridge.domain.situation import CaseQuery
from scimbridge.domain.task import FINISHED, TaskState
from scimbridge.services.summing_up import CaseSummary, sum_up
from scimbridge.store import case_search, leaver_reading
from scimbridge.store.database import Database
from scimbridge.store.values import Row

AT_ONCE = 500
"""Leavers that are read in one transaction, where all are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaverStage:
    """How far one stage is.

    Attributes:
        number: Its place among the stages of its case, from 1.
        tasks: How many it has.
        finished: Of how many nothing more is expected.
        finished_at: When the last of them ended; ``None`` while one is left.
    """

    number: int
    due_at: datetime
    tasks: int
    finished: int
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaverLine:
    """One leaver.

    Attributes:
        revoked_at: When access was last taken away so far, and read back; ``None`` where none was.
        time_to_revoke: The slowest of what was taken away, from when it was due to when it was read back.
        late: Tasks that missed their deadline.
    """

    summary: CaseSummary
    stages: Sequence[LeaverStage]
    revoked_at: datetime | None
    time_to_revoke: timedelta | None
    late: int


class LeaverReport:
    """Reads; changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, query: CaseQuery, now: datetime, *, limit: int, after: str | None = None) -> list[LeaverLine]:
        """Return leavers, the newest first; a few statements for all of them.

        Args:
            query: Which; only cases that take access away from people are in it.
            now: When (UTC).
            limit: At most so many.
            after: The last case of the page before.

        Raises:
            NotFoundError: There is no case of the id ``after``.
        """
        with self._database.read() as tx:
            wanted = replace(query, kind_is_leave=True)
            found = case_search.find(tx, wanted, now, limit=limit, after=after)
            rows: defaultdict[str, list[Row]] = defaultdict(list)
            for row in leaver_reading.tasks_by_stage(tx, [case.id for case, _ in found]):
                rows[row["case_id"]].append(row)
            return [_line(summary, rows[summary.case.id], now) for summary in sum_up(tx, found, now)]

    def all(self, query: CaseQuery, now: datetime) -> Iterator[LeaverLine]:
        """Yield all of them, read part by part, so that no transaction waits for whoever reads."""
        after: str | None = None
        while found := self.page(query, now, limit=AT_ONCE, after=after):
            yield from found
            if len(found) < AT_ONCE:
                return
            after = found[-1].summary.case.id


def _line(summary: CaseSummary, rows: Sequence[Row], now: datetime) -> LeaverLine:
    revoked = [row for row in rows if row["state"] == TaskState.DONE and Action(row["action"]).is_revoking]
    return LeaverLine(
        summary=summary,
        stages=[
            _stage(number, list(own)) for number, (_, own) in enumerate(groupby(rows, lambda row: row["stage_id"]), 1)
        ],
        revoked_at=max((row["finished_at"] for row in revoked), default=None),
        time_to_revoke=max((row["finished_at"] - row["due_at"] for row in revoked), default=None),
        late=sum(row["deadline_at"] is not None and row["deadline_at"] < (row["finished_at"] or now) for row in rows),
    )


def _stage(number: int, rows: Sequence[Row]) -> LeaverStage:
    ended = [row for row in rows if row["state"] in FINISHED]
    return LeaverStage(
        number=number,
        due_at=rows[0]["stage_due_at"],
        tasks=len(rows),
        finished=len(ended),
        finished_at=max((row["finished_at"] for row in ended), default=None) if len(ended) == len(rows) else None,
    )
