"""``/cases/preview`` and ``/cases/act``: acting on all that a query finds, or that are named."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import islice

from scimbridge.api.endpoint import Call, Nothing, Routes
from scimbridge.api.endpoints.cases import line
from scimbridge.api.models import many as models
from scimbridge.api.problems import ProblemError
from scimbridge.domain.intent import CaseAction, Intent
from scimbridge.domain.operator import Permission
from scimbridge.domain.situation import CaseQuery
from scimbridge.services.acting import AT_ONCE, Acted, Preview

routes = Routes("cases")


@routes.post("/cases/preview", Permission.ACT)
def preview_action(call: Call[Nothing, models.ManyRequest]) -> models.ManyPreview:
    """Say what an action would do to many cases: to how many, to whom, and to whom not.

    Touches nothing. A query without a state means open cases; canceling and restoring are for cases that take access
    away.
    """
    # To the millisecond, as it is answered: who sends it back means the same cases.
    until = call.now.replace(microsecond=call.now.microsecond // 1000 * 1000)
    found = call.bridge.acting.preview(_intent(call.body), _until(_query(call.body), until), call.now)
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
        until=found.query.until,
    )


@routes.post("/cases/act", Permission.ACT)
def act_on_cases(call: Call[Nothing, models.ActRequest]) -> models.ManyReport:
    """Do to many cases what was previewed, each in a transaction of its own.

    At most 1000 at once. What cannot be done to one is told, and the next one is done.
    """
    query = _until(_query(call.body), call.body.until)
    preview = call.bridge.acting.preview(_intent(call.body), query, call.now)
    if preview.count != call.body.count:
        raise ProblemError(
            409, f"it would be done to {preview.count} cases, and not to {call.body.count}: preview it again"
        )
    results = [_acted(each) for each in _act(call, preview)]
    return models.ManyReport(
        done=sum(each.done for each in results), results=results, more=preview.count > len(results) == AT_ONCE
    )


def _act(call: Call[Nothing, models.ActRequest], preview: Preview) -> list[Acted]:
    acting = call.bridge.acting.act(preview, reason=call.body.reason, by=call.by, now=call.now)
    return list(islice(acting, AT_ONCE))


def _intent(body: models.ManyRequest) -> Intent:
    if body.stage != 1 and body.action is not CaseAction.EXPEDITE:
        raise ProblemError(422, "stage is for the action expedite")
    return Intent(action=body.action, stage=body.stage)


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
