"""Queues and workers: what waits, who works, what is tried again and when, and what failed and why."""

from __future__ import annotations

from typing import Any

from scimbridge.dashboard.page import Page
from scimbridge.dashboard.visit import Visit
from scimbridge.services.overview import MOST_RUNNABLE
from scimbridge.services.queues import RECENT, SHOWN


class QueuesPage(Page):
    """All queues."""

    path = "/queues"
    template = "queues.html"

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return what goes on."""
        board = self.bridge.queues.board(visit.now)
        return {
            "board": board,
            "is_live": visit.asked("live") != "off",
            "targets_of": {each.seen.name: each.status.name for each in board.queues if each.seen is not None},
            "most_runnable": MOST_RUNNABLE,
            "recent": RECENT,
            "shown": SHOWN,
        }
