"""The media type of SCIM (RFC 7644 §8.1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response


class ScimResponse(Response):
    """A JSON answer as application/scim+json."""

    media_type = "application/scim+json"

    def render(self, content: Any) -> bytes:
        """Return the bytes of the body."""
        return as_json(content)


def as_json(content: Mapping[str, Any]) -> bytes:
    """Return a document as JSON in UTF-8."""
    try:
        return orjson.dumps(content)
    except orjson.JSONEncodeError:  # a number of more than 64 bits, which JSON allows
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
