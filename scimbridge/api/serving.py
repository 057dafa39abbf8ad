"""Serving endpoints: let in, understand, do or repeat, answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from pydantic import BaseModel, ValidationError
from scim2_models import SCIMException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from scimbridge.api.admission import Admission
from scimbridge.api.endpoint import Call, Endpoint, Nothing
from scimbridge.api.problems import ProblemError, answer_to
from scimbridge.domain.operator import Operator
from scimbridge.scim.body import is_storable, parsed, read_bytes, text_of
from scimbridge.services.repeating import Begun

if TYPE_CHECKING:
    from scimbridge.bridge import Bridge

REPEATED = "Idempotency-Replayed"
KEY = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class Resource:
    """Answers one path, by the endpoints of its methods.

    Args:
        bridge: The parts.
        admission: Lets operators in.
        endpoints: Those of the path.
    """

    def __init__(self, bridge: Bridge, admission: Admission, endpoints: Sequence[Endpoint]) -> None:
        self._bridge = bridge
        self._admission = admission
        self._endpoints = {each.method: each for each in endpoints}

    @property
    def methods(self) -> list[str]:
        """What the path takes."""
        return sorted(self._endpoints)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, whatever becomes of it."""
        try:
            response = await self._answer(Request(scope, receive))
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - the edge: every error becomes an answer
            response = answer_to(error)
        # People are named, and secrets shown once: nothing on the way keeps it.
        response.headers["Cache-Control"] = "no-store"
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        endpoint = self._endpoint(request.method)
        operator = await self._admission.admit(request, endpoint.permission)
        raw = await _read(request, endpoint, self._bridge.settings.server.max_body)
        return await to_thread.run_sync(self._work, request, endpoint, operator, raw)

    def _endpoint(self, method: str) -> Endpoint:
        found = self._endpoints.get("GET" if method == "HEAD" else method)
        if found is None:
            allowed = ", ".join(self.methods)
            raise ProblemError(405, f"this address takes {allowed}", headers={"Allow": allowed})
        return found

    def _work(self, request: Request, endpoint: Endpoint, operator: Operator, raw: bytes) -> Response:
        call = self._understood(request, endpoint, operator, raw)
        key = request.headers.get(KEY)
        if not endpoint.acts or key is None:
            return _response(endpoint.answer(call))
        return self._once(call, endpoint, key, raw)

    def _understood(
        self, request: Request, endpoint: Endpoint, operator: Operator, raw: bytes
    ) -> Call[BaseModel, BaseModel]:
        path = {name: str(value) for name, value in request.path_params.items()}
        if not all(is_storable(value) for value in path.values()):
            raise ProblemError(404, "there is no such thing")
        return Call(
            bridge=self._bridge,
            operator=operator,
            now=self._bridge.clock(),
            path=path,
            query=_query(request, endpoint.asks),
            body=_body(endpoint, raw) if endpoint.has_body else Nothing(),
            request=request,
            is_let_in=lambda: self._admission.still_admits(request, endpoint.permission),
        )

    def _once(self, call: Call[BaseModel, BaseModel], endpoint: Endpoint, key: str, raw: bytes) -> Response:
        if not _KEY.fullmatch(key):
            raise ProblemError(400, f"{KEY} has 1 to 255 visible ASCII characters")
        asked = f"{endpoint.method} {call.request.url.path}?{call.request.url.query}\n".encode() + raw
        begun = self._bridge.repeating.begin(call.by, key, asked, call.now)
        if begun.answer is not None:
            return _again(begun.answer)
        try:
            response = _response(endpoint.answer(call))
        except BaseException:
            self._bridge.repeating.drop(begun)
            raise
        self._keep(begun, endpoint, response)
        return response

    def _keep(self, begun: Begun, endpoint: Endpoint, response: Response) -> None:
        # A secret is shown this once, and kept nowhere.
        answer = "" if endpoint.shows_secret else bytes(response.body).decode()
        self._bridge.repeating.end(begun, answer)


def _again(answer: str) -> Response:
    if not answer:
        raise ProblemError(409, "this was done already, and its secret was shown: revoke it, and make another one")
    return Response(answer, media_type="application/json", headers={REPEATED: "true"})


def _response(answer: Any) -> Response:
    if isinstance(answer, Response):
        return answer
    assert isinstance(answer, BaseModel)  # noqa: S101  # its annotation says so
    return Response(answer.model_dump_json(by_alias=True), media_type="application/json")


async def _read(request: Request, endpoint: Endpoint, limit: int) -> bytes:
    if not endpoint.has_body:
        return b""
    try:
        return await read_bytes(request, limit)
    except SCIMException as error:
        raise ProblemError(error.status, str(error.detail)) from error


def _body(endpoint: Endpoint, raw: bytes) -> BaseModel:
    try:
        text = text_of(raw)
        parsed(text)
    except SCIMException as error:
        raise ProblemError(error.status, str(error.detail)) from error
    with _understanding("the body"):
        return endpoint.takes.model_validate_json(text, strict=True)


def _query(request: Request, model: type[BaseModel]) -> BaseModel:
    given: dict[str, Any] = {}
    for name in request.query_params:
        values = request.query_params.getlist(name)
        given[name] = values if len(values) > 1 else values[0]
    with _understanding("the query"):
        return model.model_validate(given)


@contextmanager
def _understanding(what: str) -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        where = [
            {"at": ".".join(map(str, each["loc"])), "detail": each["msg"]}
            for each in error.errors(include_input=False, include_url=False, include_context=False)
        ]
        raise ProblemError(422, f"{what} cannot be understood", more={"errors": where}) from error
