"""HTTP as uvicorn speaks it, but for what goes out: an answer's head and body together."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Protocol(HttpToolsProtocol):
    """uvicorn's own, over a transport that does not send an answer's head by itself."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to serve a connection."""
        super().connection_made(cast("asyncio.Transport", _Together(transport, self.loop)))


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
