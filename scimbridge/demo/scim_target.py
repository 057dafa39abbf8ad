"""A sample target: scim2-server in memory, over real HTTP, with a log of what reached it and faults on demand.

Run as ``python -m scimbridge.demo.scim_target --port 0 --token TOKEN --log FILE``. It prints one line,
``listening http://127.0.0.1:PORT``, serves SCIM below ``/v2``, and ends on SIGTERM or when its parent dies.

``POST /_control`` (same token) with some of these keys makes it misbehave; the answer, like that of
``GET /_control``, is the settings that hold now:

- ``unavailable``: so many requests are answered 503,
- ``throttled``: after those, so many are answered 429, with ``retry_after`` as Retry-After,
- ``lost``: so many writes are done and answered 504, as if the answer had been lost on the way,
- ``lying``: writes are answered as if they were done, and change nothing,
- ``hanging``: nothing is answered until this is false again,
- ``holding``: nothing is written until this is false again; what only reads is answered,
- ``delay_ms``: every answer takes so much longer.

Each line of the log is one request: ``method``, ``path``, ``status``, ``effective`` (whether the
document, ``meta`` aside, is another one than before), ``user_name`` and ``active`` (afterwards).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import uvicorn
from scim2_models import NotFoundException, Patch, ResourceType, ScimProvider, UnauthorizedException
from scim2_server.applications.asgi import ASGIApplication, Receive, Scope, Send
from scim2_server.memory import AsyncInMemoryStorage
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.utils import (
    load_default_resource_types,
    load_default_schemas,
    load_default_service_provider_config,
)

CONTROL = "/_control"
_WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_PARENT_CHECK_SECONDS = 0.5
_ENDING_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong at the moment; see the module's docstring."""

    unavailable: int = 0
    throttled: int = 0
    retry_after: str = "1"
    lost: int = 0
    lying: bool = False
    hanging: bool = False
    holding: bool = False
    delay_ms: int = 0


