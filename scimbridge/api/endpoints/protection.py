"""``/holds``, ``/exclusions`` and ``/inquiries``: what keeps work back, and what operators are asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from scimbridge.api.endpoint import Call, Nothing, Routes
from scimbridge.api.models import protection as models
from scimbridge.api.models.steps import Because, TooLate
from scimbridge.api.problems import ProblemError
from scimbridge.documents import exclusion_document, hold_document, inquiry_document
from scimbridge.domain.exclusion import Exclusion, Spared
from scimbridge.domain.filter import IdentityFilter
from scimbridge.domain.hold import Scope
from scimbridge.domain.operator import Permission

MOST_INQUIRIES = 1000

routes = Routes("holds")


@routes.get("/holds", Permission.LOOK)
def list_holds(call: Call[Nothing, Nothing]) -> models.Holds:
    """List the holds that stand, the oldest first.

    Those of floods are with each flood.
    """
    found = call.bridge.holding.standing()
    return models.Holds(items=[models.HoldLine.model_validate(hold_document(each)) for each in found])


@routes.post("/holds", Permission.ACT)
def place_hold(call: Call[Nothing, models.HoldRequest]) -> models.Placed:
    """Place a hold.

    From its commit on, nothing within its scope is released or started; attempts that were past the line are named.
    """
    scope, subject = call.body.scope, call.body.subject or ""
    if (scope is Scope.EVERYTHING) == bool(subject):
        raise ProblemError(422, "name a subject, unless everything is held")
    if scope is Scope.IDENTITY:
        subject = call.bridge.holding.identity_named(subject, call.now)
    placed = call.bridge.holding.place(
        scope,
        subject,
        reason=call.body.reason,
        by=call.by,
        now=call.now,
        is_legal=call.body.legal,
        until=ahead(call.body.until, call.now),
    )
    late = [TooLate(attempt=each.id, task_id=each.task_id, target=each.target) for each in placed.too_late_for]
    return models.Placed.model_validate({**hold_document(placed.hold), "too_late_for": late})


@routes.post("/holds/{hold}/lift", Permission.ACT)
def lift_hold(call: Call[Nothing, models.LiftRequest]) -> models.HoldLine:
    """Lift a hold.

    What became due meanwhile is released by the next sweep.
    """
    hold = call.bridge.holding.lift(call.path["hold"], by=call.by, now=call.now, reason=call.body.reason.strip())
    return models.HoldLine.model_validate(hold_document(hold))


@routes.get("/exclusions", Permission.LOOK)
def list_exclusions(call: Call[Nothing, Nothing]) -> models.Exclusions:
    """List all exclusions, those of the configuration too."""
    made = [exclusion_document(exclusion, row) for exclusion, row in call.bridge.holding.exclusions()]
    written = [exclusion_document(exclusion) for exclusion in call.bridge.settings.ruleset.exclusions]
    return models.Exclusions(items=[models.ExclusionLine.model_validate(each) for each in (*made, *written)])


@routes.post("/exclusions", Permission.ACT)
def add_exclusion(call: Call[Nothing, models.ExclusionRequest]) -> models.Excluded:
    """Spare people, an account, a group or a target.

    It counts from now on, for cases that are open, too.
    """
    exclusion = _exclusion(call.body, call.now)
    if exclusion.spared is Spared.IDENTITY:
        exclusion = replace(exclusion, subject=call.bridge.holding.identity_named(exclusion.subject, call.now))
    reach = call.bridge.holding.reach(exclusion)
    return models.Excluded(id=call.bridge.holding.exclude(exclusion, by=call.by, now=call.now), reach=reach)


@routes.post("/exclusions/{exclusion}/end", Permission.ACT)
def end_exclusion(call: Call[Nothing, Nothing]) -> models.Ended:
    """End an exclusion that was made at run time."""
    call.bridge.holding.end_exclusion(call.path["exclusion"], by=call.by, now=call.now)
    return models.Ended(id=call.path["exclusion"])


@routes.get("/inquiries", Permission.LOOK)
def list_inquiries(call: Call[models.InquiryChoice, Nothing]) -> models.Inquiries:
    """List what operators are asked: groups that grant targets and were emptied, renamed or deleted."""
    read = call.bridge.inquiring.answered if call.query.answered else call.bridge.overview.inquiries
    found = read(MOST_INQUIRIES)
    return models.Inquiries(items=[models.InquiryLine.model_validate(inquiry_document(each)) for each in found])


@routes.get("/inquiries/{inquiry}", Permission.LOOK)
def show_inquiry(call: Call[Nothing, Nothing]) -> models.InquiryStory:
    """Show an inquiry, and whom it is about by now."""
    inquiry, count, people = call.bridge.inquiring.story(call.path["inquiry"], MOST_INQUIRIES)
    about = [{"id": identity_id, "user_name": name} for identity_id, name in people]
    return models.InquiryStory.model_validate({**inquiry_document(inquiry), "count": count, "about": about})


@routes.post("/inquiries/{inquiry}/confirm", Permission.ACT)
def confirm_inquiry(call: Call[Nothing, Nothing]) -> models.Confirmed:
    """Say that the people did lose the targets.

    It is the fact `unassigned`, from now on, for everyone whom no group grants the target at this time; rules, graces,
    exclusions and holds are as for any other.
    """
    lost = call.bridge.inquiring.confirm(call.path["inquiry"], by=call.by, now=call.now)
    return models.Confirmed(id=call.path["inquiry"], lost=lost)


@routes.post("/inquiries/{inquiry}/dismiss", Permission.ACT)
def dismiss_inquiry(call: Call[Nothing, Because]) -> models.Ended:
    """Say that nobody lost anything."""
    call.bridge.inquiring.dismiss(call.path["inquiry"], reason=call.body.reason, by=call.by, now=call.now)
    return models.Ended(id=call.path["inquiry"])


def ahead(until: datetime | None, now: datetime, name: str = "until") -> datetime | None:
    """Return when something ends that is decided now, and refuse a time that has passed."""
    if until is not None and until <= now:
        raise ProblemError(422, f"{name} has passed")
    return until


def _exclusion(body: models.ExclusionRequest, now: datetime) -> Exclusion:
    is_filter = body.of is Spared.MATCH
    if is_filter == (body.match is None) or is_filter == (body.subject is not None):
        raise ProblemError(422, "say match for a filter, and subject for all else")
    if body.target is not None and body.of not in (Spared.ACCOUNT, Spared.GROUP):
        raise ProblemError(422, "target goes with account and group; a whole target is the subject")
    try:
        match = IdentityFilter(body.match) if body.match is not None else None
    except ValueError as error:
        raise ProblemError(422, f"match: {error}") from error
    return Exclusion(
        reason=body.reason,
        spared=body.of,
        match=match,
        subject=body.subject or "",
        target=body.target or "",
        until=ahead(body.until, now),
    )
