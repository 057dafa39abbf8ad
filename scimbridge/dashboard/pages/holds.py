"""Holds: what stands, placing one, and lifting one."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from scimbridge.dashboard import flash
from scimbridge.dashboard.deciding import IncompleteFormError, until, who_and_why
from scimbridge.dashboard.page import Page, go_to
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.hold import Scope
from scimbridge.domain.operator import Permission

SHOWN = 50

SCOPES = {
    Scope.CASE: "one case, by its id",
    Scope.IDENTITY: "a person, by id or userName",
    Scope.TARGET: "a target",
    Scope.SOURCE: "a source",
    Scope.EVERYTHING: "everything",
}


class HoldsPage(Page):
    """What stands, floods in one line each; and a form to place one."""

    path = "/holds"
    template = "holds.html"
    posting = Permission.ACT

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return a page of them."""
        found = self.bridge.holding.listed(SHOWN + 1, after=visit.asked("after") or None)
        return {
            "holds": found[:SHOWN],
            "has_more": len(found) > SHOWN,
            "floods": self.bridge.flooding.standing(),
            "scopes": SCOPES,
            "scope": visit.asked("scope"),
            "subject": visit.asked("subject"),
        }

    def post(self, visit: Visit) -> Response:
        """Place one."""
        holding = self.bridge.holding
        scope, subject = _wanted(visit)
        if scope is Scope.IDENTITY:
            subject = holding.identity_named(subject, visit.now)
        is_legal = visit.form.get("legal") == "yes"
        placed = holding.place(scope, subject, is_legal=is_legal, until=until(visit), **who_and_why(visit))
        late = [
            flash.refused(f"Too late for an attempt at {each.target}: its request may have left already.")
            for each in placed.too_late_for
        ]
        said = flash.done("The hold stands: nothing within it is released or started.", f"/holds/{placed.hold.id}")
        return go_to(visit, "/holds", [said, *late])


class HoldPage(Page):
    """One hold, to lift it."""

    path = "/holds/{hold_id}"
    template = "hold.html"
    posting = Permission.ACT

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return it."""
        return {"hold": self.bridge.holding.hold(visit.request.path_params["hold_id"])}

    def post(self, visit: Visit) -> Response:
        """Lift it."""
        self.bridge.holding.lift(visit.request.path_params["hold_id"], **who_and_why(visit))
        return go_to(visit, "/holds", [flash.done("Lifted. What became due meanwhile is released by the next sweep.")])


def _wanted(visit: Visit) -> tuple[Scope, str]:
    try:
        scope = Scope(visit.form.get("scope", ""))
    except ValueError as error:
        raise IncompleteFormError("choose what the hold is on") from error
    subject = visit.form.get("subject", "")
    if scope is not Scope.EVERYTHING and not subject:
        raise IncompleteFormError(f"name the {scope} that the hold is on")
    return scope, subject if scope is not Scope.EVERYTHING else ""
