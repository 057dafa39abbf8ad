"""Which error gets which answer (RFC 7644 §3.12)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import structlog
from pydantic import ValidationError
from scim2_models import Error, InvalidValueException, SCIMException
from starlette.exceptions import HTTPException
from starlette.responses import Response

from scimbridge.errors import (
    DuplicateError,
    KeysUnavailableError,
    NotFoundError,
    OwnMemberError,
    PreconditionError,
    StoreBusyError,
    StoreUnavailableError,
    UnknownMemberError,
)
from scimbridge.scim.media import ScimResponse

logger = structlog.get_logger(__name__)

ERROR_SCHEMA = str(Error.__schema__)


class UnsupportedMediaTypeException(SCIMException):
    """The body is not written in a form that is understood here."""

    status = 415
    _default_detail = "send application/scim+json or application/json, in UTF-8 and not compressed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the client is told about an error."""

    status: int
    detail: str
    scim_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Return the Error (RFC 7644 §3.12)."""
        body = {"schemas": [ERROR_SCHEMA], "status": str(self.status), "detail": self.detail}
        return body | ({"scimType": self.scim_type} if self.scim_type else {})

    def response(self) -> Response:
        """Return the answer."""
        return ScimResponse(self.body(), self.status, headers=dict(self.headers))


_STATUS: dict[type[Exception], tuple[int, str | None, Mapping[str, str]]] = {
    NotFoundError: (404, None, {}),
    DuplicateError: (409, "uniqueness", {}),
    PreconditionError: (412, None, {}),
    UnknownMemberError: (400, "invalidValue", {}),
    OwnMemberError: (400, "invalidValue", {}),
    StoreBusyError: (503, None, {"Retry-After": "1"}),
    StoreUnavailableError: (503, None, {"Retry-After": "30"}),
    KeysUnavailableError: (503, None, {"Retry-After": "10"}),
}

_UNSAID: Mapping[type[Exception], str] = {
    StoreBusyError: "busy; try again",
    StoreUnavailableError: "not available now; try again later",
    KeysUnavailableError: "the keys of the token's issuer cannot be read now; try again later",
}
"""What is said instead of the message, which names parts of the installation."""

_EXPECTED: Mapping[str, str] = {
    "string_type": "a string",
    "enum": "a string",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "datetime_type": "a dateTime",
    "datetime_parsing": "a dateTime",
    "datetime_from_date_parsing": "a dateTime",
}
"""What a value must be, by Pydantic's name of the mistake; its text names classes of ours."""

_FIELD_NAME = re.compile(r"_([a-z0-9])")


def verdict_on(error: Exception) -> Verdict:
    """Return what an error means to the client. Errors that nobody expected are logged and tell nothing."""
    match error:
        case SCIMException():
            return _protocol_verdict(error)
        case ValidationError():
            return _first_of(error)
        case HTTPException():
            return Verdict(error.status_code, HTTPStatus(error.status_code).phrase, headers=error.headers or {})
        case _:
            return _bridge_verdict(error)


def _bridge_verdict(error: Exception) -> Verdict:
    for kind, (status, scim_type, headers) in _STATUS.items():
        if isinstance(error, kind):
            if kind is StoreUnavailableError:
                logger.warning("request not answered", action="answer", reason=str(error))
            return Verdict(status, _UNSAID.get(kind, str(error)), scim_type, headers)
    logger.error("request failed", action="answer", exc_info=error)
    return Verdict(500, "the request failed for a reason on our side")


def _protocol_verdict(error: SCIMException) -> Verdict:
    if isinstance(error, InvalidValueException) and isinstance(error.__cause__, ValidationError):
        return _first_of(error.__cause__)
    return Verdict(error.status, error.detail, error.scim_type or None)


def _first_of(error: ValidationError) -> Verdict:
    # Pydantic's own text would repeat the input, and so perhaps a secret.
    details = error.errors(include_url=False, include_input=False)[0]
    first = Error.from_validation_error(details)
    detail = _worded(details["type"], details["msg"], first.detail or "the value is not valid")
    return Verdict(first.status or 400, detail, first.scim_type)


def _worded(kind: str, said: str, detail: str) -> str:
    """Return what is wrong with an attribute as people say it, by the attribute's name in SCIM."""
    expected = _EXPECTED.get(kind)
    name = detail.removeprefix(f"{said}: ")
    if expected is None or name == detail:
        return detail
    return f"{_FIELD_NAME.sub(lambda found: found[1].upper(), name)} must be {expected}"
