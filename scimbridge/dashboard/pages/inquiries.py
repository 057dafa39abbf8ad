"""Inquiries: a group that grants a target was emptied, renamed or deleted; did its people lose the target?"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from scimbridge.dashboard import flash
from scimbridge.dashboard.deciding import be_sure, who_and_why
from scimbridge.dashboard.page import Page, go_to
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.number import people
from scimbridge.domain.operator import Permission

SHOWN = 100
ANSWERED = 25


class InquiriesPage(Page):
    """What nobody has answered yet, and what was answered."""

    path = "/inquiries"
    template = "inquiries.html"

    def context(self, _visit: Visit) -> dict[str, Any]:
        """Return them."""
        return {
            "standing": self.bridge.overview.inquiries(SHOWN),
            "answered": self.bridge.inquiring.answered(ANSWERED),
            "shown": SHOWN,
        }


class InquiryPage(Page):
    """One inquiry, whom it is about, and answering it."""

    path = "/inquiries/{inquiry_id}"
    template = "inquiry.html"
    posting = Permission.ACT

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return it with whom it is about."""
        inquiry, count, people = self.bridge.inquiring.story(visit.request.path_params["inquiry_id"], SHOWN)
        return {"inquiry": inquiry, "count": count, "people": people}

    def post(self, visit: Visit) -> Response:
        """Answer it."""
        inquiry_id = visit.request.path_params["inquiry_id"]
        match visit.form.get("do"):
            case "confirm":
                be_sure(visit)
                lost = self.bridge.inquiring.confirm(inquiry_id, **who_and_why(visit))
                said = flash.done(f"{people(lost)} lost a target.", "/cases")
            case "dismiss":
                self.bridge.inquiring.dismiss(inquiry_id, **who_and_why(visit))
                said = flash.done("Nobody has lost anything.")
            case _:
                said = flash.refused("There is no such answer.")
        return go_to(visit, "/inquiries", [said])
