"""``/reconciliation``: what targets really have, against what is known of it."""

from __future__ import annotations

from scimbridge.api.endpoint import Call, Nothing, Routes
from scimbridge.api.models import reconciliation as models
from scimbridge.api.paging import cut, link, position
from scimbridge.documents import mismatch_document, reconciled_document, run_document
from scimbridge.domain.duration import parse_duration
from scimbridge.domain.operator import Permission
from scimbridge.services.findings import FindingQuery

routes = Routes("reconciliation")


@routes.get("/reconciliation", Permission.LOOK)
def list_reconciliation(call: Call[Nothing, Nothing]) -> models.Reconciliation:
    """List the targets and how far each is reconciled."""
    found = call.bridge.findings.targets(call.now)
    return models.Reconciliation(
        items=[models.ReconciledLine.model_validate(reconciled_document(each)) for each in found]
    )


@routes.post("/reconciliation/targets/{target}", Permission.ACT)
def reconcile_target(call: Call[Nothing, models.RunRequest]) -> models.RunLine:
    """Have all accounts of a target compared with what is known of them.

    A worker does it; ask for the run until it has ended. A target has one run at a time: whoever asks meanwhile gets
    that one. It only reads.
    """
    said = call.body.unused_for
    run = call.bridge.reconciliation_runs.ask(
        call.path["target"],
        by=call.by,
        now=call.now,
        unused_for=parse_duration(said) if said else None,
        believe=call.body.believe,
    )
    return models.RunLine.model_validate(run_document(run))


@routes.get("/reconciliation/runs/{run}", Permission.LOOK)
def show_run(call: Call[Nothing, Nothing]) -> models.RunLine:
    """Show a run: how far it is, or how it ended.

    It is forgotten once later ones have ended.
    """
    return models.RunLine.model_validate(run_document(call.bridge.reconciliation_runs.by_id(call.path["run"])))


@routes.get("/reconciliation/findings", Permission.LOOK)
def list_findings(call: Call[models.FindingList, Nothing]) -> models.FindingPage:
    """List accounts that are not as they should be.

    Those that were first seen last come first. What stands is what the last complete run of each target found.
    """
    asked = call.query
    query = FindingQuery(target=asked.target, kind=asked.kind, text=asked.search)
    found = call.bridge.findings.listed(query, limit=asked.limit + 1, before=position(call))
    shown, is_more = cut(found, asked.limit)
    return models.FindingPage(
        items=[models.MismatchLine.model_validate(mismatch_document(each)) for each in shown],
        next=link(call, shown[-1].id if is_more else None),
    )


@routes.get("/reconciliation/findings/{finding}", Permission.LOOK)
def show_finding(call: Call[Nothing, Nothing]) -> models.MismatchLine:
    """Show a finding that stands."""
    return models.MismatchLine.model_validate(mismatch_document(call.bridge.findings.one(call.path["finding"])))
