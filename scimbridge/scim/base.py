"""The addresses under which the service provider answers."""

from __future__ import annotations

import re
from typing import Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from scimbridge.scim.express import Answer, Express

PREFIX = "/scim/v2"

BASE = "scimbridge.base"
"""Where in the ASGI scope the address is under which a request came, e.g. ``https://bridge.example.com/scim/v2``."""

NAMED_SOURCE = "scimbridge.named_source"
"""Where in the ASGI scope the source is that the address names; absent where it names none."""


class ScimApp(Protocol):
    """An ASGI application that answers some requests without a task."""

    express: Express

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        ...


_BASE = re.compile(r"(?:/sources/(?P<source>[A-Za-z0-9][A-Za-z0-9._-]{0,63}))?/scim/v2(?=/|\Z)")


class BaseAddress:
    """Hands everything below ``/scim/v2`` and ``/sources/NAME/scim/v2`` to the SCIM application.

    Each answer there is a SCIM answer. A ``Mount`` would not do: its pattern does not match a path with a
    line break in it.

    Args:
        app: Answers everything else.
        scim: The SCIM application, one for all bases.
        public_url: The address under which clients reach the server, without a slash at its end.
    """

    def __init__(self, app: ASGIApp, scim: ScimApp, public_url: str) -> None:
        self._app = app
        self._scim = scim
        self._public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        below = self._below_base(scope) if scope["type"] == "http" else None
        if below is None:
            await self._app(scope, receive, send)
        else:
            await self._scim(below, receive, send)

    def express(self, scope: Scope, raw: bytes, answer: Answer) -> bool:
        """Answer what the SCIM application can answer without a task; see ``Express``."""
        below = self._below_base(scope)
        return below is not None and self._scim.express(below, raw, answer)

    def _below_base(self, scope: Scope) -> Scope | None:
        """Return the scope of a request as the SCIM application has it; ``None`` where it is for another one."""
        found = _BASE.match(scope["path"])
        if found is None:
            return None
        below = {**scope, "root_path": scope.get("root_path", "") + found[0], BASE: self._public_url + found[0]}
        if found["source"] is not None:
            below[NAMED_SOURCE] = found["source"]
        return below
