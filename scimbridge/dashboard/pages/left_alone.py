"""Who has left, and nothing is done: no rule matches, or somebody is excluded."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from scimbridge.dashboard.page import Page
from scimbridge.dashboard.visit import Visit

SPANS = {"1": "24 hours", "7": "7 days", "30": "30 days", "90": "90 days"}
SHOWN = 200


class LeftAlonePage(Page):
    """Facts that opened no case, and why, the newest first."""

    path = "/left-alone"
    template = "left_alone.html"

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return them."""
        days = _days(visit)
        facts = self.bridge.overview.left_alone(visit.now - span(visit), limit=SHOWN + 1)
        return {
            "facts": facts[:SHOWN],
            "is_cut": len(facts) > SHOWN,
            "days": days,
            "span": SPANS[days],
            "spans": list(SPANS.items()),
        }


def span(visit: Visit) -> timedelta:
    """Return how far back an address goes."""
    return timedelta(days=int(_days(visit)))


def _days(visit: Visit) -> str:
    return visit.asked("days") if visit.asked("days") in SPANS else "1"
