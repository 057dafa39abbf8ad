"""HTTP as a hostile client writes it: byte for byte, and in pieces."""

from __future__ import annotations

import http.client
import json
import select
import socket
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

JSON = "application/scim+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    content: bytes

    def json(self) -> Any:
        """The body."""
        return json.loads(self.content)


class Wire:
    """One connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, raw: bytes) -> None:
        """Send bytes; what nobody wants any more is lost without a word."""
        try:
            self._socket.sendall(raw)
        except (BrokenPipeError, ConnectionResetError):
            return

    @property
    def has_answer(self) -> bool:
        """Whether something has come back that was not read yet."""
        return bool(select.select([self._socket], [], [], 0)[0])

    def answer(self) -> Answer:
        """Wait for the answer."""
        response = http.client.HTTPResponse(self._socket)
        response.begin()
        return Answer(status=response.status, headers=response.msg, content=response.read())

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def written(method: str, path: str, headers: dict[str, str], content: bytes | None = None) -> bytes:
    """Return a request as it is sent."""
    lines = {"Host": "bridge.example.com", **headers}
    if content is not None:
        lines.setdefault("Content-Length", str(len(content)))
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + (content or b"")
