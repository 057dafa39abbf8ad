"""What goes out over a connection, and in how many pieces."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from scimbridge.wire import Protocol

CLOSED = b"closed"


class Recorder(asyncio.Transport):
    """A connection that keeps what is sent, piece by piece; several may keep it together."""

    def __init__(self, sent: list[bytes] | None = None) -> None:
        super().__init__()
        self.sent: list[bytes] = [] if sent is None else sent

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.sent.append(CLOSED)

    def is_closing(self) -> bool:
        return CLOSED in self.sent

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


def sent(request: bytes) -> list[bytes]:
    """Return the pieces in which a request is answered."""

    async def answer() -> list[bytes]:
        config = uvicorn.Config(PlainTextResponse("well said"), lifespan="off", log_config=None)
        config.load()
        protocol = Protocol(config=config, server_state=ServerState(), app_state={})
        connection = Recorder()
        protocol.connection_made(connection)
        protocol.data_received(request)
        while not connection.sent:
            await asyncio.sleep(0)
        pieces = list(connection.sent)
        protocol.connection_lost(None)
        return pieces

    return asyncio.run(answer())


def test_head_and_body_go_out_together() -> None:
    (answer,) = sent(b"GET / HTTP/1.1\r\nHost: bridge.example.com\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nwell said")


def test_what_is_answered_in_one_turn_goes_out_after_all_of_it_was_made() -> None:
    order: list[bytes] = []

    async def answer_two() -> None:
        together = asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await together.wait()
            order.append(b"made")
            await PlainTextResponse("well said")(scope, receive, send)

        config = uvicorn.Config(app, lifespan="off", log_config=None)
        config.load()
        state = ServerState()
        for _ in range(2):
            protocol = Protocol(config=config, server_state=state, app_state={})
            protocol.connection_made(Recorder(order))
            protocol.data_received(b"GET / HTTP/1.1\r\nHost: bridge.example.com\r\n\r\n")
        await asyncio.sleep(0)
        together.set()
        await asyncio.gather(*state.tasks)
        await asyncio.sleep(0)
        for connection in list(state.connections):
            connection.connection_lost(None)

    asyncio.run(answer_two())

    assert [piece if piece == b"made" else piece[:8] for piece in order[:4]] == [
        b"made",
        b"made",
        b"HTTP/1.1",
        b"HTTP/1.1",
    ]


def test_what_was_written_goes_out_before_the_connection_is_closed() -> None:
    answer, end = sent(b"GET / HTTP/1.1\r\nHost: bridge.example.com\r\nConnection: close\r\n\r\n")

    assert answer.endswith(b"\r\n\r\nwell said")
    assert end == CLOSED


def test_what_is_no_http_is_refused_and_the_connection_closed() -> None:
    answer, end = sent(b"\x16\x03\x01\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert end == CLOSED
