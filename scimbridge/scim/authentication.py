"""Who is asking, before anything else is looked at."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from scimbridge.scim.admission.gate import SOURCE, Gate
from scimbridge.scim.express import Answer
from scimbridge.scim.fast import FastPath, hear

__all__ = ["SOURCE", "Authentication"]


class Authentication:
    """Lets a request through with the name of its source, or answers 401, 403 or 429.

    Everything is behind it, unknown addresses too: a stranger learns nothing from a 404.
    """

    def __init__(self, fast: FastPath, gate: Gate) -> None:
        self._fast = fast
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._fast(scope, receive, send)
            return
        verdict = await self._gate.admit(scope)
        app: ASGIApp = self._fast if verdict is None else verdict.response()
        await app(scope, receive, send)

    def express(self, scope: Scope, raw: bytes, answer: Answer) -> bool:
        """Answer a request of somebody who was let in a moment ago, where the fast path understands it.

        Returns:
            Whether it is answered, now or later; if not, nothing was done about it.
        """
        grant = self._gate.recent(scope)
        heard = hear(scope, raw) if grant is not None else None
        if grant is None or heard is None:
            return False
        verdict = self._gate.let_in(scope, grant.source)
        if verdict is None:
            self._fast.begin(scope, heard, answer)
        else:
            response = verdict.response()
            answer(response.status_code, response.raw_headers, bytes(response.body))
        return True
