"""The board of leavers: where each one stands, who has the least time left, and what asks for attention."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from scimbridge.dashboard.page import Page
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.situation import Column

SHOWN = 8
"""Cases in each column; its list has them all."""

LATELY = timedelta(hours=24)
"""How long facts that led to nothing are told of."""

MOST = 100
"""Inquiries and facts that are counted."""


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
            "case_count": overview.open_case_count(),
            "asking": next(one for one in columns if one.column is Column.NEEDS_PERSON),
            "paused": [target for target in overview.targets(now) if target.pause],
            "inquiries": len(overview.inquiries(MOST)),
            "left_alone": len(overview.left_alone(now - LATELY, limit=MOST)),
            "returning": overview.returning(),
            "holds": len(self.bridge.holding.standing()),
            "floods": self.bridge.flooding.standing(),
            "most": MOST,
        }
