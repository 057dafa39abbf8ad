"""The first page: open cases, targets, who was left alone and why, and holds. It reads, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from scimbridge.dashboard.access import is_local, refusal
from scimbridge.dashboard.times import distance, moment
from scimbridge.domain.case import CaseState
from scimbridge.domain.situation import CaseQuery
from scimbridge.domain.task import TaskState
from scimbridge.errors import StoreError
from scimbridge.services.flooding import Flooding
from scimbridge.services.holding import Holding
from scimbridge.services.overview import Overview

SHOWN = 100
"""Open cases on the page, the newest; `scimbridge cases list` shows all."""

SHOWN_FOR = timedelta(hours=24)
"""How long facts that led to nothing stay on the page."""

HEADERS: Mapping[str, str] = {
    # Nothing runs, nothing is fetched from elsewhere, and no other page may embed this one.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def routes_of(overview: Overview, clock: Callable[[], datetime], holding: Holding, flooding: Flooding) -> list[Route]:
    """Return the routes of the page and its style sheet."""
    return [
        Route("/", _Page(overview, clock, holding, flooding).answer, name="dashboard"),
        Route("/static/dashboard.css", _style_sheet, name="dashboard.css"),
    ]


class _Page:
    def __init__(self, overview: Overview, clock: Callable[[], datetime], holding: Holding, flooding: Flooding) -> None:
        self._overview = overview
        self._clock = clock
        self._holding = holding
        self._flooding = flooding
        self._template = environment().get_template("index.html")

    def answer(self, request: Request) -> Response:
        """Return the page; a plain function, so that it runs in a thread."""
        if not is_local(request):
            return PlainTextResponse(refusal(request), status_code=403, headers=HEADERS)
        try:
            content, status = self._template.render(self._context()), 200
        except StoreError as error:
            return PlainTextResponse(f"The database does not answer: {error}\n", status_code=503, headers=HEADERS)
        return Response(content, status_code=status, media_type="text/html", headers=HEADERS)

    def _context(self) -> dict[str, Any]:
        now = self._clock()
        return {
            "now": now,
            "cases": self._overview.list_cases(CaseQuery(state=CaseState.OPEN), now, limit=SHOWN),
            "case_count": self._overview.open_case_count(),
            "targets": self._overview.targets(now),
            "inquiries": self._overview.inquiries(SHOWN),
            "left_alone": self._overview.left_alone(now - SHOWN_FOR, limit=SHOWN),
            "holds": self._holding.standing(),
            "floods": self._flooding.standing(),
            "states": tuple(TaskState),
        }


def environment() -> Environment:
    """Return what renders the pages' templates."""
    environment = Environment(
        loader=PackageLoader("scimbridge.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["moment"] = moment
    environment.filters["distance"] = distance
    return environment


async def _style_sheet(_request: Request) -> Response:
    content = files("scimbridge.dashboard").joinpath("static", "dashboard.css").read_bytes()
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
    return Response(content, media_type="text/css", headers=headers)
