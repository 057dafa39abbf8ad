"""HTTP as uvicorn speaks it, but for two things that take it longer than they need to.

An answer's head and body go out together, and one timer watches a connection for as long as it is open.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Protocol(HttpToolsProtocol):
    """uvicorn's own, over a transport that does not send an answer's head by itself."""

    _idle_since: float | None = None
    """When the last answer was made, by the event loop's clock; ``None`` while a request is read or answered."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to serve a connection."""
        super().connection_made(cast("asyncio.Transport", _Together(transport, self.loop)))

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection."""
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None

    def on_response_complete(self) -> None:
        """Go on with the next request that is here, or wait for one.

        uvicorn makes a timer after each answer and undoes it at the next request. Here the first one
        stays, and looks when the last answer was made.
        """
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._look_in(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if nobody has asked for long enough."""
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return  # the answer to what is under way sets the next timer
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._look_in(left)
        else:
            super().timeout_keep_alive_handler()

    def _unset_keepalive_if_required(self) -> None:
        """Note that the connection is in use: uvicorn says so whenever something arrives."""
        self._idle_since = None

    def _look_in(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)


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
