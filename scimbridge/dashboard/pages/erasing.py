"""Erasing a person: what goes, what stays, what stands in the way, and the form."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from scimbridge.dashboard import flash
from scimbridge.dashboard.deciding import be_sure, who_and_why
from scimbridge.dashboard.page import Page, go_to
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.operator import Permission


class ErasePage(Page):
    """What is known of somebody, and a form that takes their personal values away."""

    path = "/people/{identity_id}/erase"
    template = "erase.html"
    permission = Permission.ADMINISTER
    posting = Permission.ADMINISTER

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return what is known of them, and why they are not erased, if so."""
        known, obstacles = self.bridge.erasing.look(visit.request.path_params["identity_id"])
        return {"known": known, "obstacles": obstacles}

    def post(self, visit: Visit) -> Response:
        """Erase them."""
        why = who_and_why(visit)
        be_sure(visit)
        identity_id = visit.request.path_params["identity_id"]
        self.bridge.erasing.erase(identity_id, **why)
        return go_to(visit, f"/people/{identity_id}", [flash.done("Their personal values are erased.")])
