"""The routes of the API."""

from __future__ import annotations

from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scimbridge.api.admission import Admission
from scimbridge.api.document import openapi
from scimbridge.api.endpoint import Endpoint
from scimbridge.api.endpoints import ALL
from scimbridge.api.problems import ProblemError, answer_to
from scimbridge.api.serving import Resource

if TYPE_CHECKING:
    from scimbridge.bridge import Bridge

BASE = "/api/v1"

ENDPOINTS: tuple[Endpoint, ...] = tuple(chain.from_iterable(routes.endpoints for routes in ALL))
"""Everything that the API does."""


@cache
def _document(public_url: str) -> dict[str, Any]:
    """Return the document, made once somebody asks for it: it takes longer than to start."""
    return openapi(ENDPOINTS, public_url)


def api_routes(bridge: Bridge, admission: Admission) -> list[Route]:
    """Return the routes.

    Args:
        bridge: The parts.
        admission: Lets operators in.
    """

    async def describe(_request: Request) -> Response:
        return JSONResponse(_document(bridge.settings.server.public_url))

    async def unknown(_request: Request) -> Response:
        return answer_to(ProblemError(404, f"there is no such address; see {BASE}/openapi.json"))

    paths = dict.fromkeys(endpoint.path for endpoint in ENDPOINTS)
    # What is spelled out comes before what any name fits.
    ordered = sorted(paths, key=lambda path: [part.startswith("{") for part in path.split("/")])
    return [
        Route(f"{BASE}/openapi.json", describe),
        *(
            Route(f"{BASE}{path}", Resource(bridge, admission, [each for each in ENDPOINTS if each.path == path]))
            for path in ordered
        ),
        Route(f"{BASE}/{{rest:path}}", unknown, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
    ]
