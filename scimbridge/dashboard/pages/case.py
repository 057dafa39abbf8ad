"""A case: its story, and why it is not further."""

from __future__ import annotations

from typing import Any

from scimbridge.dashboard.page import Page
from scimbridge.dashboard.visit import Visit
from scimbridge.services.story import tell


class CasePage(Page):
    """One case."""

    path = "/cases/{case_id}"
    template = "case.html"

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return its story."""
        story = self.bridge.stories.of(visit.request.path_params["case_id"], visit.now)
        return {"story": story, "lines": list(tell(story))}
