"""Reconciliation: how far each target is compared with what is known of it, and what was found."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from scimbridge.dashboard import flash
from scimbridge.dashboard.deciding import IncompleteFormError
from scimbridge.dashboard.page import Page, go_to
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.operator import Permission
from scimbridge.domain.reconciliation import Mismatch
from scimbridge.services.findings import FindingQuery

SHOWN = 50

LOOKS = {
    Mismatch.DRIFTED: "failed",
    Mismatch.LEFT_OVER: "late",
    Mismatch.CONTESTED: "needs-a-person",
    Mismatch.UNLINKED: "plain",
    Mismatch.ORPHANED: "warned",
    Mismatch.STALE: "plain",
    Mismatch.LEFT_ALONE: "ok",
}
"""How loud each kind is."""

STEPS = {
    Mismatch.DRIFTED: "Find out who let it in, and block it there.",
    Mismatch.LEFT_OVER: "Have its person leave.",
    Mismatch.CONTESTED: "Correct one of them in its source.",
    Mismatch.UNLINKED: "Nothing, if it is new.",
    Mismatch.ORPHANED: "Find its owner.",
    Mismatch.STALE: "Ask its person.",
    Mismatch.LEFT_ALONE: "Nothing, as long as that is meant.",
}
"""What to do, in a few words; the advice of each kind says more."""

AGAIN = {Mismatch.DRIFTED: "Take it away again", Mismatch.LEFT_OVER: "Have them leave"}
"""What the page of its person, who is gone, is for."""


TAKEN_CARE_OF = frozenset({Mismatch.STALE})
"""What an open case of its person takes care of, so that nothing is left to do."""


class ReconciliationPage(Page):
    """All targets with their runs, and the findings; a form asks for a run."""

    path = "/reconciliation"
    template = "reconciliation.html"
    posting = Permission.ACT

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return them, by the filter that the address has."""
        query = read_query(visit)
        found = self.bridge.findings.listed(query, limit=SHOWN + 1, before=visit.asked("after") or None)
        targets = self.bridge.findings.targets(visit.now)
        return {
            "targets": targets,
            "target_choices": [(each.target, each.target) for each in targets],
            "kind_choices": [(each.value, each.value) for each in Mismatch],
            "query": query,
            "found": found[:SHOWN],
            "has_more": len(found) > SHOWN,
            "kinds": list(Mismatch),
            "looks": LOOKS,
            "steps": STEPS,
            "again": AGAIN,
            "taken_care_of": TAKEN_CARE_OF,
            "has_sign_ins": any(each.signed_in_at for each in found),
        }

    def post(self, visit: Visit) -> Response:
        """Ask for a run."""
        target, do = visit.form.get("target", ""), visit.form.get("do")
        if do not in ("reconcile", "believe") or not target:
            raise IncompleteFormError("the form does not say which target; reload the page")
        believe = do == "believe"
        run = self.bridge.reconciliation_runs.ask(target, by=visit.operator.name, now=visit.now, believe=believe)
        if run.turn is not None:
            said = f"{target} is being reconciled already; {run.asked_by} asked for it."
        elif self.bridge.reconciliation_runs.is_paused(target):
            said = f"{target} is paused; it is reconciled once somebody has resumed it."
        else:
            said = f"{target} is reconciled as soon as a worker takes it up."
        if believe:
            said += " It is believed, of however few accounts it tells."
        return go_to(visit, "/reconciliation", [flash.done(said)])


def read_query(visit: Visit) -> FindingQuery:
    """Return which findings an address asks for; a kind that there is not asks for all."""
    kind = next((each for each in Mismatch if each == visit.asked("kind")), None)
    return FindingQuery(target=visit.asked("target") or None, kind=kind, text=visit.asked("q"))
