"""HTTP as uvicorn speaks it, but for two things that take it too long, and three that it lets anybody do.

An answer's head and body go out together, and one timer watches a connection for as long as nobody asks. What
strangers send, and how long they take to send it, is limited: nobody has to be let in to be listened to. An answer
that nobody takes is not kept for ever.
"""

from __future__ import annotations

import asyncio
import fcntl
import sys
import termios
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

MOST_OF_A_HEAD = 256 * 1024
"""Bytes of a request before its body, behind it, or between two pieces of it. uvicorn would keep them all, and the
parser's time for one header grows with the square of its length."""

PATIENCE = 60.0
"""Seconds that a client has at least, and twice as many at most, to send a request to its end, or to take something
of an answer that waits for it."""

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Protocol(HttpToolsProtocol):
    """uvicorn's own, over a transport that does not send an answer's head by itself."""

    _idle_since: float | None = None
    """When the last answer was made, by the event loop's clock; ``None`` while a request is read or answered."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to serve a connection."""
        self._out = _Together(transport, self.loop)
        super().connection_made(cast("asyncio.Transport", self._out))
        self._unread = 0
        self._taken: int | None = None
        self._has_time = True
        self._watch = self.loop.call_later(PATIENCE, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection."""
        super().connection_lost(exc)
        self._watch.cancel()
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None

    def data_received(self, data: bytes) -> None:
        """Read what has come, or refuse to go on."""
        self._unread += len(data)
        super().data_received(data)
        if self._unread > MOST_OF_A_HEAD and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        """Note that a request begins."""
        self._has_time = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that the head of a request is read."""
        self._unread = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Note that a piece of a body is read."""
        self._unread = 0
        super().on_body(body)

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

    def _look(self) -> None:
        """End the connection if since the look before no request has come to its end, or no answer was taken further.

        One that is closed is looked at further: it does not end before all of it is taken.
        """
        if self._is_untaken():
            self.transport.abort()
            return
        if self._is_listening and not self._has_time and not self.transport.is_closing():
            self.transport.close()
        self._has_time = not self._is_listening
        self._watch = self.loop.call_later(PATIENCE, self._look)

    def _is_untaken(self) -> bool:
        """Whether an answer waits for the client as it did at the look before."""
        before, waiting = self._taken, self._out.get_write_buffer_size()
        self._taken = self._out.written - waiting - _on_the_way(self._out) if waiting else None
        return self._taken is not None and self._taken == before

    @property
    def _is_listening(self) -> bool:
        """Whether a request has begun, or has to, and it is the client's turn."""
        if self._idle_since is not None or self.pipeline:
            return False
        cycle: RequestResponseCycle | None = self.cycle  # none before the first request, whatever uvicorn's types say
        return cycle is None or cycle.response_complete or cycle.more_body

    def _look_in(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)


def _on_the_way(transport: _Together) -> int:
    """Return how many bytes the kernel keeps until the client takes them; 0 where it does not tell.

    It keeps up to some megabytes, and asks for more when a third of them is gone: slow readers take minutes for that.
    """
    connection = transport.get_extra_info("socket")
    if connection is None or sys.platform != "linux":
        return 0
    return int.from_bytes(fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)


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
        self.written = 0
        """Bytes so far."""
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
            if not self._transport.is_closing():  # else the client has left since
                self.written += len(data)
                self._transport.write(data)
