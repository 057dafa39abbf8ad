"""Bearer tokens (RFC 6750): who is asking, before anything else is looked at."""

from __future__ import annotations

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from scimbridge.scim.errors import Verdict, verdict_on

Authenticate = Callable[[str], str | None]
"""Returns the source that a token names, or ``None``."""

SOURCE = "scimbridge.source"
"""Where in the ASGI scope the name of the source is."""

_LONGEST_TOKEN = 4096
_REFUSAL = Verdict(
    401, "a valid bearer token is needed", headers={"WWW-Authenticate": 'Bearer realm="scim", error="invalid_token"'}
)
_CHALLENGE = Verdict(401, "a bearer token is needed", headers={"WWW-Authenticate": 'Bearer realm="scim"'})


class Authentication:
    """Lets a request through with the name of its source, or answers 401.

    Everything is behind it, unknown addresses too: a stranger learns nothing from a 404.
    """

    def __init__(self, app: ASGIApp, authenticate: Authenticate) -> None:
        self._app = app
        self._authenticate = authenticate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        verdict = await self._verdict(scope)
        app = self._app if verdict is None else verdict.response()
        await app(scope, receive, send)

    async def _verdict(self, scope: Scope) -> Verdict | None:
        token = bearer_token(Request(scope).headers.get("authorization", ""))
        if token is None:
            return _CHALLENGE
        try:
            source = await run_in_threadpool(self._authenticate, token)
        except Exception as error:  # noqa: BLE001 - the edge: every error becomes an answer
            return verdict_on(error)
        if source is None:
            return _REFUSAL
        scope[SOURCE] = source
        return None


def bearer_token(header: str) -> str | None:
    """Return the token of an Authorization header; the scheme's name is compared without case."""
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > _LONGEST_TOKEN or not token.isascii():
        return None
    return token
