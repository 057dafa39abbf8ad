"""The routes of the API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scimbridge.api.admission import Admission
from scimbridge.api.document import openapi
from scimbridge.api.problems import ProblemError, answer_to
from scimbridge.api.requests import Requests
from scimbridge.services.requesting import Requesting

BASE = "/api/v1"


def api_routes(
    *,
    admission: Admission,
    requesting: Requesting,
    clock: Callable[[], datetime],
    max_body: int,
    public_url: str,
) -> list[Route]:
    """Return the routes.

    Args:
        admission: Lets operators in.
        requesting: Has people leave.
        clock: The current time (UTC).
        max_body: The largest request, in bytes.
        public_url: The address of the bridge, without a slash at its end.
    """
    document = openapi(public_url)

    async def describe(_request: Request) -> Response:
        return JSONResponse(document)

    async def unknown(_request: Request) -> Response:
        return answer_to(ProblemError(404, f"there is no such address; see {BASE}/openapi.json"))

    return [
        Route(f"{BASE}/openapi.json", describe),
        Route(f"{BASE}/requests", Requests(admission, requesting, clock, max_body).answer, methods=["POST"]),
        Route(f"{BASE}/{{rest:path}}", unknown, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
    ]
