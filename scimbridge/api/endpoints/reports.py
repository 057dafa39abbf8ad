"""Where everything stands, how the last days went, who left, and who was left alone."""

from __future__ import annotations

from datetime import UTC, datetime

from scimbridge.api.endpoint import Call, Nothing, Routes
from scimbridge.api.models import reports as models
from scimbridge.api.paging import cut, link, position
from scimbridge.documents import leaver_document, report_document
from scimbridge.domain.operator import Permission
from scimbridge.domain.situation import CaseQuery

routes = Routes("reports")


@routes.get("/report", Permission.LOOK)
def show_report(call: Call[models.ReportChoice, Nothing]) -> models.Report:
    """Say who is where, how long revoking took, and what is ahead: the figures of the board and the charts."""
    board = call.bridge.board.counts(call.now)
    charts = call.bridge.charting.charts(call.query.days, call.now)
    ahead = call.bridge.charting.ahead(call.query.days_ahead, call.now)
    return models.Report.model_validate(report_document(board, charts, ahead))


@routes.get("/leavers", Permission.LOOK)
def list_leavers(call: Call[models.LeaverList, Nothing]) -> models.LeaverPage:
    """Say who left in a time, by what, how far it is, and how long it took; the newest first."""
    asked = call.query
    query = CaseQuery(since=asked.since, until=asked.until, source=asked.source, state=asked.state)
    found = call.bridge.leaver_report.page(query, call.now, limit=asked.limit + 1, after=position(call))
    shown, is_more = cut(found, asked.limit)
    return models.LeaverPage(
        items=[models.LeaverLine.model_validate(leaver_document(each)) for each in shown],
        next=link(call, shown[-1].summary.case.id if is_more else None),
    )


@routes.get("/left-alone", Permission.LOOK)
def list_left_alone(call: Call[models.LeftAloneList, Nothing]) -> models.LeftAlonePage:
    """Say who left and nothing is done, with the reason, the newest first: excluded, or matched by no rule."""
    since = call.query.since or datetime.min.replace(tzinfo=UTC)
    found = call.bridge.overview.left_alone(since, call.query.limit + 1, after=position(call))
    shown, is_more = cut(found, call.query.limit)
    items = [models.LeftAlone.from_row(row) for row in shown]
    return models.LeftAlonePage(items=items, next=link(call, shown[-1]["id"] if is_more else None))
