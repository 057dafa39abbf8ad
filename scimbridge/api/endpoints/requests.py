"""``/requests``: people leave because a program or a person asks for it."""

from __future__ import annotations

from scimbridge.api.endpoint import Call, Nothing, Routes
from scimbridge.api.models import leaving as models
from scimbridge.api.models.protection import Ended
from scimbridge.api.models.steps import Because
from scimbridge.api.problems import ProblemError
from scimbridge.documents import finding_document
from scimbridge.domain.operator import Permission
from scimbridge.domain.request import Asked, Report

routes = Routes("requests")


@routes.post("/requests", Permission.ACT)
def request_leavers(call: Call[Nothing, models.LeaveRequest]) -> models.LeaveReport:
    """Have people leave.

    A rule with `requested` in `when` says what happens. Asking twice for the same does nothing twice.
    """
    wanted = call.body
    asked = Asked(by=call.by, reason=wanted.reason, date=wanted.date, source=wanted.source, again=wanted.again)
    leavers = models.leavers_of(wanted.people)
    if wanted.dry_run:
        return _answer(call.bridge.requesting.look(leavers, asked, call.now))
    report = call.bridge.requesting.request(leavers, asked, call.now, partial=wanted.partial)
    if not report.is_done:
        detail = f"nothing was done: {len(report.failed)} of {len(leavers)} people cannot be asked to leave"
        raise ProblemError(422, detail, more=_answer(report).model_dump(mode="json"))
    return _answer(report)


@routes.get("/requests", Permission.LOOK)
def list_requested(call: Call[Nothing, Nothing]) -> models.Leaves:
    """List who is to leave on a later date, the next first."""
    return models.Leaves(items=[models.LeaveLine.from_row(row) for row in call.bridge.requesting.standing()])


@routes.post("/requests/{request}/withdraw", Permission.ACT)
def withdraw_request(call: Call[Nothing, Because]) -> Ended:
    """Take back that somebody is to leave on a later date."""
    call.bridge.requesting.withdraw(call.path["request"], reason=call.body.reason, by=call.by, now=call.now)
    return Ended(id=call.path["request"])


def _answer(report: Report) -> models.LeaveReport:
    lines = [models.Line.model_validate(finding_document(each)) for each in report.findings]
    return models.LeaveReport(done=report.is_done, lines=lines)
