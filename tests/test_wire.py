"""What goes out over a connection, and in how many pieces."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
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
        self.is_read = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.sent.append(CLOSED)

    def is_closing(self) -> bool:
        return CLOSED in self.sent

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True

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


class Timer:
    """A timer that rings when a test says so."""

    def __init__(self, at: float, ring: Callable[[], None]) -> None:
        self.at = at
        self.ring = ring
        self.is_canceled = False

    def cancel(self) -> None:
        self.is_canceled = True


class SlowLoop:
    """An event loop whose clock stands still but when a test moves it."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.now = 0.0
        self.timers: list[Timer] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loop, name)

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, ring: Callable[[], None]) -> Timer:
        self.timers.append(Timer(self.now + seconds, ring))
        return self.timers[-1]

    def move_to(self, now: float) -> None:
        self.now = now
        for timer in [each for each in self.timers if each.at <= now and not each.is_canceled]:
            self.timers.remove(timer)
            timer.ring()


REQUEST = b"GET / HTTP/1.1\r\nHost: bridge.example.com\r\n\r\n"


class Conversation:
    """A client's connection that is given up after five seconds without a request."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.loop = SlowLoop()
        self.connection = Recorder()
        config = uvicorn.Config(self._app, interface="asgi3", lifespan="off", log_config=None, timeout_keep_alive=5)
        config.load()
        self.state = ServerState()
        self.protocol = Protocol(config=config, server_state=self.state, app_state={}, _loop=self.loop)  # type: ignore[arg-type]
        self.protocol.connection_made(self.connection)

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.may_answer.wait()
        await PlainTextResponse("well said")(scope, receive, send)

    async def ask(self) -> None:
        self.protocol.data_received(REQUEST)
        await self.rest()

    async def rest(self) -> None:
        await asyncio.gather(*self.state.tasks)
        await asyncio.sleep(0)


def converse(talk: Callable[[Conversation], Awaitable[None]]) -> list[bytes]:
    """Return what was sent to a client that talks in a certain way."""

    async def run() -> list[bytes]:
        conversation = Conversation()
        await talk(conversation)
        pieces = list(conversation.connection.sent)
        conversation.protocol.connection_lost(None)
        assert all(timer.is_canceled for timer in conversation.loop.timers), "a timer outlived its connection"
        return pieces

    return asyncio.run(run())


def test_a_connection_that_nobody_uses_is_closed() -> None:
    async def talk(client: Conversation) -> None:
        await client.ask()
        client.loop.move_to(4.9)
        assert CLOSED not in client.connection.sent
        client.loop.move_to(5.0)

    assert converse(talk)[-1] == CLOSED


def test_the_time_without_a_request_is_counted_from_the_last_answer_and_by_one_timer() -> None:
    async def talk(client: Conversation) -> None:
        for second in range(4):
            client.loop.move_to(second)
            await client.ask()
        assert len(client.loop.timers) == 1
        client.loop.move_to(7.9)
        assert CLOSED not in client.connection.sent
        client.loop.move_to(8.0)

    assert converse(talk)[-1] == CLOSED


def test_a_connection_is_not_closed_while_a_request_is_answered_and_watched_again_afterwards() -> None:
    async def talk(client: Conversation) -> None:
        await client.ask()
        client.may_answer.clear()
        client.protocol.data_received(REQUEST)
        client.loop.move_to(60.0)
        assert CLOSED not in client.connection.sent
        client.may_answer.set()
        await client.rest()
        client.loop.move_to(64.9)
        assert CLOSED not in client.connection.sent
        client.loop.move_to(65.0)

    assert converse(talk)[-1] == CLOSED


def test_requests_that_were_sent_at_once_are_answered_in_turn_and_the_connection_is_watched_afterwards() -> None:
    async def talk(client: Conversation) -> None:
        client.protocol.data_received(REQUEST + REQUEST)
        await client.rest()
        await client.rest()
        assert sum(piece.endswith(b"well said") for piece in client.connection.sent) == 2
        assert client.connection.is_read
        client.loop.move_to(5.0)

    assert converse(talk)[-1] == CLOSED


def test_what_follows_a_long_body_that_nobody_has_read_is_read_again() -> None:
    head = b"POST / HTTP/1.1\r\nHost: bridge.example.com\r\nContent-Length: 100000\r\n\r\n"
    body = b"x" * 100_000

    async def talk(client: Conversation) -> None:
        client.protocol.data_received(head + body)
        assert not client.connection.is_read
        await client.rest()
        assert client.connection.is_read

    converse(talk)


def test_a_connection_that_a_client_has_closed_is_watched_no_longer() -> None:
    async def talk(client: Conversation) -> None:
        await client.ask()
        (timer,) = client.loop.timers
        client.protocol.connection_lost(None)
        assert timer.is_canceled

    converse(talk)
