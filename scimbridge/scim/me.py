"""/Me: the resource of whoever is asking (RFC 7644 §3.11). Nobody is: a token belongs to a source, not to a person."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from scimbridge.scim.errors import Verdict

_REFUSAL = Verdict(501, "there is no /Me here: a token belongs to a source, which is no User")


async def me(_request: Request) -> Response:
    """Answer 501 whatever the verb and the body, as RFC 7644 §3.11 has it where the alias is not supported."""
    return _REFUSAL.response()
