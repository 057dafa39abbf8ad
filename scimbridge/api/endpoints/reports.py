"""``/report``: where everything stands, and how the last days went."""

from __future__ import annotations

from scimbridge.api.endpoint import Call, Nothing, Routes
from scimbridge.api.models import reports as models
from scimbridge.documents import report_document
from scimbridge.domain.operator import Permission

routes = Routes("reports")


@routes.get("/report", Permission.LOOK)
def show_report(call: Call[models.ReportChoice, Nothing]) -> models.Report:
    """Say who is where, how long revoking took, and what is ahead: the figures of the board and the charts."""
    board = call.bridge.board.counts(call.now)
    charts = call.bridge.charting.charts(call.query.days, call.now)
    ahead = call.bridge.charting.ahead(call.query.days_ahead, call.now)
    return models.Report.model_validate(report_document(board, charts, ahead))
