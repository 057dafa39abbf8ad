"""The first page: open cases, targets, who was left alone and why, and holds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from scimbridge.dashboard.page import Page
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.case import CaseState
from scimbridge.domain.situation import CaseQuery
from scimbridge.domain.task import TaskState

SHOWN = 100
"""Open cases on the page, the newest; `scimbridge cases list` shows all."""

SHOWN_FOR = timedelta(hours=24)
"""How long facts that led to nothing stay on the page."""


class BoardPage(Page):
    """Who is leaving."""

    path = "/"
    template = "index.html"

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return what there is to see at a glance."""
        overview, now = self.bridge.overview, visit.now
        return {
            "cases": overview.list_cases(CaseQuery(state=CaseState.OPEN), now, limit=SHOWN),
            "case_count": overview.open_case_count(),
            "targets": overview.targets(now),
            "inquiries": overview.inquiries(SHOWN),
            "left_alone": overview.left_alone(now - SHOWN_FOR, limit=SHOWN),
            "holds": self.bridge.holding.standing(),
            "floods": self.bridge.flooding.standing(),
            "states": tuple(TaskState),
        }
