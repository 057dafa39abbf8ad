"""The OpenAPI document: made of the models that the handlers use, so that it says what they do."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from scimbridge.api.problems import MEDIA_TYPE
from scimbridge.api.requests import LeaveReport, LeaveRequest

_REF = "#/components/schemas/{model}"


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str


def openapi(public_url: str) -> dict[str, Any]:
    """Return the document (OpenAPI 3.1).

    Args:
        public_url: The address of the bridge, without a slash at its end.
    """
    models: list[tuple[type[BaseModel], Any]] = [
        (LeaveRequest, "validation"),
        (LeaveReport, "serialization"),
        (Problem, "serialization"),
    ]
    _, generated = models_json_schema(models, ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {"title": "scimbridge", "version": "1", "description": "What operators and their programs can do."},
        "servers": [{"url": f"{public_url}/api/v1"}],
        "security": [{"token": []}],
        "paths": {
            "/requests": {
                "post": {
                    "operationId": "requestLeavers",
                    "summary": "Have people leave",
                    "description": "Needs the role operator. Asking twice for the same does nothing twice.",
                    "requestBody": {"required": True, "content": _content("application/json", "LeaveRequest")},
                    "responses": {
                        "200": {
                            "description": "What became of each; with dry_run, what would.",
                            "content": _content("application/json", "LeaveReport"),
                        },
                        **{
                            status: {"description": text, "content": _content(MEDIA_TYPE, "Problem")}
                            for status, text in _PROBLEMS.items()
                        },
                    },
                }
            }
        },
        "components": {
            "schemas": generated["$defs"],
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "From `scimbridge operator create NAME --role operator`.",
                }
            },
        },
    }


_PROBLEMS = {
    "400": "The body is no JSON.",
    "401": "There is no valid token.",
    "403": "The role may not do this.",
    "413": "The body is too large.",
    "415": "The body is in another form than JSON.",
    "422": "Nothing was done: `lines` says for whom it cannot be, `errors` what cannot be understood.",
    "429": "Too many failed authentications.",
    "503": "The database does not answer.",
}


def _content(media_type: str, model: str) -> dict[str, Any]:
    return {media_type: {"schema": {"$ref": _REF.format(model=model)}}}
