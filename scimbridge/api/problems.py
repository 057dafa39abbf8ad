"""Errors of the API, as RFC 9457 has them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from starlette.responses import JSONResponse, Response

from scimbridge.errors import StoreBusyError, StoreUnavailableError

MEDIA_TYPE = "application/problem+json"

logger = structlog.get_logger(__name__)


class ProblemError(Exception):
    """A request that cannot be answered as it asks.

    Attributes:
        more: Further members of the answer.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = dict(more or {})
        super().__init__(detail)


def answer_to(error: Exception) -> Response:
    """Return the answer to an error; what was not foreseen is logged, and not shown."""
    match error:
        case ProblemError():
            found = error
        case StoreBusyError() | StoreUnavailableError():
            found = ProblemError(503, "the database does not answer; try again later", headers={"Retry-After": "5"})
        case _:
            logger.error("request failed", action="api.failed", exc_info=error)
            found = ProblemError(500, "something went wrong; the log says what")
    body = {"type": "about:blank", "title": HTTPStatus(found.status).phrase, "status": found.status}
    return JSONResponse(
        {**body, "detail": found.detail, **found.more}, found.status, headers=found.headers, media_type=MEDIA_TYPE
    )
