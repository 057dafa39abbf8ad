"""One connection, one request at a time: what a request costs when nobody else asks."""

from __future__ import annotations

import json
import re
import socket
import time
from typing import Any, Self
from urllib.parse import quote, urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Wire:
    """A connection that stays open; requests are bytes made beforehand.

    Raises, in every method that asks:
        RuntimeError: The answer was no success.
    """

    def __init__(self, base_url: str, token: str) -> None:
        parts = urlsplit(base_url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._base = parts.path
        self._token = token
        self._socket = socket.create_connection(self._address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def request(self, method: str, path: str, body: Any = None) -> bytes:
        """Return a request as bytes; the path may hold spaces and quotes."""
        content = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {self._base}{quote(path, safe='/?=&')} HTTP/1.1\r\nHost: {self._address[0]}\r\n"
            f"Authorization: Bearer {self._token}\r\nContent-Type: application/scim+json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content

    def timed(self, request: bytes) -> tuple[float, bytes]:
        """Send a request; return the seconds until its whole answer was there, and the body."""
        started = time.perf_counter()
        self._socket.sendall(request)
        answer = self._socket.recv(1 << 20)
        while (end := answer.find(b"\r\n\r\n")) < 0:
            answer += self._received()
        length = _LENGTH.search(answer, 0, end)
        missing = end + 4 + (int(length[1]) if length else 0) - len(answer)
        pieces = [answer]
        while missing > 0:
            pieces.append(self._received())
            missing -= len(pieces[-1])
        spent = time.perf_counter() - started
        body = b"".join(pieces)[end + 4 :]
        if not answer.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(f"{answer[:12]!r} to {request[:200]!r}: {body[:300]!r}")
        return spent, body

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request and return its JSON, where it has one."""
        content = self.timed(self.request(method, path, body))[1]
        return json.loads(content) if content else None

    def _received(self) -> bytes:
        piece = self._socket.recv(1 << 20)
        if not piece:
            raise RuntimeError("the server closed the connection")
        return piece
