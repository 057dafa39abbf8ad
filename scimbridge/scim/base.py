"""The addresses under which the service provider answers."""

from __future__ import annotations

import re
from contextlib import suppress

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from scimbridge.domain.source import SOURCE_NAME

PREFIX = "/scim/v2"

BASE = "scimbridge.base"
"""Where in the ASGI scope the address is under which a request came, e.g. ``https://bridge.example.com/scim/v2``."""

NAMED_SOURCE = "scimbridge.named_source"
"""Where in the ASGI scope the source is that the address names; absent where it names none."""

_BASE = re.compile(rf"(?:/sources/(?P<source>{SOURCE_NAME}))?/scim/v2(?=/|\Z)")


class BaseAddress:
    """Hands everything below ``/scim/v2`` and ``/sources/NAME/scim/v2`` to the SCIM application.

    Each answer there is a SCIM answer. A ``Mount`` would not do: its pattern does not match a path with a
    line break in it.

    Args:
        app: Answers everything else.
        scim: The SCIM application, one for all bases.
        public_url: The address under which clients reach the server, without a slash at its end.
    """

    def __init__(self, app: ASGIApp, scim: ASGIApp, public_url: str) -> None:
        self._app = app
        self._scim = scim
        self._public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request. Whoever has left in the middle of theirs is nobody's error, and gets no answer."""
        with suppress(ClientDisconnect):
            found = _BASE.match(scope["path"]) if scope["type"] == "http" else None
            if found is None:
                await self._app(scope, receive, send)
                return
            scope = {**scope, "root_path": scope.get("root_path", "") + found[0], BASE: self._public_url + found[0]}
            if found["source"] is not None:
                scope[NAMED_SOURCE] = found["source"]
            await self._scim(scope, receive, send)
