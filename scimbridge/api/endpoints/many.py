"""``/cases/preview`` and ``/cases/act``: acting on all that a query finds, or that are named."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from scimbridge.api.endpoint import Call, Nothing, Routes
from scimbridge.api.endpoints.cases import line
from scimbridge.api.endpoints.protection import ahead
from scimbridge.api.models import many as models
from scimbridge.api.problems import ProblemError
from scimbridge.domain.intent import CaseAction, Intent
from scimbridge.domain.operator import Permission
from scimbridge.domain.situation import CaseQuery
from scimbridge.services.acting import Acted, Preview

routes = Routes("cases")


@routes.post("/cases/preview", Permission.ACT)
def preview_action(call: Call[Nothing, models.ManyRequest]) -> models.ManyPreview:
    """Say what an action would do to many cases: to how many, to whom, and to whom not.

    Touches nothing. A query without a state means open cases; canceling and restoring are for cases that take access
    away.
    """
    # To the millisecond, as it is answered: who sends it back means the same cases.
    until = call.now.replace(microsecond=call.now.microsecond // 1000 * 1000)
    found = call.bridge.acting.preview(_intent(call.body, call.now), _until(_query(call.body), until), call.now)
    assert found.query.until is not None  # noqa: S101  # a preview says until when
    return models.ManyPreview(
        action=found.intent.action,
        count=found.count,
        first=[line(each) for each in found.first],
        left_out=[
            models.LeftOut(why=each.why, count=each.count, first=[line(one) for one in each.first])
            for each in found.left_out
        ],
        unknown=found.unknown,
        final=found.final,
        can_be_undone=found.intent.can_be_undone,
        afterwards=found.intent.afterwards,
        digest=found.digest,
        until=found.query.until,
    )


@routes.post("/cases/act", Permission.ACT)
def act_on_cases(call: Call[Nothing, models.ActRequest]) -> models.ManyReport:
    """Do to many cases what was previewed, each in a transaction of its own; to no others.

    At most 1000 at once, the newest ones. What cannot be done to one is told, and the next one is done.
    """
    query = _until(_query(call.body), call.body.until)
    preview = call.bridge.acting.preview(_intent(call.body, call.now), query, call.now)
    _require_as_seen(call.body, preview)
    acting = call.bridge.acting.act(preview, reason=call.body.reason, by=call.by, now=call.now)
    results = [_acted(each) for each in acting]
    return models.ManyReport(
        done=sum(each.done for each in results), results=results, more=preview.count > len(preview.ids)
    )


def _require_as_seen(body: models.ActRequest, preview: Preview) -> None:
    """See that it is done to the cases that somebody has seen: as many others may fit a query by now."""
    if body.digest is None and body.query is not None:
        raise ProblemError(422, "digest: send the digest of the preview; a query may find other cases by now")
    if preview.count != body.count:
        raise ProblemError(409, f"it would be done to {preview.count} cases, and not to {body.count}: preview it again")
    if body.digest is not None and body.digest != preview.digest:
        raise ProblemError(
            409, "it would be something else, or done to other cases, than the preview said: preview it again"
        )


def _intent(body: models.ManyRequest, now: datetime) -> Intent:
    if body.stage != 1 and body.action is not CaseAction.EXPEDITE:
        raise ProblemError(422, "stage is for the action expedite")
    if body.hold_until is not None and body.action is not CaseAction.HOLD:
        raise ProblemError(422, "hold_until is for the action hold")
    return Intent(action=body.action, stage=body.stage, until=ahead(body.hold_until, now, "hold_until"))


def _query(body: models.ManyRequest) -> CaseQuery:
    if (body.ids is None) == (body.query is None):
        raise ProblemError(422, "name cases by ids, or say by a query which ones")
    if body.ids is not None:
        return CaseQuery(ids=tuple(dict.fromkeys(body.ids)))
    assert body.query is not None  # noqa: S101  # one of the two is there
    query = body.query.as_query()
    if not query.narrows:
        raise ProblemError(422, "a query says more than a state: name a source, a rule, a time, or what else tells")
    return query


def _until(query: CaseQuery, until: datetime) -> CaseQuery:
    return replace(query, until=until if query.until is None else min(query.until, until))


def _acted(acted: Acted) -> models.Acted:
    return models.Acted(case_id=acted.case_id, done=acted.is_done, said=acted.said, made=acted.made)
