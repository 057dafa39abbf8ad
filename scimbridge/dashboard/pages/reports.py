"""Reports: where everything stands on one page, to print or to mail, and every list that goes with it as a file."""

from __future__ import annotations

from typing import Any

from scimbridge.dashboard.page import Page
from scimbridge.dashboard.pages.charts import AHEAD, PERIODS, USUAL
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.situation import Column


class ReportsPage(Page):
    """What ``scimbridge report status`` says."""

    path = "/reports"
    template = "reports.html"

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return the numbers."""
        period = visit.asked("days") if visit.asked("days") in PERIODS else USUAL
        charts = self.bridge.charting.charts(int(period), visit.now)
        ahead = self.bridge.charting.ahead(AHEAD, visit.now)
        board = self.bridge.board.counts(visit.now)
        series = {"People began to leave": charts.leavers, "Attempts ended": charts.attempts}
        return {
            "period": period,
            "periods": PERIODS,
            "board": [(column, board[column]) for column in Column],
            "totals": [
                (what, [(name, sum(days.values())) for name, days in sorted(found.items())])
                for what, found in {**series, "Targets asked for fewer calls": charts.throttled}.items()
            ],
            "times_to_revoke": charts.times,
            "due": ahead.due.tasks,
            "coming": sum(load.tasks for _, load in ahead.days),
            "irreversible": sum(load.irreversible for _, load in ahead.days),
            "ahead": AHEAD - 1,
            "reconciled": self.bridge.findings.targets(visit.now),
        }
