"""Signing in by an identity provider: to it, and back."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog
from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from scimbridge.dashboard.entrance import PATH as SIGN_IN
from scimbridge.dashboard.entrance import Entrance, local
from scimbridge.dashboard.rendering import HEADERS
from scimbridge.dashboard.session import Door
from scimbridge.domain.session import Started, Visitor
from scimbridge.errors import ProviderUnavailableError, SignInRefusedError, StoreError
from scimbridge.services.sign_on import Begun

if TYPE_CHECKING:
    from scimbridge.bridge import Bridge

PATH = "/sign-in/oidc"
BACK = f"{PATH}/callback"
OUT = f"{PATH}/sign-out"
COOKIE = "scimbridge_sign_on"

_TIME = 600
"""Seconds that somebody may take at the provider."""

_AT_ONCE = 4
"""Questions to the provider at once: one that does not answer must not use up the threads of all pages."""

TOO_LATE = "This sign-in was begun too long ago, or in another browser. Try again."

logger = structlog.get_logger("scimbridge.admission")


class SignOnPages:
    """Sends browsers to the provider, and lets in whom it sends back.

    Args:
        bridge: Knows the provider.
        door: Knows the cookies.
        entrance: Renders what there is to say.
    """

    def __init__(self, bridge: Bridge, door: Door, entrance: Entrance) -> None:
        self._bridge = bridge
        self._door = door
        self._entrance = entrance
        self._asking = CapacityLimiter(_AT_ONCE)

    def routes(self) -> list[Route]:
        """Return the routes; none of them asks for a session."""
        return [
            Route(PATH, self.go, methods=["GET"]),
            # The one GET that begins a session, as the protocol has it: what it brings is good once, in this browser.
            Route(BACK, self.come_back, methods=["GET"]),
            Route(OUT, self.go_out, methods=["GET"]),
        ]

    async def go(self, request: Request) -> Response:
        """Send somebody to the provider. Nothing is kept here of it."""
        sign_on = self._bridge.sign_on
        if sign_on is None:
            return self._entrance.page(HTTPStatus.NOT_FOUND, said="There is no identity provider to sign in by.")
        begun, next_ = Begun.now(), local(request.query_params.get("next", ""))
        try:
            address = await to_thread.run_sync(sign_on.address, begun, limiter=self._asking)
        except ProviderUnavailableError as error:
            return self._unavailable(error, next_)
        answer = RedirectResponse(address, status_code=302, headers=dict(HEADERS))
        self._door.keep(answer, COOKIE, _packed(begun, next_), max_age=_TIME)
        return answer

    async def go_out(self, _request: Request) -> Response:
        """Send somebody to the provider to be signed out there, too; here they are already, or decide by themselves."""
        sign_on = self._bridge.sign_on
        if sign_on is None:
            return self._entrance.page(HTTPStatus.NOT_FOUND, said="There is no identity provider to sign out at.")
        back = f"{self._bridge.settings.server.public_url}{SIGN_IN}"
        try:
            address = await to_thread.run_sync(sign_on.farewell, back, limiter=self._asking)
        except ProviderUnavailableError as error:
            return self._unavailable(error, "/")
        if address is None:
            said = "The identity provider names no place to sign out at. Do it there, or close the browser."
            return self._entrance.page(HTTPStatus.NOT_FOUND, said=said)
        return RedirectResponse(address, status_code=302, headers=dict(HEADERS))

    async def come_back(self, request: Request) -> Response:
        """Let in whom the provider sends back."""
        held = await self._entrance.held_back(request)
        if held is not None:
            return held
        answer = await self._answer(request)
        self._door.drop(answer, COOKIE)
        return answer

    async def _answer(self, request: Request) -> Response:
        kept = _unpacked(request.cookies.get(self._door.named(COOKIE), ""))
        state = request.query_params.get("state", "")
        if kept is None or not hmac.compare_digest(state.encode(), kept[0].state.encode()):
            return self._entrance.page(HTTPStatus.FORBIDDEN, said=TOO_LATE)
        begun, next_ = kept
        try:
            code = self._code(request)
            visitor = self._entrance.visitor(request)
            started = await to_thread.run_sync(self._finish, code, begun, visitor, limiter=self._asking)
        except SignInRefusedError as error:
            return self._entrance.refused(request, error, next_)
        except ProviderUnavailableError as error:
            return self._unavailable(error, next_)
        except StoreError as error:
            return self._entrance.away(error, next_=next_)
        return self._entrance.welcome(started, next_)

    def _code(self, request: Request) -> str:
        """Return what the provider has sent back with the browser (RFC 6749 §4.1.2, RFC 9207)."""
        said = request.query_params
        provider = self._bridge.settings.operators.provider
        if provider is None or said.get("iss", provider.issuer) != provider.issuer:
            raise SignInRefusedError("This answer comes from another identity provider.")
        if "error" in said:
            is_denied = said["error"] == "access_denied"
            raise SignInRefusedError(
                "The identity provider did not let you in."
                if is_denied
                else "The identity provider refuses this sign-in."
            )
        return said.get("code", "")

    def _finish(self, code: str, begun: Begun, visitor: Visitor) -> Started:
        sign_on, now = self._bridge.sign_on, self._bridge.clock()
        if sign_on is None:
            raise SignInRefusedError("There is no identity provider to sign in by.")
        return self._bridge.signing_in.by_provider(sign_on.finish(code, begun, now), visitor, now)

    def _unavailable(self, error: ProviderUnavailableError, next_: str) -> Response:
        logger.warning("the identity provider cannot be used", action="sign-on", reason=str(error))
        said = f"{error} Operators with a password can sign in below."
        return self._entrance.page(HTTPStatus.SERVICE_UNAVAILABLE, next_=next_, said=said)


def _packed(begun: Begun, next_: str) -> str:
    kept = {"state": begun.state, "nonce": begun.nonce, "verifier": begun.verifier, "next": next_[:1000]}
    return base64.urlsafe_b64encode(json.dumps(kept).encode()).decode()


def _unpacked(cookie: str) -> tuple[Begun, str] | None:
    """Return what the browser has kept, or ``None`` where it has kept nothing of ours."""
    try:
        kept = json.loads(base64.urlsafe_b64decode(cookie))
        begun = Begun(state=str(kept["state"]), nonce=str(kept["nonce"]), verifier=str(kept["verifier"]))
        return begun, local(str(kept["next"]))
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None
