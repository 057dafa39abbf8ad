"""Who leaves, who was left alone, and the numbers of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from operator import itemgetter
from typing import Any

from scimbridge.dashboard.case_filter import read_filter, read_times, require_readable
from scimbridge.dashboard.export import Export
from scimbridge.dashboard.pages import left_alone
from scimbridge.dashboard.pages.charts import AHEAD, PERIODS, USUAL
from scimbridge.dashboard.visit import Visit
from scimbridge.documents.leavers import LEAVERS
from scimbridge.documents.sheet import Sheet, paged
from scimbridge.domain.situation import CaseQuery
from scimbridge.domain.task import TaskState
from scimbridge.services.summing_up import CaseSummary
from scimbridge.store.values import Row


def _in_state(state: TaskState) -> Callable[[CaseSummary], int]:
    return lambda one: one.counts.get(state, 0)


CASES: Sheet[CaseSummary] = Sheet(
    "cases",
    {
        "case": lambda one: one.case.id,
        "person": lambda one: one.user_name,
        "source": lambda one: one.case.source,
        "rule": lambda one: one.case.rule,
        "trigger": lambda one: one.case.trigger,
        "opened at": lambda one: one.case.opened_at,
        "closed at": lambda one: one.case.closed_at,
        "situation": lambda one: one.situation,
        "next at": lambda one: one.next_due_at,
        **{f"{state.value} tasks": _in_state(state) for state in TaskState},
    },
)

LEFT_ALONE: Sheet[Row] = Sheet(
    "left-alone",
    {
        "fact": itemgetter("id"),
        "person": itemgetter("user_name"),
        "why": itemgetter("verdict"),
        "trigger": itemgetter("trigger"),
        "source": itemgetter("source"),
        "at": itemgetter("at"),
    },
)

FIGURES: Sheet[tuple[str, str, str, int]] = Sheet(
    "charts",
    {
        "day (UTC)": itemgetter(0),
        "chart": itemgetter(1),
        "of": itemgetter(2),
        "number": itemgetter(3),
    },
)


class CasesExport(Export):
    """Cases that a filter finds, the newest first."""

    path = "/cases.csv"
    sheet = CASES

    def items(self, visit: Visit) -> Iterator[CaseSummary]:
        """Yield the cases."""
        asked, overview = read_filter(visit.request.query_params), self.bridge.overview
        require_readable(asked.problems)
        return paged(
            lambda limit, after: overview.list_cases(asked.query, visit.now, limit=limit, after=after),
            lambda one: one.case.id,
        )


class LeaversExport(Export):
    """Who began to leave in a time, the newest first: from ``since`` to ``until``, or in the last ``days``."""

    path = "/leavers.csv"
    sheet = LEAVERS

    def items(self, visit: Visit) -> Iterator[Any]:
        """Yield the leavers."""
        since, until, problems = read_times(visit.request.query_params)
        require_readable(problems)
        query = CaseQuery(since=since, until=until)
        if since is None:
            query = replace(query, since=visit.now - timedelta(days=int(_period(visit))))
        return self.bridge.leaver_report.all(query, visit.now)


class LeftAloneExport(Export):
    """Facts that opened no case, and why, the newest first."""

    path = "/left-alone.csv"
    sheet = LEFT_ALONE

    def items(self, visit: Visit) -> Iterator[Row]:
        """Yield the facts."""
        since, overview = visit.now - left_alone.span(visit), self.bridge.overview
        return paged(
            lambda limit, after: overview.left_alone(since, limit=limit, after=after), lambda row: str(row["id"])
        )


class FiguresExport(Export):
    """The numbers behind the charts: one row for each day and what was counted on it."""

    path = "/charts.csv"
    sheet = FIGURES

    def items(self, visit: Visit) -> Iterator[tuple[str, str, str, int]]:
        """Yield the numbers."""
        charts = self.bridge.charting.charts(int(_period(visit)), visit.now)
        drawn = {"leavers": charts.leavers, "attempts": charts.attempts, "throttled": charts.throttled}
        for chart, series in drawn.items():
            for name, days in sorted(series.items()):
                for day, number in sorted(days.items()):
                    yield (day, chart, name, number)
        for coming, load in self.bridge.charting.ahead(AHEAD, visit.now).days:
            yield (coming.isoformat(), "due", "tasks", load.tasks)
            yield (coming.isoformat(), "due", "tasks that cannot be undone", load.irreversible)


def _period(visit: Visit) -> str:
    return visit.asked("days") if visit.asked("days") in PERIODS else USUAL
