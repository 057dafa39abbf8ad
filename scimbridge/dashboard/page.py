"""The first page (open cases, targets, who was left alone and why, and holds), and one about each case.

They read, and change nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any, ClassVar

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from scimbridge.dashboard.access import is_local, refusal
from scimbridge.dashboard.times import distance, moment
from scimbridge.domain.case import CaseState
from scimbridge.domain.situation import CaseQuery
from scimbridge.domain.task import TaskState
from scimbridge.errors import NotFoundError, StoreError
from scimbridge.services.flooding import Flooding
from scimbridge.services.holding import Holding
from scimbridge.services.overview import Overview
from scimbridge.services.story import Stories, tell

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the pages show.

    Attributes:
        overview: Cases and targets.
        stories: What there is to know about a case.
        holding: Knows the standing holds.
        flooding: Knows what the guard holds.
        clock: The current time (UTC).
    """

    overview: Overview
    stories: Stories
    holding: Holding
    flooding: Flooding
    clock: Callable[[], datetime]


def routes_of(parts: Parts) -> list[Route]:
    """Return the routes of the pages and their style sheet."""
    return [
        Route("/", _FirstPage(parts).answer, name="dashboard"),
        Route("/cases/{case_id}", _CasePage(parts).answer, name="case"),
        Route("/static/dashboard.css", _style_sheet, name="dashboard.css"),
    ]


class _Page(ABC):
    """A page that somebody on this machine may read."""

    template: ClassVar[str]

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._template = environment().get_template(self.template)

    def answer(self, request: Request) -> Response:
        """Return the page; a plain function, so that it runs in a thread."""
        if not is_local(request):
            return _say(403, refusal(request))
        try:
            content = self._template.render(self._context(request))
        except NotFoundError as error:
            return _say(404, f"{error}\n")
        except StoreError as error:
            return _say(503, f"The database does not answer: {error}\n")
        return Response(content, media_type="text/html", headers=HEADERS)

    @abstractmethod
    def _context(self, request: Request) -> dict[str, Any]:
        """Return what the template shows."""


class _FirstPage(_Page):
    template = "index.html"

    def _context(self, _request: Request) -> dict[str, Any]:
        overview, now = self._parts.overview, self._parts.clock()
        return {
            "now": now,
            "cases": overview.list_cases(CaseQuery(state=CaseState.OPEN), now, limit=SHOWN),
            "case_count": overview.open_case_count(),
            "targets": overview.targets(now),
            "inquiries": overview.inquiries(SHOWN),
            "left_alone": overview.left_alone(now - SHOWN_FOR, limit=SHOWN),
            "holds": self._parts.holding.standing(),
            "floods": self._parts.flooding.standing(),
            "states": tuple(TaskState),
        }


class _CasePage(_Page):
    template = "case.html"

    def _context(self, request: Request) -> dict[str, Any]:
        story = self._parts.stories.of(request.path_params["case_id"], self._parts.clock())
        return {"story": story, "lines": list(tell(story))}


def _say(status: int, text: str) -> Response:
    return PlainTextResponse(text, status_code=status, headers=HEADERS)


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
