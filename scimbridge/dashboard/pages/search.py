"""One box for everything that one may have in hand: a person, an address, an id, a target, an error."""

from __future__ import annotations

from typing import Any

from scimbridge.dashboard.page import Page
from scimbridge.dashboard.visit import Visit

SHOWN = 20


class SearchPage(Page):
    """What a search has found."""

    path = "/search"
    template = "search.html"

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return it."""
        said = visit.asked("q")
        return {
            "said": said,
            "found": self.bridge.searching.find(said, limit=SHOWN),
            "shortest": self.bridge.searching.SHORTEST,
            "shown": SHOWN,
        }
