"""The SCIM service provider as an ASGI application, to be mounted at its base addresses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from scimbridge import telemetry
from scimbridge.domain.source import Profiles
from scimbridge.errors import NotFoundError
from scimbridge.scim.admission.gate import Gate
from scimbridge.scim.authentication import SOURCE, Authentication
from scimbridge.scim.base import BASE, PREFIX
from scimbridge.scim.body import MOST_ENTRIES, most_entries, parsed, read_bytes, text_of
from scimbridge.scim.bulk import Bulk
from scimbridge.scim.call import PLAUSIBLE_ID, Call
from scimbridge.scim.discovery import Discovery
from scimbridge.scim.errors import verdict_on
from scimbridge.scim.fast import FastPath
from scimbridge.scim.groups import Groups
from scimbridge.scim.me import me
from scimbridge.scim.reading import NoteQuirks
from scimbridge.scim.rendering import Rendering
from scimbridge.scim.schemes import UNCONFIGURED, Schemes
from scimbridge.scim.search import Search, single_values
from scimbridge.scim.users import Users
from scimbridge.services.group_intake import GroupIntake
from scimbridge.services.intake import Intake
from scimbridge.services.lookup import Lookup

MAX_BODY = 1024 * 1024
"""Bytes of a body, unless the installation says otherwise."""

MAX_BULK_BODY = 4 * MAX_BODY
"""Bytes of the body of a bulk request, unless the installation says otherwise."""

NO_PROFILES = Profiles()
"""Every source has the defaults."""

Handler = Callable[[Call], Response]
UrlTable = Mapping[str, Mapping[str, Handler]]
MethodsAt = Callable[[Scope], Mapping[str, Handler]]
"""Returns the handlers of an address, by method, for the base under which a request came."""

BULK = "/Bulk"
SEARCH = "/.search"
ME = "/Me"

_WRITES = {"POST", "PUT", "PATCH", "DELETE"}
_WITH_BODY = {"POST", "PUT", "PATCH"}
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def build_app(
    *,
    intake: Intake,
    group_intake: GroupIntake,
    lookup: Lookup,
    gate: Gate,
    public_url: str,
    clock: Callable[[], datetime],
    max_body: int = MAX_BODY,
    schemes: Schemes = UNCONFIGURED,
    max_bulk_body: int = MAX_BULK_BODY,
    documentation_url: str | None = None,
    profiles: Profiles = NO_PROFILES,
    note_quirks: NoteQuirks = lambda _source, _names, _now: None,
) -> ASGIApp:
    """Return the application.

    Args:
        intake: Takes what is written about Users.
        group_intake: Takes what is written about Groups.
        lookup: Finds what is read.
        gate: Knows which source a request is of.
        public_url: The address under which clients reach the server, e.g. ``https://bridge.example.com``;
            ``meta.location`` is made of it, and not of what a request claims.
        clock: The current time (UTC).
        max_body: Bytes of a request's body; more is answered 413.
        max_bulk_body: Bytes of a bulk request's body.
        documentation_url: What is announced as ``documentationUri``, if anything.
        profiles: How each source is read.
        schemes: How a source can show who it is.
        note_quirks: Counts what a source writes in a way of its own.
    """
    usual = f"{public_url.rstrip('/')}{PREFIX}"

    @lru_cache(maxsize=64)
    def handlers(base: str) -> UrlTable:
        # One table for each base address: what it answers holds addresses below it.
        rendering = Rendering(base)
        discovery = Discovery(base, schemes, max_bulk_body, documentation_url)
        table = _url_table(
            Users(intake, lookup, rendering),
            Groups(group_intake, lookup, rendering),
            Search(lookup, rendering),
            discovery,
        )
        return {**table, BULK: {"POST": Bulk(table, intake, base, clock).run}}

    def methods_at(path: str) -> MethodsAt:
        return lambda scope: handlers(scope.get(BASE, usual))[path]

    # The operations of a bulk request are read one by one, each with what it costs: its entries stay as few.
    sizes = {BULK: (max_bulk_body, MOST_ENTRIES)}
    usual_size = (max_body, most_entries(max_body))
    handling = Starlette(
        routes=[
            *(
                _Endpoint(methods_at(path), intake, clock, sizes.get(path, usual_size), profiles, note_quirks).route(
                    path, methods
                )
                for path, methods in handlers(usual).items()
            ),
            Route(ME, me, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ],
        exception_handlers={HTTPException: _framework_error},
    )
    # Before the framework and not within it: what is sent most does not need it.
    fast = FastPath(handling, intake=intake, base=usual, clock=clock, note_quirks=note_quirks)
    return _TrailingSlash(Authentication(fast, gate))


def _url_table(users: Users, groups: Groups, search: Search, discovery: Discovery) -> UrlTable:
    return {
        "/": {"GET": search.root},
        SEARCH: {"POST": search.everything},
        f"/Users{SEARCH}": {"POST": search.users},
        f"/Groups{SEARCH}": {"POST": search.groups},
        "/Users": {"GET": users.find, "POST": users.create},
        "/Users/{id}": {"GET": users.read, "PUT": users.replace, "PATCH": users.patch, "DELETE": users.delete},
        "/Groups": {"GET": groups.find, "POST": groups.create},
        "/Groups/{id}": {"GET": groups.read, "PUT": groups.replace, "PATCH": groups.patch, "DELETE": groups.delete},
        "/ServiceProviderConfig": {"GET": discovery.config},
        "/ResourceTypes": {"GET": discovery.resource_types},
        "/ResourceTypes/{id}": {"GET": discovery.resource_type},
        "/Schemas": {"GET": discovery.schemas},
        "/Schemas/{id}": {"GET": discovery.schema},
    }


class _Endpoint:
    """One address: reads the body, runs the handler in a thread, and turns errors into answers."""

    def __init__(
        self,
        methods: MethodsAt,
        intake: Intake,
        clock: Callable[[], datetime],
        size: tuple[int, int],
        profiles: Profiles,
        note_quirks: NoteQuirks,
    ) -> None:
        self._note_quirks = note_quirks
        self._profiles = profiles
        self._methods = methods
        self._intake = intake
        self._clock = clock
        self._max_body, self._most_entries = size

    def route(self, path: str, methods: Iterable[str]) -> Route:
        """Return the route of this address."""
        # What could be taken for the address of a resource called ".search" answers for every verb.
        return Route(path, self._answer, methods=_METHODS if path.endswith(SEARCH) else list(methods))

    async def _answer(self, request: Request) -> Response:
        started = time.perf_counter()
        text: str | Exception = ""
        if request.method in _WITH_BODY:
            try:
                text = text_of(await read_bytes(request, self._max_body))
            except ClientDisconnect:
                raise  # nobody is left to be answered, and nothing was asked
            except Exception as error:  # noqa: BLE001 - answered, and recorded, with the others
                text = error
        response = await run_in_threadpool(self._handled, request, text)
        if request.method == "HEAD":
            # The headers of the GET but for the length (RFC 9110 §9.3.2): what would be long in the body was not read.
            response = Response(status_code=response.status_code, headers=response.headers)
            del response.headers["Content-Length"]
        spent = time.perf_counter() - started
        telemetry.note_scim_request(request.scope[SOURCE], request.method, response.status_code, spent)
        return response

    def _handled(self, request: Request, text: str | Exception) -> Response:
        call = self._call(request)
        response = self._answered(call, request, text)
        self._note_quirks(call.source, call.reading.names(), call.now)
        return response

    def _answered(self, call: Call, request: Request, text: str | Exception) -> Response:
        try:
            handler = self._handler(request)
            if isinstance(text, Exception):
                raise text
            call.query = single_values(request.scope["query_string"])
            if request.method in _WITH_BODY:
                call.body, call.text = parsed(text, self._most_entries), text
            _require_plausible_id(request)
            return handler(call)
        except Exception as error:  # noqa: BLE001 - the edge: every error becomes an answer
            return self._refused(call, error)

    def _handler(self, request: Request) -> Handler:
        methods = self._methods(request.scope)
        found = methods.get("GET" if request.method == "HEAD" else request.method)
        if found is None:
            raise HTTPException(405, headers={"Allow": ", ".join(methods)})
        return found

    def _refused(self, call: Call, error: Exception) -> Response:
        verdict = verdict_on(error)
        # A store that is in trouble is not asked to record it. A search is a read.
        if call.method in _WRITES and not call.path.endswith(SEARCH) and verdict.status < 500:
            self._intake.refuse(call.received, verdict.status, verdict.detail, call.now)
        return verdict.response()

    def _call(self, request: Request) -> Call:
        return Call(
            source=request.scope[SOURCE],
            method=request.method,
            path=_shown_path(request),
            resource_id=request.path_params.get("id", ""),
            query={},
            conditions=_conditions(request),
            body={},
            now=self._clock(),
            profile=self._profiles.of(request.scope[SOURCE]),
        )


class _TrailingSlash:
    """Takes ``/Users/`` for ``/Users``, as PingFederate writes it; a redirect would lose the body of a POST.

    The root is the same with and without it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"].rstrip("/")
            if path == scope.get("root_path", ""):
                path = f"{path}/"
            if path != scope["path"]:
                scope = {**scope, "path": path}
        await self._app(scope, receive, send)


def _conditions(request: Request) -> dict[str, str]:
    """Return the headers with preconditions; several of a name mean the same as one (RFC 9110 §5.3)."""
    found = {name: request.headers.getlist(name) for name in ("if-match", "if-none-match")}
    return {name: ", ".join(values) for name, values in found.items() if values}


def _require_plausible_id(request: Request) -> None:
    resource_id = request.path_params.get("id")
    if resource_id is not None and not PLAUSIBLE_ID.fullmatch(resource_id):
        raise NotFoundError("resource", "")


def _shown_path(request: Request) -> str:
    """Return the path as it is kept: not everything that a client can write into an address."""
    resource_id = request.path_params.get("id")
    path = request.scope["route"].path if "route" in request.scope else request.url.path
    if resource_id is None:
        return str(path)
    return str(path).replace("{id}", resource_id if PLAUSIBLE_ID.fullmatch(resource_id) else "?")


async def _framework_error(_request: Request, error: Any) -> Response:
    return verdict_on(error).response()
