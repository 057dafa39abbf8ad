"""HTTP as uvicorn speaks it, but for what takes most of the time of a short request.

An answer's head and body go out together, and a request that can be answered without a task is.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any, cast

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from scimbridge.scim.express import LONGEST, Express, Headers

_METHODS = {"PATCH"}
"""What is asked about at all."""


class Protocol(HttpToolsProtocol):
    """uvicorn's own, for an application that may have a method ``express``.

    What that one answers has no task, and awaits nothing: each layer that does takes as long as its own work.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._express: Express | None = getattr(self.app, "express", None)
        self._held: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to serve a connection."""
        super().connection_made(cast("asyncio.Transport", _Together(transport, self.loop)))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        # Who does not read answers, or asks whether to send the body, needs the application's patience. A request
        # that waited for the one before it has come whole already.
        is_coming = cycle is self.cycle and cycle.more_body and not self.expect_100_continue
        may_hold = self._express is not None and app is self.app and cycle.scope["method"] in _METHODS
        if may_hold and is_coming and not self.flow.write_paused:
            self._held = cycle
        else:
            super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        """Take a part of a request's body."""
        super().on_body(body)
        if self._held is not None and len(self._held.body) > LONGEST:
            self._let_go()

    def on_message_complete(self) -> None:
        """Take note that a request has come whole."""
        super().on_message_complete()
        held = self._held
        if held is None or self._express is None:
            return
        is_taken = False
        # What breaks here breaks in the application once more, and is told there.
        with suppress(Exception):
            is_taken = self._express(cast("Scope", held.scope), bytes(held.body), partial(self._answered, held))
        if is_taken:
            self._held = None
        else:
            self._let_go()

    def _let_go(self) -> None:
        cycle, self._held = self._held, None
        if cycle is not None:
            super()._start_asgi_task(cycle, self.app)

    def _answered(self, cycle: RequestResponseCycle, status: int, headers: Headers, body: bytes) -> None:
        """Send an answer, and go on as uvicorn does after one."""
        if cycle.disconnected:
            return
        cycle.response_started = cycle.response_complete = True
        lines = [b"%s: %s\r\n" % header for header in (*cycle.default_headers, *headers)]
        if not cycle.keep_alive:
            lines.append(b"connection: close\r\n")
        self.transport.write(b"".join((STATUS_LINE[status], *lines, b"\r\n", body)))
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()


class _Together:
    """A transport that sends what is written in one turn of the event loop together, in the next one.

    uvicorn writes an answer's head and its body one after the other. Each way into the kernel wakes whoever
    reads, and takes as long as reading the request did. Those who are answered by the same commit are
    answered in one turn: what is sent to them goes out at one go, so that a client that serves several wakes once.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self.is_closing = transport.is_closing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send something in the next turn of the event loop."""
        if not self._held:
            self._loop.call_soon(self._let_go)
        self._held.append(data)

    def close(self) -> None:
        """Close the connection, after all that was written."""
        self._let_go()
        self._transport.close()

    def _let_go(self) -> None:
        if self._held:
            data = b"".join(self._held)
            self._held.clear()
            self._transport.write(data)
