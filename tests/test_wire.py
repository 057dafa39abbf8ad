"""What goes out over a connection, and in how many pieces."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from scimbridge.wire import MOST_OF_A_HEAD, PATIENCE, Protocol

CLOSED = b"closed"
ABORTED = b"aborted"


class Recorder(asyncio.Transport):
    """A connection that keeps what is sent, piece by piece; several may keep it together.

    Attributes:
        untaken: Bytes of it that the kernel has not taken yet.
        socket: What the kernel keeps of it.
    """

    def __init__(self, sent: list[bytes] | None = None) -> None:
        super().__init__()
        self.sent: list[bytes] = [] if sent is None else sent
        self.is_read = True
        self.untaken = 0
        self.socket: socket.socket | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.is_closing():
            raise RuntimeError("the handler is closed")  # as uvloop has it
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.sent.append(CLOSED)

    def abort(self) -> None:
        self.sent.append(ABORTED)

    def get_write_buffer_size(self) -> int:
        return self.untaken

    def is_closing(self) -> bool:
        return CLOSED in self.sent

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.socket if name == "socket" else default


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
        # It has all of a loop that a protocol uses.
        self.protocol = Protocol(config=config, server_state=self.state, app_state={}, _loop=self.loop)  # type: ignore[arg-type]
        self.protocol.connection_made(self.connection)

    @property
    def idle_timers(self) -> list[Timer]:
        """The timers but the one that counts how long a request takes to be sent."""
        return [each for each in self.loop.timers if each.at % PATIENCE]

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.may_answer.wait()
        await PlainTextResponse("well said")(scope, receive, send)

    async def ask(self) -> None:
        self.protocol.data_received(REQUEST)
        await self.rest()

    async def rest(self) -> None:
        await asyncio.gather(*self.state.tasks)
        await asyncio.sleep(0)


def converse(talk: Callable[[Any], Awaitable[None]], kind: type[Conversation] = Conversation) -> list[bytes]:
    """Return what was sent to a client that talks in a certain way."""

    async def run() -> list[bytes]:
        conversation = kind()
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
        assert len(client.idle_timers) == 1
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
        (timer,) = client.idle_timers
        client.protocol.connection_lost(None)
        assert timer.is_canceled

    converse(talk)


class Leaver(Conversation):
    """A client that has closed the connection by the time that its answer would go out."""

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super()._app(scope, receive, send)
        self.connection.close()


def test_an_answer_to_somebody_who_has_just_left_is_dropped() -> None:
    faults: list[object] = []

    async def talk(client: Leaver) -> None:
        client.loop.set_exception_handler(lambda _, context: faults.append(context))
        await client.ask()

    assert converse(talk, Leaver) == [CLOSED]
    assert not faults


# -- what comes in ------------------------------------------------------------

GET = b"GET / HTTP/1.1\r\nHost: bridge.example.com\r\n"
POST = b"POST / HTTP/1.1\r\nHost: bridge.example.com\r\n"
BODY = POST + b"Content-Length: 5\r\n\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


class Listener(Conversation):
    """A connection whose requests are read to their end before they are answered."""

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        await super()._app(scope, receive, send)

    async def hear(self, piece: bytes) -> None:
        """Get something, and do all that can be done about it by now."""
        assert not self.is_left, "nobody listens any more"
        self.protocol.data_received(piece)
        for _ in range(20):
            await asyncio.sleep(0)

    @property
    def is_left(self) -> bool:
        return self.connection.is_closing()

    @property
    def answers(self) -> int:
        """How often a client was answered that is listened to still."""
        return 0 if self.is_left else b"".join(self.connection.sent).count(b"well said")


def listen(talk: Callable[[Listener], Awaitable[None]]) -> list[bytes]:
    """Return what was sent to a client that talks in a certain way."""
    return converse(talk, Listener)


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"GET /", b"x" * 1000),
        (GET + b"X-Name: ", b"x" * 1000),
        (GET, b"X-Name: x\r\n" * 100),
        (b"", b"\r\n" * 500),
        (CHUNKED + b"1\r\nx\r\n0\r\n", b"X-Trailer: x\r\n" * 100),
        (CHUNKED + b"1;", b"x" * 1000),
    ],
    ids=["address", "header", "headers", "empty lines", "trailers", "extension of a chunk"],
)
def test_what_goes_before_or_behind_a_body_has_an_end(begin: bytes, more: bytes) -> None:
    async def talk(client: Listener) -> None:
        await client.hear(begin)
        size = 0
        while not client.is_left:
            assert size <= MOST_OF_A_HEAD
            await client.hear(more)
            size += len(more)
        assert size > MOST_OF_A_HEAD - 2 * len(more)

    head, end = listen(talk)

    assert head == b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    assert end == CLOSED


def test_what_is_large_and_no_http_is_refused_once() -> None:
    async def talk(client: Listener) -> None:
        await client.hear(b"\x16" * 2 * MOST_OF_A_HEAD)

    head, _end = listen(talk)

    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_the_heads_of_many_requests_are_no_large_one() -> None:
    async def talk(client: Listener) -> None:
        for _ in range(20):
            await client.hear(GET + b"X-Name: " + b"x" * (MOST_OF_A_HEAD // 10) + b"\r\n\r\n")
        assert client.answers == 20

    listen(talk)


def test_a_body_in_small_pieces_is_as_long_as_it_likes() -> None:
    async def talk(client: Listener) -> None:
        await client.hear(CHUNKED)
        for _ in range(MOST_OF_A_HEAD // 5000):
            await client.hear(b"1\r\nx\r\n" * 1000)
        await client.hear(b"0\r\n\r\n")
        assert client.answers == 1

    listen(talk)


@pytest.mark.parametrize(
    ("pieces", "end"),
    [
        ({}, 120),
        ({0: GET}, 120),
        ({61: GET}, 180),
        ({0: BODY + b"{"}, 120),
        ({0: BODY, 50: b"{", 100: b" "}, 120),
        ({0: CHUNKED + b"1\r\n{\r\n"}, 120),
        ({0: REQUEST, 1: GET}, 120),
        ({0: REQUEST, 1: b"\r\n", 70: b"\r\n"}, 120),
    ],
    ids=["nothing", "head", "late head", "body", "drops", "chunks", "second head", "empty lines"],
)
def test_who_does_not_finish_a_request_is_not_listened_to_for_ever(pieces: dict[int, bytes], end: int) -> None:
    async def talk(client: Listener) -> None:
        for second in range(end):
            if second in pieces:
                await client.hear(pieces[second])
            client.loop.move_to(second)
        assert not client.is_left
        client.loop.move_to(end)

    assert listen(talk)[-1] == CLOSED


@pytest.mark.parametrize("minutes", [2, 3])
def test_who_sent_a_request_just_in_time_is_answered_and_listened_to_again(minutes: int) -> None:
    async def talk(client: Listener) -> None:
        client.may_answer.clear()
        await client.hear(BODY + b"{")
        client.loop.move_to(60)
        await client.hear(b"   }")
        for minute in range(2, minutes):
            client.loop.move_to(60 * minute)
        client.loop.move_to(60 * minutes - 1)
        client.may_answer.set()
        await client.rest()
        client.loop.move_to(60 * minutes)
        assert client.answers == 1

    listen(talk)


def test_who_waits_for_an_answer_may_wait_for_long() -> None:
    async def talk(client: Listener) -> None:
        client.may_answer.clear()
        # The end of the second one is not listened for before the first is answered.
        await client.hear(BODY + b"{   }" + BODY + b"{")
        for minute in range(5):
            client.loop.move_to(60 * minute)
        client.may_answer.set()
        await client.hear(b"")
        client.loop.move_to(300)
        await client.hear(b"   }")
        assert client.answers == 2

    listen(talk)


# -- what is not taken --------------------------------------------------------


class Stream(Conversation):
    """A connection with an answer that goes on whenever something is said."""

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.say = send
        await send({"type": "http.response.start", "status": 200, "headers": [(b"transfer-encoding", b"chunked")]})
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        await self.may_answer.wait()

    async def begin(self) -> None:
        """Ask for it, and get what is said at first."""
        self.may_answer.clear()
        self.protocol.data_received(REQUEST)
        for _ in range(20):
            await asyncio.sleep(0)

    async def end(self) -> None:
        self.may_answer.set()
        await self.rest()


def test_who_does_not_take_an_answer_is_given_up() -> None:
    async def talk(client: Conversation) -> None:
        client.connection.untaken = 1000
        await client.ask()
        for second in range(120):
            client.loop.move_to(second)
        assert ABORTED not in client.connection.sent
        client.loop.move_to(120)

    assert converse(talk)[-1] == ABORTED


def test_who_does_not_take_an_answer_is_given_up_whatever_else_they_send() -> None:
    async def talk(client: Listener) -> None:
        client.connection.untaken = 1000
        await client.hear(REQUEST + GET)
        for second in range(60, 181, 60):
            client.loop.move_to(second)

    sent = listen(talk)

    assert sent.count(CLOSED) == 1
    assert sent[-1] == ABORTED


def test_who_takes_an_answer_slowly_gets_all_of_it() -> None:
    async def talk(client: Conversation) -> None:
        await client.ask()
        for minute in range(60):
            client.connection.untaken = 100 - minute
            client.loop.move_to(60 * minute)

    assert ABORTED not in converse(talk)


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels do not tell how much they keep")
def test_who_takes_what_the_kernel_has_is_not_given_up_before_it_asks_for_more() -> None:
    ours, theirs = socket.socketpair()

    async def talk(client: Conversation) -> None:
        client.connection.untaken, client.connection.socket = 1000, ours
        for _ in range(6):
            ours.send(b"x")
        await client.ask()
        for minute in range(5):
            client.loop.move_to(60 * minute)
            theirs.recv(1)
        client.loop.move_to(60 * 5)
        assert ABORTED not in client.connection.sent
        client.loop.move_to(60 * 6)

    with ours, theirs:
        assert converse(talk)[-1] == ABORTED


def test_a_stream_may_be_silent_and_is_given_up_by_who_does_not_take_what_is_said() -> None:
    async def talk(client: Stream) -> None:
        await client.begin()
        for minute in range(10):
            client.loop.move_to(60 * minute)
        for minute in range(10, 20):
            # What comes is taken, and as much comes anew.
            await client.say({"type": "http.response.body", "body": b"x" * 100, "more_body": True})
            await asyncio.sleep(0)
            client.connection.untaken = 100
            client.loop.move_to(60 * minute)
        assert ABORTED not in client.connection.sent
        before = sum(map(len, client.connection.sent))
        await client.say({"type": "http.response.body", "body": b"x" * 100, "more_body": True})
        await asyncio.sleep(0)
        client.connection.untaken += sum(map(len, client.connection.sent)) - before
        client.loop.move_to(60 * 20)
        assert ABORTED in client.connection.sent
        await client.end()

    converse(talk, Stream)
