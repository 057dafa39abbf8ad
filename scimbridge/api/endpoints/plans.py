"""``/plan``: what would happen to whom, and when."""

from __future__ import annotations

from scimbridge.api.endpoint import Call, Nothing, Routes
from scimbridge.api.models import plans as models
from scimbridge.api.models.leaving import leavers_of
from scimbridge.documents import plan_document
from scimbridge.domain.leavers import LeaversFile
from scimbridge.domain.operator import Permission

routes = Routes("plans")


@routes.post("/plan", Permission.LOOK, reads=True)
def plan_leavers(call: Call[Nothing, models.PlanRequest]) -> models.Plans:
    """Say what would happen to whom, and when, if people left now.

    Touches nothing. For one person, or for several who leave one after the other: the guard counts them together.
    """
    file = LeaversFile(leavers_of(call.body.people))
    found = call.bridge.rehearsing.rehearse_file(file, call.body.trigger, call.now)
    return models.Plans.model_validate(plan_document(found))
