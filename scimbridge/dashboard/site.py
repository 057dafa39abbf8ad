"""The dashboard as a whole: lets people in, renders pages, and answers what goes wrong in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from scimbridge.admission.addresses import Addresses
from scimbridge.admission.failures import Failures
from scimbridge.dashboard import flash
from scimbridge.dashboard.assets import asset_routes
from scimbridge.dashboard.case_filter import UnreadableFilterError
from scimbridge.dashboard.entrance import Arrivals, Entrance
from scimbridge.dashboard.events import Events
from scimbridge.dashboard.forms import Form, UnreadableFormError, read_form
from scimbridge.dashboard.navigation import sections_for
from scimbridge.dashboard.page import Page, go_to
from scimbridge.dashboard.pages import PAGES
from scimbridge.dashboard.rendering import HEADERS, environment
from scimbridge.dashboard.session import Door, NotAdmittedError
from scimbridge.dashboard.sign_on import SignOnPages
from scimbridge.dashboard.trouble import Trouble
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.operator import Permission, roles_that_may
from scimbridge.domain.session import Session
from scimbridge.errors import BridgeError, ConcurrentUpdateError, NotFoundError, StoreError

if TYPE_CHECKING:
    from scimbridge.bridge import Bridge

_NO_FORM = Form({}, ())


class Site:
    """All pages of a bridge.

    Args:
        bridge: What they show.
        pages: Which.
        arrivals: Knows who knocks; nobody's X-Forwarded-For is believed where absent.
    """

    def __init__(self, bridge: Bridge, pages: Sequence[type[Page]] = PAGES, arrivals: Arrivals | None = None) -> None:
        self._bridge = bridge
        self._pages = [page(bridge) for page in pages]
        self._permissions = {page.path: page.permission for page in pages}
        self._environment = environment()
        self._trouble = Trouble(self._environment)
        self._door = Door(bridge)
        arrivals = arrivals or Arrivals(addresses=Addresses(), failures=Failures())
        entrance = Entrance(bridge, self._door, arrivals, self._environment)
        self._entrance = [*entrance.routes(), *SignOnPages(bridge, self._door, entrance).routes()]

    def routes(self) -> list[Route]:
        """Return the routes of the pages and of what they load."""
        events = Events(self._bridge, self._door)
        return [*asset_routes(), *events.routes(), *self._entrance, *(self._route(page) for page in self._pages)]

    def _route(self, page: Page) -> Route:
        methods = ["GET"] if page.posting is None else ["GET", "POST"]

        async def answer(request: Request) -> Response:
            if request.method != "POST":
                return await run_in_threadpool(self._guarded, request, page, _NO_FORM, self._show)
            try:
                form = await read_form(request)
            except UnreadableFormError:
                return _say(HTTPStatus.BAD_REQUEST, "This is no form of ours, or a too large one.\n")
            return await run_in_threadpool(self._guarded, request, page, form, self._act)

        return Route(page.path, answer, methods=methods, name=type(page).__name__)

    def _guarded(self, request: Request, page: Page, form: Form, answer: Callable[[Page, Visit], Response]) -> Response:
        """Return an answer to somebody who may have it."""
        visit = None
        try:
            visit = self._visit(request, self._door.session_of(request), form)
            if any("\0" in str(each) for each in request.path_params.values()):
                # PostgreSQL takes no NUL, and nothing that there is has one in its name.
                return self._problem(visit, HTTPStatus.NOT_FOUND, "There is no such page.")
            return answer(page, visit)
        except NotAdmittedError:
            return self._trouble.nobody(request, form)
        except StoreError as error:
            return self._trouble.no_database(request, error, form, is_known=visit is not None)
        except Exception as error:  # noqa: BLE001 - the edge: every error becomes an answer
            return self._trouble.unforeseen(request, error, form)

    def _visit(self, request: Request, session: Session, form: Form) -> Visit:
        return Visit(
            request=request,
            session=session,
            now=self._bridge.clock(),
            csrf=self._door.csrf_of(request),
            is_secure=self._door.is_secure,
            messages=flash.take(request),
            form=form.values,
            chosen=form.chosen,
        )

    def _show(self, page: Page, visit: Visit) -> Response:
        if not visit.operator.role.may(page.permission):
            return self._refuse(visit, page.permission)
        try:
            answer = page.respond(visit, lambda context: self._render(page.template, visit, context))
        except StoreError:
            raise
        except BridgeError as error:
            answer = self._problem(visit, _status(error), str(error))
        if visit.messages:
            flash.clear(answer)
        return answer

    def _act(self, page: Page, visit: Visit) -> Response:
        if page.posting is None or not visit.operator.role.may(page.posting):
            return self._refuse(visit, page.posting or Permission.ADMINISTER)
        if not self._door.is_own_form(visit.request, visit.form):
            why = "The form did not come from a page of this session. Go back, reload the page, and try again."
            return self._problem(visit, HTTPStatus.FORBIDDEN, why)
        try:
            answer = page.post(visit)
        except NotFoundError as error:
            if "{" in page.path:
                # What the page is about may be what is not there any more.
                return self._problem(visit, HTTPStatus.NOT_FOUND, str(error))
            return go_to(visit, _back(visit), [flash.refused(f"Not done: {error}.")])
        except ConcurrentUpdateError as error:
            return go_to(visit, _back(visit), [flash.refused(f"Not done: {error}. Look at it again.")])
        except StoreError:
            raise
        except BridgeError as error:
            return go_to(visit, _back(visit), [flash.refused(f"Not done: {error}.")])
        return answer if isinstance(answer, Response) else self._render(answer.template, visit, dict(answer.context))

    def _refuse(self, visit: Visit, permission: Permission) -> Response:
        able = " or ".join(role.value for role in roles_that_may(permission))
        why = f"Your role is {visit.operator.role}; this takes the role {able}. Nothing was changed."
        return self._problem(visit, HTTPStatus.FORBIDDEN, why)

    def _problem(self, visit: Visit, status: HTTPStatus, why: str) -> Response:
        back = _back(visit) if visit.form else ""
        return self._render("problem.html", visit, {"status": status, "why": why, "back": back}, status)

    def _render(
        self, template: str, visit: Visit, context: dict[str, Any], status: HTTPStatus = HTTPStatus.OK
    ) -> Response:
        content = self._environment.get_template(template).render(
            visit=visit,
            now=visit.now,
            sections=sections_for(visit.operator, self._permissions),
            **context,
        )
        return Response(content, status_code=status, media_type="text/html", headers=HEADERS)


def _back(visit: Visit) -> str:
    """Return the page within the bridge that a form names to go back to; this page where it names none."""
    back = visit.form.get("back", "")
    return back if back.startswith("/") and not back.startswith(("//", "/\\")) else visit.path


def _status(error: BridgeError) -> HTTPStatus:
    match error:
        case NotFoundError():
            return HTTPStatus.NOT_FOUND
        case UnreadableFilterError():
            return HTTPStatus.BAD_REQUEST
        case _:
            return HTTPStatus.CONFLICT


def _say(status: HTTPStatus, text: str) -> Response:
    return PlainTextResponse(text, status_code=status, headers=HEADERS)
