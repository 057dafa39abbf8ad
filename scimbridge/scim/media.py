"""The media type of SCIM (RFC 7644 §8.1)."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response


class ScimResponse(Response):
    """A JSON answer as application/scim+json."""

    media_type = "application/scim+json"

    def render(self, content: Any) -> bytes:
        """Return the bytes of the body."""
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