class SampleTarget(ASGIApplication):
    """scim2-server behind a bearer token, with a log and faults.

    Args:
        token: The only token that is let in.
        record: Called with one entry per request, before it is answered.
        patch: Whether PATCH is announced and done.
    """

    def __init__(self, token: str, record: Callable[[dict[str, Any]], None], *, patch: bool = True) -> None:
        self.memory = AsyncInMemoryStorage()
        super().__init__(self.memory, _provider(patch=patch))
        self.faults = Faults()
        self._token = token
        self._record = record

    def check_auth(self, request: ScimRequest) -> None:
        """Let nobody in without the token."""
        if request.header("Authorization") != f"Bearer {self._token}":
            raise UnauthorizedException

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the control address, and SCIM everywhere else."""
        if scope["type"] == "http" and scope["path"] == CONTROL:
            request = await self.read_request(scope, receive)
            await self.send_response(self._control(request), send)
        else:
            await super().__call__(scope, receive, send)

    async def serve(self, request: ScimRequest) -> ScimResponse:
        """Answer as the faults have it, and log what happened."""
        await self._dawdle(writes=request.method in _WRITING)
        refusal = self._refusal()
        if refusal is not None:
            named = self._document(request)
            self._log(request, refusal, effective=False, before=named, after=named)
            return refusal
        return await self._serve_and_log(request)

    async def _serve_and_log(self, request: ScimRequest) -> ScimResponse:
        # Nothing below suspends this coroutine (the storage is in memory), so that before and after are exact.
        writes = request.method in _WRITING
        before = self._document(request)
        kept = self.memory.storage.resources if writes and self.faults.lying else None
        response = await super().serve(request)
        if kept is not None:
            self.memory.storage.resources = kept
        after = self._document(request) if writes else before
        effective = writes and kept is None and (response.status == HTTPStatus.CREATED or after != before)
        if effective and self.faults.lost:
            self.faults = replace(self.faults, lost=self.faults.lost - 1)
            response = _plain(HTTPStatus.GATEWAY_TIMEOUT)
        self._log(request, response, effective=effective, before=before, after=after)
        return response

    async def _dawdle(self, *, writes: bool) -> None:
        while self.faults.hanging or (writes and self.faults.holding):
            await asyncio.sleep(0.02)
        if self.faults.delay_ms:
            await asyncio.sleep(self.faults.delay_ms / 1000)

    def _refusal(self) -> ScimResponse | None:
        faults = self.faults
        if faults.unavailable:
            self.faults = replace(faults, unavailable=faults.unavailable - 1)
            return _plain(HTTPStatus.SERVICE_UNAVAILABLE)
        if faults.throttled:
            self.faults = replace(faults, throttled=faults.throttled - 1)
            return _plain(HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": faults.retry_after})
        return None

    def _control(self, request: ScimRequest) -> ScimResponse:
        try:
            self.check_auth(request)
            if request.method == "POST":
                self.faults = replace(self.faults, **json.loads(request.body))
        except UnauthorizedException:
            return _plain(HTTPStatus.UNAUTHORIZED)
        except (TypeError, ValueError):
            known = ", ".join(field.name for field in fields(Faults))
            return ScimResponse(HTTPStatus.BAD_REQUEST, {"detail": f"a JSON object with some of {known}"}, {})
        return ScimResponse(HTTPStatus.OK, asdict(self.faults), {"Content-Type": "application/json"})

    def _document(self, request: ScimRequest) -> dict[str, Any] | None:
        """Return the document that a request names, without ``meta``."""
        endpoint, _, resource_id = request.path.strip("/").partition("/")
        resource_type = self.service.get_resource_type_by_endpoint(endpoint)
        if resource_type is None:
            return None
        try:
            document: dict[str, Any] = self.memory.storage.get(resource_type, resource_id).model_dump()
        except NotFoundException:
            return None
        document.pop("meta", None)
        return document

    def _log(
        self,
        request: ScimRequest,
        response: ScimResponse,
        *,
        effective: bool,
        before: dict[str, Any] | None,
        after: dict[str, Any] | None,
    ) -> None:
        created = response.body if request.method == "POST" and isinstance(response.body, dict) else {}
        self._record(
            {
                "at": datetime.now(UTC).isoformat(),
                "method": request.method,
                "path": request.path,
                "status": int(response.status),
                "effective": effective,
                "user_name": (after or before or created).get("userName"),
                "active": (after or {}).get("active"),
            }
        )


def _provider(*, patch: bool) -> ScimProvider:
    config = load_default_service_provider_config()
    config.patch = Patch(supported=patch)
    types: list[ResourceType] = list(load_default_resource_types().values())
    return ScimProvider.from_discovery(load_default_schemas().values(), types, config=config)


def _plain(status: HTTPStatus, headers: dict[str, str] | None = None) -> ScimResponse:
    return ScimResponse(status, None, headers or {})


class _LogFile:
    """Appends one JSON line per request, whole and at once."""

    def __init__(self, path: Path | None) -> None:
        self._file = None if path is None else path.open("a", encoding="utf-8", buffering=1)

    def __call__(self, entry: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(entry) + "\n")


def _end_with(parent: int) -> None:
    """End this process once its parent is gone. A death signal would not do: it follows the parent's *thread*."""
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_ENDING_SECONDS)
    os._exit(0)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scimbridge.demo.scim_target", description="A SCIM service to try things on.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 for any free one")
    parser.add_argument("--token", required=True)
    parser.add_argument("--log", type=Path, help="a file for one JSON line per request")
    parser.add_argument("--no-patch", action="store_true", help="a service that cannot PATCH")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Serve until told to end."""
    parent = os.getppid()
    options = _parse(arguments)
    app = SampleTarget(options.token, _LogFile(options.log), patch=not options.no_patch)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((options.host, options.port))
    listener.listen(128)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    # From here on connections wait in the listener's queue: whoever reads this line can call at once.
    print(f"listening http://{options.host}:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
