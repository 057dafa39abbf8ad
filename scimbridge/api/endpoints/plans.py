"""``/plan``: what would happen to whom, and when."""

from __future__ import annotations

from scimbridge.api.endpoint import Call, Nothing, Routes
from scimbridge.api.models import plans as models
from scimbridge.api.models.leaving import leavers_of
from scimbridge.api.problems import ProblemError
from scimbridge.bridge import Bridge
from scimbridge.documents import plan_document
from scimbridge.documents.rules import problem_document
from scimbridge.domain.leavers import LeaversFile
from scimbridge.domain.operator import Permission
from scimbridge.services.rehearsal import Rehearsing

routes = Routes("plans")


@routes.post("/plan", Permission.LOOK, reads=True)
def plan_leavers(call: Call[Nothing, models.PlanRequest]) -> models.Plans:
    """Say what would happen to whom, and when, if people left now.

    Touches nothing. For one person, or for several who leave one after the other: the guard counts them together. By
    the rules in force, or by others that are tried.
    """
    file = LeaversFile(leavers_of(call.body.people))
    found = _rehearsing(call.bridge, call.body.rules).rehearse_file(file, call.body.trigger, call.now)
    return models.Plans.model_validate(plan_document(found))


def _rehearsing(bridge: Bridge, text: str | None) -> Rehearsing:
    if text is None:
        return bridge.rehearsing
    read = bridge.drafting.check(text)
    if read.problems:
        problems = [problem_document(each) for each in read.problems]
        raise ProblemError(422, f"rules: {read.problems[0]}", more={"problems": problems})
    return bridge.rehearsing_with(read.rules)
