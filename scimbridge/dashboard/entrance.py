"""Signing in and out: the pages that somebody sees who is nobody yet."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import structlog
from anyio import CapacityLimiter, to_thread
from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from scimbridge import telemetry
from scimbridge.admission.addresses import Addresses
from scimbridge.admission.failures import Failures
from scimbridge.admission.origin import is_own
from scimbridge.dashboard.forms import Form, UnreadableFormError, read_form
from scimbridge.dashboard.rendering import HEADERS
from scimbridge.dashboard.session import COOKIE, Door, NotAdmittedError
from scimbridge.domain.operator import Way
from scimbridge.domain.session import Session, Started, Visitor
from scimbridge.errors import NotFoundError, SignInRefusedError, StoreError
from scimbridge.services.signing_in import NO_LINK, Presented

if TYPE_CHECKING:
    from scimbridge.bridge import Bridge

PATH = "/sign-in"
BY_LINK = f"{PATH}/once"
SIGN_OUT = "/sign-out"

_HASHED_AT_ONCE = 2
"""Passwords that are checked at once: each takes memory, and the machine has other things to do."""

ELSEWHERE = "This form did not come from a page of ours. Reload the page, and try again."
AWAY = "The database does not answer. Try again in a moment."
LEFT = "You are signed out in this browser. The database does not answer, so the session itself ends by its time."
ENDED = "You are not signed in, or not any more. Nothing was changed."

SOON = 5
"""Seconds after which the database may answer again."""

logger = structlog.get_logger("scimbridge.admission")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """Where requests come from, and how often in vain.

    Attributes:
        addresses: Finds the client of a request.
        failures: Slows those who guess; shared with SCIM and the API.
    """

    addresses: Addresses
    failures: Failures

    def visitor(self, request: Request) -> Visitor:
        """Return where somebody signs in from."""
        address = self.addresses.of(request.scope)
        browser = request.headers.get("user-agent", "")
        return Visitor(address=str(address or ""), browser="".join(c for c in browser if c.isprintable()))


class Entrance:
    """The pages to sign in by, and the way out.

    Args:
        bridge: Lets operators in.
        door: Knows the cookies.
        arrivals: Knows who knocks.
        environment: Renders templates.
    """

    def __init__(self, bridge: Bridge, door: Door, arrivals: Arrivals, environment: Environment) -> None:
        self._bridge = bridge
        self._door = door
        self._arrivals = arrivals
        self._environment = environment
        self._hashing = CapacityLimiter(_HASHED_AT_ONCE)

    def routes(self) -> list[Route]:
        """Return the routes; none of them asks for a session."""
        return [
            Route(PATH, self.show, methods=["GET"], name="sign-in"),
            Route(PATH, self.sign_in, methods=["POST"]),
            Route(BY_LINK, self.show_link, methods=["GET"]),
            Route(BY_LINK, self.sign_in_by_link, methods=["POST"]),
            Route(SIGN_OUT, self.sign_out, methods=["POST"]),
        ]

    def show(self, request: Request) -> Response:
        """Return the form; a plain function, so that it runs in a thread."""
        said = ENDED if request.query_params.get("ended") else ""
        next_ = local(request.query_params.get("next", ""))
        return self._render("sign-in.html", next=next_, said=said, has_left="left" in request.query_params)

    async def sign_in(self, request: Request) -> Response:
        """Let somebody in by name, password and code."""

        def enter(form: Form) -> Started:
            presented = Presented(
                name=form.values.get("name", ""),
                password=form.values.get("password", ""),
                code=form.values.get("code", ""),
            )
            visitor = self.visitor(request)
            return self._bridge.signing_in.by_password(presented, visitor, self._bridge.clock())

        return await self._enter(request, enter)

    def show_link(self, request: Request) -> Response:
        """Ask whether somebody wants to use their link: whatever looks at addresses ahead of them must not."""
        secret = request.query_params.get("token", "")
        try:
            name = self._bridge.signing_in.whose_link(secret, self._bridge.clock())
        except StoreError as error:
            return self.away(error)
        if name is None:
            return self.page(HTTPStatus.FORBIDDEN, said=NO_LINK)
        return self._render("sign-in-once.html", name=name, token=secret)

    async def sign_in_by_link(self, request: Request) -> Response:
        """Let somebody in by a one-time link."""

        def enter(form: Form) -> Started:
            visitor = self.visitor(request)
            return self._bridge.signing_in.by_link(form.values.get("token", ""), visitor, self._bridge.clock())

        return await self._enter(request, enter)

    async def sign_out(self, request: Request) -> Response:
        """End the session, here and on the server."""
        try:
            form = await read_form(request)
            session = await to_thread.run_sync(self._door.session_of, request)
            if not self._door.is_own_form(request, form.values):
                return self.page(HTTPStatus.FORBIDDEN, said=ELSEWHERE)
            await to_thread.run_sync(self._end, session)
        except UnreadableFormError:
            return self.page(HTTPStatus.BAD_REQUEST, said=ELSEWHERE)
        except NotAdmittedError:
            return self.page(said=ENDED)
        except StoreError as error:
            answer = self.away(error, said=LEFT)
            self._door.drop(answer, COOKIE)
            return answer
        # The provider still knows them, and would let the next one at this browser in.
        path = f"{PATH}?left=yes" if session.way is Way.PROVIDER else PATH
        answer = RedirectResponse(path, status_code=303, headers=dict(HEADERS))
        self._door.drop(answer, COOKIE)
        return answer

    def welcome(self, started: Started, next_: str) -> Response:
        """Send a browser on that has a session now."""
        answer = RedirectResponse(local(next_), status_code=303, headers=dict(HEADERS))
        self._door.keep(answer, COOKIE, started.cookie)
        return answer

    def visitor(self, request: Request) -> Visitor:
        """Return where somebody signs in from."""
        return self._arrivals.visitor(request)

    def page(self, status: HTTPStatus = HTTPStatus.OK, *, next_: str = "/", said: str = "") -> Response:
        """Return the form to sign in by, with what there is to say."""
        return self._render("sign-in.html", status, next=next_, said=said, has_left=False)

    def away(self, error: StoreError, *, next_: str = "/", said: str = AWAY) -> Response:
        """Return what is told where the database does not answer; why not is for the log alone."""
        logger.warning("request not answered", action="page.failed", reason=str(error))
        return self._later(self.page(HTTPStatus.SERVICE_UNAVAILABLE, next_=next_, said=said), SOON)

    async def held_back(self, request: Request) -> Response | None:
        """Return what those are told who have failed too often; wait as long as others have to."""
        wait = await self._arrivals.failures.hold_back(self._arrivals.addresses.of(request.scope))
        if wait is None:
            return None
        said = f"Too many tries from your address have failed. Try again in {wait} seconds."
        return self._later(self.page(HTTPStatus.TOO_MANY_REQUESTS, said=said), wait)

    def refused(self, request: Request, error: SignInRefusedError, next_: str) -> Response:
        """Note a failure, and return what to tell."""
        address = self._arrivals.addresses.of(request.scope)
        self._arrivals.failures.count(address)
        telemetry.FAILED_AUTHENTICATIONS.labels("operator").inc()
        logger.warning("not let in", action="sign-in", reason="operator", address=str(address))
        if error.wait is None:
            return self.page(HTTPStatus.FORBIDDEN, next_=next_, said=str(error))
        answer = self.page(HTTPStatus.TOO_MANY_REQUESTS, next_=next_, said=str(error))
        return self._later(answer, int(error.wait.total_seconds()) + 1)

    async def _enter(self, request: Request, enter: Callable[[Form], Started]) -> Response:
        held = await self.held_back(request)
        if held is not None:
            return held
        try:
            form = await read_form(request)
        except UnreadableFormError:
            return self.page(HTTPStatus.BAD_REQUEST, said=ELSEWHERE)
        if not is_own(request):
            # Else another site could sign somebody in as somebody else, who then reads what they write.
            return self.page(HTTPStatus.FORBIDDEN, said=ELSEWHERE)
        next_ = local(form.values.get("next", ""))
        try:
            started = await to_thread.run_sync(enter, form, limiter=self._hashing)
        except SignInRefusedError as error:
            return self.refused(request, error, next_)
        except StoreError as error:
            return self.away(error, next_=next_)
        self._arrivals.failures.forgive(self._arrivals.addresses.of(request.scope))
        return self.welcome(started, next_)

    def _end(self, session: Session) -> None:
        name = session.operator.name
        # Somebody may have ended it a moment ago.
        with suppress(NotFoundError):
            self._bridge.sessions.end(name, session.id, by=name, now=self._bridge.clock())

    def _render(self, template: str, status: HTTPStatus = HTTPStatus.OK, **context: Any) -> Response:
        content = self._environment.get_template(template).render(
            provider=self._bridge.settings.operators.provider, **context
        )
        return Response(content, status_code=status, media_type="text/html", headers=HEADERS)

    @staticmethod
    def _later(answer: Response, seconds: int) -> Response:
        answer.headers["Retry-After"] = str(seconds)
        return answer


def local(path: str) -> str:
    """Return an address within the bridge as it is, and the first page for every other."""
    is_local = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_local and not path.startswith((PATH, SIGN_OUT)) else "/"


def sign_in_address(request: Request) -> str:
    """Return where somebody signs in who then comes back to where they wanted to go."""
    if request.method == "GET":
        query = f"?{request.url.query}" if request.url.query else ""
        return f"{PATH}?{urlencode({'next': request.url.path + query})}"
    return f"{PATH}?{urlencode({'next': request.url.path, 'ended': 'yes'})}"


def to_sign_in(request: Request) -> Response:
    """Return the answer to somebody who is not signed in: they come back to where they wanted to go."""
    address = sign_in_address(request)
    if request.headers.get("hx-request"):
        # A part of a page was asked for; the whole browser goes, and comes back to that page.
        return Response(status_code=401, headers={**HEADERS, "HX-Redirect": address})
    return RedirectResponse(address, status_code=303, headers=dict(HEADERS))
