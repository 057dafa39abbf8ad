"""Charts: drawn on the server, each with its numbers beside it as a table."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Any

from scimbridge.dashboard.page import Page
from scimbridge.dashboard.visit import Visit
from scimbridge.services.charting import MOST_OF_A_DAY, Ahead, Series, TimeToRevoke

PERIODS = {"7": "7 days", "30": "30 days", "90": "90 days"}
USUAL = "30"
AHEAD = 91
"""Days of the calendar: today, and the coming 90."""

OUTCOMES = ("done", "skipped", "not yet", "failed", "canceled")


@dataclass(frozen=True, slots=True)
class Columns:
    """A chart of stacked columns, one for each day.

    Attributes:
        names: What is stacked, from the bottom up.
        days: Each with the number of each name.
        highest: The highest column; 1 at least.
        total: Of all days.
    """

    names: tuple[str, ...]
    days: tuple[tuple[str, tuple[int, ...]], ...]
    highest: int
    total: int

    @classmethod
    def of(cls, series: Series, days: list[str], names: tuple[str, ...] | None = None) -> Columns:
        """Return the chart of a series; the names in their order, or those that there are."""
        known = tuple(name for name in names or sorted(series) if name in series)
        rows = tuple((day, tuple(series[name].get(day, 0) for name in known)) for day in days)
        sums = [sum(numbers) for _, numbers in rows]
        return cls(known, rows, max([1, *sums]), sum(sums))


class ChartsPage(Page):
    """What happened in some days, and what the coming ones bring."""

    path = "/charts"
    template = "charts.html"

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return the charts."""
        period = visit.asked("days") if visit.asked("days") in PERIODS else USUAL
        charts = self.bridge.charting.charts(int(period), visit.now)
        days = list(charts.days)
        return {
            "period": period,
            "periods": PERIODS,
            "counted_until": charts.counted_until,
            "times_to_revoke": charts.times,
            "places": [_places(each) for each in charts.times],
            "leavers": Columns.of(charts.leavers, days),
            "attempts": Columns.of(charts.attempts, days, OUTCOMES),
            "throttled": Columns.of(charts.throttled, days),
            "ahead": (ahead := self.bridge.charting.ahead(AHEAD, visit.now)),
            "weeks": _weeks(ahead),
            "most_of_a_day": MOST_OF_A_DAY,
        }


_LONGEST = 30 * 86_400.0
"""Seconds at the right end of the scale, which is logarithmic and begins with one second."""


def _places(one: TimeToRevoke) -> dict[str, float | None]:
    """Return where the parts of a time lie on the scale, from 0 to 100."""

    def place(seconds: float) -> float:
        return 100 * min(1.0, log(max(seconds, 1.0)) / log(_LONGEST))

    return {
        "median": place(one.median.total_seconds()),
        "most": place(one.most.total_seconds()),
        "deadline": place(one.deadline.total_seconds()) if one.deadline is not None else None,
    }


def _weeks(ahead: Ahead) -> list[list[Any]]:
    """Return the days in weeks that begin with Monday; what is not shown is ``None``.

    Each day comes with how much falls due compared to the busiest one, from 0 to 4.
    """
    busiest = max(load.tasks for _, load in ahead.days)
    cells: list[Any] = [None] * ahead.days[0][0].weekday()
    cells += [(day, load, -(-4 * load.tasks // busiest) if busiest else 0) for day, load in ahead.days]
    cells += [None] * (-len(cells) % 7)
    return [cells[at : at + 7] for at in range(0, len(cells), 7)]
