"""Who looks at a page. This is the one place that knows how somebody shows who they are: by a cookie."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from scimbridge.admission.origin import is_foreign
from scimbridge.domain.session import Session

if TYPE_CHECKING:
    from scimbridge.bridge import Bridge

COOKIE = "scimbridge_session"


class NotAdmittedError(Exception):
    """Nobody may look who is not signed in."""


class Door:
    """Knows whose session a request belongs to.

    Args:
        bridge: Knows the sessions.
    """

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self.is_secure = bridge.settings.server.public_url.startswith("https://")

    def session_of(self, request: Request) -> Session:
        """Return the session in which somebody looks.

        Raises:
            NotAdmittedError: There is none, or it has ended.
        """
        cookie = self.cookie_of(request)
        # A page that refreshes itself, or listens, is nobody's presence: a session ends however many are left open.
        is_somebody = "hx-request" not in request.headers and request.url.path != "/events"
        session = self._bridge.sessions.find(cookie, self._bridge.clock(), is_seen=is_somebody) if cookie else None
        if session is None:
            raise NotAdmittedError
        return session

    def cookie_of(self, request: Request) -> str:
        """Return what the browser keeps of its session; empty where that is nothing."""
        return request.cookies.get(self.named(COOKIE), "")

    def csrf_of(self, request: Request) -> str:
        """Return what every form of this session carries; other sites cannot read it, nor make it."""
        return hmac.digest(self.cookie_of(request).encode(), b"form", hashlib.sha256).hex()

    def is_own_form(self, request: Request, form: Mapping[str, str]) -> bool:
        """Whether a form came from a page of ours that was shown in this session."""
        sent = form.get("csrf", "").encode()
        return not is_foreign(request) and hmac.compare_digest(sent, self.csrf_of(request).encode())

    def keep(self, answer: Response, name: str, value: str, max_age: int | None = None) -> None:
        """Have the browser keep a cookie that no script and no other site sees; until it is closed by default."""
        answer.set_cookie(
            self.named(name), value, max_age=max_age, httponly=True, samesite="lax", secure=self.is_secure
        )

    def drop(self, answer: Response, name: str) -> None:
        """Have the browser keep a cookie no longer."""
        answer.delete_cookie(self.named(name), httponly=True, samesite="lax", secure=self.is_secure)

    def named(self, name: str) -> str:
        """Return the name under which browsers keep a cookie: with HTTPS, one that only this very host can set."""
        return f"__Host-{name}" if self.is_secure else name
