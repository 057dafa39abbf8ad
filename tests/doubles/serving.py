"""A double behind a port of the loopback."""

from __future__ import annotations

import json
import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as it came in.

    Attributes:
        path: Without the query; what is quoted is still quoted, since a slash may be part of a key.
        query: All values by name.
        headers: By lower-case name.
    """

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def writes(self) -> bool:
        """Whether it may change something."""
        return self.method not in READING

    def one(self, name: str) -> str | None:
        """Return the last value of a name in the query."""
        values = self.query.get(name)
        return values[-1] if values else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is sent back; ``body`` as JSON unless it is bytes already."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        """The body as bytes."""
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(slots=True)
class Fault:
    """Misbehavior of a double, for the next so many calls that it is meant for.

    Attributes:
        answer: Sent instead of the right one; without it, the connection is reset.
        times: For how many calls.
        is_meant: Which calls.
        is_late: The call is carried out, and its answer is lost.
    """

    answer: Answer | None = None
    times: int = 1
    is_meant: Callable[[Asked], bool] = lambda _: True
    is_late: bool = False


class Double(ABC):
    """A service that notes what it is asked.

    Attributes:
        calls: All requests, in order, but for those of tokens.
        faults: Tried in order; each wears off.
        succeeded: How many of them were answered with 2xx; a batch is one.
        carried_out: Writing requests that were, also those whose answer was lost.
        bugs: What went wrong in the double itself; a test that meets one fails.
    """

    def __init__(self) -> None:
        self.calls: list[Asked] = []
        self.succeeded = 0
        self.carried_out: list[Asked] = []
        self.bugs: list[Exception] = []
        self.faults: list[Fault] = []
        self._lock = threading.RLock()

    @abstractmethod
    def answer(self, asked: Asked) -> Answer:
        """Answer as the vendor would."""

    @abstractmethod
    def is_of_tokens(self, asked: Asked) -> bool:
        """Whether a request asks for a token."""

    def writes(self) -> int:
        """Return how many writing requests came in, effective or not."""
        return sum(asked.writes for asked in self.calls)

    def handle(self, asked: Asked) -> Answer | None:
        """Return the answer, or ``None`` where the connection breaks instead."""
        with self._lock:
            if not self.is_of_tokens(asked):
                self.calls.append(asked)
            fault = self._fault_for(asked)
            if fault is not None and not fault.is_late:
                return fault.answer
            answer = self.answer(asked)
            self.succeeded += not self.is_of_tokens(asked) and answer.status // 100 == 2
            self.note(asked, answer)
            return answer if fault is None else fault.answer

    def note(self, asked: Asked, answer: Answer) -> None:
        """Keep what was carried out."""
        if asked.writes and not self.is_of_tokens(asked) and answer.status // 100 == 2:
            self.carried_out.append(asked)

    def _fault_for(self, asked: Asked) -> Fault | None:
        for fault in self.faults:
            if fault.times > 0 and fault.is_meant(asked):
                fault.times -= 1
                return fault
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, double: Double) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.double = double


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # An answer goes out in two pieces; without this the second waits for the first one's receipt.
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        asked = Asked(
            method=self.command,
            path=parts.path,
            query=parse_qs(parts.query, keep_blank_values=True),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("content-length") or 0)),
        )
        answer = self._answer(asked)
        if answer is None:
            self._reset()
        else:
            self._send(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815  # as the library calls them

    def _answer(self, asked: Asked) -> Answer | None:
        try:
            return self.server.double.handle(asked)
        except Exception as error:  # noqa: BLE001  # kept, and raised in the test's own thread
            self.server.double.bugs.append(error)
            return Answer(status=500)

    def _send(self, answer: Answer) -> None:
        content = answer.content
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status == 204:
            self.end_headers()
            return
        if "Content-Type" not in answer.headers:
            self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _reset(self) -> None:
        # To linger for no seconds makes the kernel send a reset instead of a farewell.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def running(double: Double) -> Iterator[str]:
    """Run a double; yields its address, without a slash at the end.

    Raises:
        Exception: What went wrong in the double itself meanwhile.
    """
    server = _Server(double)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    if double.bugs:
        raise double.bugs[0]


def plain(key: str) -> str:
    """Return a part of a path as it was before it was quoted."""
    return unquote(key)
