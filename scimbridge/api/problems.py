"""Errors of the API, as RFC 9457 has them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from starlette.responses import JSONResponse, Response

from scimbridge import errors
from scimbridge.sdk.errors import ConnectorError

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


_SOON = {"Retry-After": "5"}

_PROBLEMS: Mapping[type[Exception], tuple[int, Mapping[str, str]]] = {
    errors.NotFoundError: (404, {}),
    errors.InvalidKeyError: (422, {}),
    errors.LegalHoldError: (422, {}),
    errors.KeyTakenError: (422, {}),
    errors.KeyInUseError: (409, _SOON),
    errors.ConcurrentUpdateError: (409, {}),
    errors.RuleError: (409, {}),
    ConnectorError: (502, {}),
}
"""What each error is answered with, the first that fits; the message is for whoever asked."""

_LISTED_BY: Mapping[str, str] = {
    "case": "/cases",
    "flood": "/floods",
    "open inquiry": "/inquiries",
    "standing exclusion": "/exclusions",
    "standing hold": "/holds",
    "target": "/targets",
    "task": "/tasks",
    "operator": "/operators",
    "version of the rules": "/rules/versions",
}
"""What shows the things that somebody may have meant."""

WHEN: Mapping[int, str] = {
    400: "The body is no JSON.",
    401: "There is no valid token.",
    403: "The role may not do this.",
    404: "There is no such thing.",
    405: "The address takes other methods.",
    409: "It cannot be done now; `detail` says why.",
    413: "The body is too large.",
    415: "The body is in another form than JSON.",
    422: "It cannot be understood, or cannot be so; `errors` says where.",
    429: "Too many failed authentications.",
    500: "Something went wrong; the log says what.",
    502: "A target does not answer, or refuses.",
    503: "The database does not answer.",
}
"""When a status is answered."""


def answer_to(error: Exception) -> Response:
    """Return the answer to an error; what was not foreseen is logged, and not shown."""
    found = _problem(error)
    body = {"type": "about:blank", "title": HTTPStatus(found.status).phrase, "status": found.status}
    return JSONResponse(
        {**body, "detail": found.detail, **found.more}, found.status, headers=found.headers, media_type=MEDIA_TYPE
    )


def _problem(error: Exception) -> ProblemError:
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, errors.StoreUnavailableError):
        logger.warning("request not answered", action="api.failed", reason=str(error))
    if isinstance(error, errors.StoreBusyError | errors.StoreUnavailableError):
        return ProblemError(503, "the database does not answer; try again later", headers=_SOON)
    for kind, (status, headers) in _PROBLEMS.items():
        if isinstance(error, kind):
            return ProblemError(status, f"{error}{_hint(error)}", headers=headers)
    logger.error("request failed", action="api.failed", exc_info=error)
    return ProblemError(500, "something went wrong; the log says what")


def _hint(error: Exception) -> str:
    """Return the next step as an address: what is raised says what is wrong, and the command line says it, too."""
    match error:
        case errors.NotFoundError(kind=kind) if kind in _LISTED_BY:
            return f"; GET {_LISTED_BY[kind]} shows what there is"
        case errors.TooManyTokensError():
            return ": GET /tokens, then POST /tokens/{token}/revoke"
        case errors.FloodClosedError(flood_id=flood_id) | errors.FloodGrownError(flood_id=flood_id):
            return f"; GET /floods/{flood_id} tells it"
        case errors.StillObservesError(target=target):
            return f": POST /targets/{target}/arm"
        case errors.NoSealKeyError():
            return "; GET /evidence/key answers the right one"
        case _:
            return ""
