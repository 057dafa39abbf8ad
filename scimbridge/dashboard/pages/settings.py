"""Settings as they count, each with where it comes from; secrets are not shown."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from scimbridge.config.listing import HIDDEN, Origin
from scimbridge.dashboard.page import Page
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.operator import Permission


class SettingsPage(Page):
    """Those that somebody has set, or all."""

    path = "/settings"
    template = "settings.html"
    permission = Permission.AUDIT

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return them by section."""
        settings = self.bridge.settings
        only_set = visit.asked("show") != "all"
        found = [each for each in settings.listed() if not only_set or each.origin is not Origin.DEFAULT]
        return {
            "sections_of": [(name, list(those)) for name, those in groupby(found, key=lambda each: each.section)],
            "config": str(settings.path) if settings.path is not None else "",
            "warnings": settings.warnings,
            "unusable": settings.unusable,
            "show": "" if only_set else "all",
            "hidden": HIDDEN,
        }
