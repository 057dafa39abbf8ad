"""What goes out over a connection, and in how many pieces."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from scimbridge.scim.express import LONGEST, Answer
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

    def pause_reading(self) -> None:
        """Every request is handed over at once."""

    def resume_reading(self) -> None:
        """Every request is handed over at once."""

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


PATCH = b"PATCH /%s HTTP/1.1\r\nHost: bridge.example.com\r\nContent-Length: 2\r\n%s\r\nhi"


class Quick:
    """Answers what is for ``/quick`` without a task, later, and all else with one."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive()).get("body", b"")
        await PlainTextResponse(b"task: " + body)(scope, receive, send)

    def express(self, scope: Scope, raw: bytes, answer: Answer) -> bool:
        if scope["path"] == "/broken":
            raise RuntimeError("broken")
        is_quick: bool = scope["path"] == "/quick"
        if is_quick:
            content = b"quick: " + raw
            headers = [(b"content-length", b"%d" % len(content))]
            asyncio.get_running_loop().call_soon(answer, 200, headers, content)
        return is_quick


def answers(*pieces: bytes, lost: bool = False) -> bytes:
    """Return all that is sent to a client that sends this."""

    async def answer() -> bytes:
        config = uvicorn.Config(Quick(), lifespan="off", log_config=None, proxy_headers=False)
        config.load()
        state = ServerState()
        protocol, connection = Protocol(config=config, server_state=state, app_state={}), Recorder()
        protocol.connection_made(connection)
        for piece in pieces:
            protocol.data_received(piece)
        if lost:
            protocol.connection_lost(None)
        for _ in range(20):
            await asyncio.sleep(0)
        said = b"".join(connection.sent)
        if not lost:
            protocol.connection_lost(None)
        return said

    return asyncio.run(answer())


def test_what_is_answered_without_a_task_looks_the_same() -> None:
    quick, task = answers(PATCH % (b"quick", b"")), answers(PATCH % (b"slow", b""))

    assert quick == b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nquick: hi"
    assert task.startswith(b"HTTP/1.1 200 OK\r\n")
    assert task.endswith(b"\r\n\r\ntask: hi")


def test_requests_that_come_together_are_answered_in_their_order() -> None:
    said = answers(b"".join(PATCH % (path, b"") for path in (b"quick", b"slow", b"quick", b"quick")))

    assert [line for line in said.split() if line in {b"quick:", b"task:"}] == [b"quick:", b"task:", b"task:", b"task:"]


def test_a_body_that_comes_in_parts_is_waited_for() -> None:
    whole = PATCH % (b"quick", b"")

    assert answers(whole[:-1], whole[-1:]).endswith(b"quick: hi")


def test_a_long_body_is_not_waited_for() -> None:
    head = b"PATCH /quick HTTP/1.1\r\nHost: bridge.example.com\r\nContent-Length: %d\r\n\r\n" % (2 * LONGEST)

    assert b"\r\n\r\ntask: hhh" in answers(head + b"h" * (LONGEST + 1))


def test_a_connection_is_closed_after_the_answer_where_the_client_says_so() -> None:
    said = answers(PATCH % (b"quick", b"Connection: close\r\n"))

    assert b"connection: close\r\n" in said
    assert said.endswith(b"quick: hi" + CLOSED)


def test_what_breaks_without_a_task_is_the_applications_affair() -> None:
    assert answers(PATCH % (b"broken", b"")).endswith(b"task: hi")


def test_nothing_is_sent_to_a_client_that_has_gone() -> None:
    assert answers(PATCH % (b"quick", b""), lost=True) in {b"", CLOSED}
