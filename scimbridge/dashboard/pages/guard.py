"""The guard: how much room its limits have, what it holds, and what was decided about floods."""

from __future__ import annotations

import time
from typing import Any

from starlette.responses import Response

from scimbridge.dashboard import flash
from scimbridge.dashboard.deciding import IncompleteFormError, be_sure, who_and_why
from scimbridge.dashboard.flash import Message
from scimbridge.dashboard.page import Page, go_to
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.flood import Flood
from scimbridge.domain.operator import Permission
from scimbridge.services.gauging import MOST_COUNTED

PAST = 25
"""Floods that are listed that somebody has decided about, the newest."""

SHOWN = 100
"""People of a flood on its page; the list of cases has all."""

MOST_DIGITS = 9

PATIENCE = 2.0
"""Seconds in which a page carries a decision out; the sweeper does the rest."""


class GuardPage(Page):
    """All limits and floods."""

    path = "/guard"
    template = "guard.html"

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return them."""
        return {
            "gauges": self.bridge.gauging.gauges(visit.now),
            "standing": self.bridge.flooding.standing(),
            "closed": self.bridge.flooding.closed(PAST),
            "past": PAST,
            "most_counted": MOST_COUNTED,
        }


class FloodPage(Page):
    """One flood: why, who is in it, what had started; release it or call it off."""

    path = "/guard/{flood_id}"
    template = "flood.html"
    posting = Permission.ACT

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return its story."""
        story = self.bridge.flooding.story(visit.request.path_params["flood_id"])
        return {"story": story, "flood": story.flood, "extent": story.extent, "shown": SHOWN}

    def post(self, visit: Visit) -> Response:
        """Decide about it."""
        flood_id = visit.request.path_params["flood_id"]
        be_sure(visit)
        match visit.form.get("do"):
            case "release":
                flood = self.bridge.flooding.release(flood_id, seen=_seen(visit), **who_and_why(visit))
                said = self._carried_out(flood, visit, "Released. What is due is let go by the next sweep.")
            case "cancel" | "restore" as how:
                gives_back = how == "restore"
                flood = self.bridge.flooding.cancel(flood_id, gives_back=gives_back, **who_and_why(visit))
                given = " What it had taken is being given back." if gives_back else ""
                said = self._carried_out(flood, visit, f"Called off.{given}")
            case _:
                said = flash.refused("There is no such action.")
        return go_to(visit, f"/guard/{flood_id}", [said])

    def _carried_out(self, flood: Flood, visit: Visit, said: str) -> Message:
        """Carry a decision out as far as somebody can be kept waiting, and tell how far it came."""
        until = time.monotonic() + PATIENCE
        # At least one step; whoever is left after the last one is told about.
        left = next(
            left for left in self.bridge.flooding.carry_out(flood.id, visit.now) if not left or time.monotonic() > until
        )
        rest = f" {left} cases are left; the sweeper goes on with them." if left else ""
        return flash.done(said + rest)


def _seen(visit: Visit) -> int:
    """Return how many cases a flood had when its page was shown."""
    said = visit.form.get("cases", "")
    if not said.isdecimal() or len(said) > MOST_DIGITS:
        raise IncompleteFormError("the form does not say how many cases you have seen; reload the page")
    return int(said)
