"""The board of leavers: where each one stands, and who has the least time left."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from scimbridge.dashboard.page import Page
from scimbridge.dashboard.visit import Visit

SHOWN = 8
"""Cases in each column; its list has them all."""

SHOWN_FOR = timedelta(hours=24)
"""How long facts that led to nothing stay on the page."""

MOST = 100
"""Inquiries and facts on the page."""


class BoardPage(Page):
    """Who is leaving."""

    path = "/"
    template = "board.html"

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return what there is to see at a glance."""
        overview, now = self.bridge.overview, visit.now
        columns = self.bridge.board.read(now, shown=SHOWN)
        return {
            "columns": columns,
            "case_count": sum(one.count for one in columns if one.column != "done"),
            "targets": overview.targets(now),
            "inquiries": overview.inquiries(MOST),
            "left_alone": overview.left_alone(now - SHOWN_FOR, limit=MOST),
            "holds": self.bridge.holding.standing(),
            "floods": self.bridge.flooding.standing(),
        }
