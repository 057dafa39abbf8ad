"""``/floods``: what the guard holds, and what was decided about it."""

from __future__ import annotations

from scimbridge.api.endpoint import Call, Model, Nothing, Routes
from scimbridge.api.models import protection as models
from scimbridge.documents import flood_document, flood_story_document
from scimbridge.domain.operator import Permission

routes = Routes("guard")


@routes.get("/floods", Permission.LOOK)
def list_floods(call: Call[models.FloodChoice, Nothing]) -> models.Floods:
    """List the floods that wait for a decision, or that somebody has decided about."""
    flooding = call.bridge.flooding
    found = flooding.closed() if call.query.decided else flooding.standing()
    return models.Floods(items=[models.FloodLine.model_validate(flood_document(each)) for each in found])


@routes.get("/floods/{flood}", Permission.LOOK)
def show_flood(call: Call[Nothing, Nothing]) -> models.FloodStory:
    """Show a flood: why, whom it holds, and what had started before."""
    return _story(call)


@routes.post("/floods/{flood}/release", Permission.ACT)
def release_flood(call: Call[Nothing, models.FloodReleaseRequest]) -> models.FloodStory:
    """Let a flood go on: it was meant.

    Counting starts anew. Other holds, legal ones among them, stay. Asked again, it goes on where it was left. Say how
    many cases you have seen: where there are more by now, nothing is done.
    """
    flood = call.bridge.flooding.release(
        call.path["flood"], reason=call.body.reason, by=call.by, now=call.now, seen=call.body.cases
    )
    for _ in call.bridge.flooding.carry_out(flood.id, call.now):
        pass
    return _story(call)


@routes.post("/floods/{flood}/cancel", Permission.ACT)
def cancel_flood(call: Call[Nothing, models.FloodCancelRequest]) -> models.FloodStory:
    """Call a flood off: it was a mistake.

    Its open cases are canceled. With restore, what had been done is given back, and stays so until the source says
    again that somebody leaves. There is no undo.
    """
    flood = call.bridge.flooding.cancel(
        call.path["flood"], gives_back=call.body.restore, reason=call.body.reason, by=call.by, now=call.now
    )
    for _ in call.bridge.flooding.carry_out(flood.id, call.now):
        pass
    return _story(call)


def _story(call: Call[Model, Model]) -> models.FloodStory:
    return models.FloodStory.model_validate(flood_story_document(call.bridge.flooding.story(call.path["flood"])))
