"""What a stage will do to accounts as they are now, and an operator's yes to exactly that."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from scimbridge.dashboard import flash
from scimbridge.dashboard.deciding import be_sure
from scimbridge.dashboard.page import Page, go_to
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.approval import digest
from scimbridge.domain.operator import Permission
from scimbridge.errors import ApprovalRefusedError, CaseClosedError
from scimbridge.services.approving import Proposal
from scimbridge.services.story import in_words


class ApprovalPage(Page):
    """The approval of one stage. The accounts are read when it is shown, and once more when it is given."""

    path = "/cases/{case_id}/approve/{number:int}"
    template = "approval.html"
    permission = Permission.ACT
    posting = Permission.ACT

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return what is proposed; or why nothing is."""
        case_id = visit.request.path_params["case_id"]
        try:
            proposal = self._propose(visit)
        except (ApprovalRefusedError, CaseClosedError) as error:
            return {"case_id": case_id, "proposal": None, "why": str(error)}
        return {
            "case_id": case_id,
            "proposal": proposal,
            "digest": digest(proposal.plan.document()),
            "facts": {
                seen.target: [
                    (name, in_words(value) or "no") for name, value in sorted((seen.subject.decisive or {}).items())
                ]
                for seen in proposal.seen
            },
        }

    def post(self, visit: Visit) -> Response:
        """Approve what was shown, if it is still so."""
        be_sure(visit)
        proposal = self._propose(visit)
        if digest(proposal.plan.document()) != visit.form.get("digest"):
            raise ApprovalRefusedError("something has changed since you looked; look at it again, then approve")
        approved = self.bridge.approving.approve(proposal, by=visit.operator.name, now=visit.now)
        number = proposal.stage.number
        said = f"Stage {number} is approved by {approved.approval.approved_by} ({approved.given} of {approved.wanted})."
        if approved.given < approved.wanted:
            said += " It takes another operator before anything happens."
        lapsed = [flash.refused(f"Earlier approvals have lapsed: {approved.lapsed}.")] if approved.lapsed else []
        return go_to(visit, f"/cases/{proposal.case.id}", [flash.done(said), *lapsed])

    def _propose(self, visit: Visit) -> Proposal:
        params = visit.request.path_params
        return self.bridge.approving.propose(params["case_id"], params["number"], visit.now)
