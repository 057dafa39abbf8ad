"""Who is asking, before anything else is looked at."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from scimbridge.scim.admission.gate import SOURCE, Gate

__all__ = ["SOURCE", "Authentication"]


class Authentication:
    """Lets a request through with the name of its source, or answers 401, 403 or 429.

    Everything is behind it, unknown addresses too: a stranger learns nothing from a 404.
    """

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        verdict = await self._gate.admit(scope)
        app = self._app if verdict is None else verdict.response()
        await app(scope, receive, send)
