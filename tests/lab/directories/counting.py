"""A socket before a server's own, that counts the requests which would write."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path

WRITING = frozenset({0x66, 0x68, 0x4A, 0x6C})
"""Tags of modify, add, delete and rename (RFC 4511 section 4.2 and on)."""


class CountingSocket:
    """Passes connections on, message by message.

    Attributes:
        writes: How many writing requests have passed.
        dies_before: The one that does not pass any more: whoever sends it is hung up on, once.
    """

    def __init__(self, path: Path, upstream: Path) -> None:
        self.writes = 0
        self.dies_before: int | None = None
        self._upstream = str(upstream)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._open = {self._listener}
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Hang up on everybody."""
        for each in list(self._open):
            _hang_up(each)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                self._open |= {client, server}
                server.connect(self._upstream)
                threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        """Serve a connection, and close both of its sockets: there are hundreds in a run, and files are limited."""
        answers = threading.Thread(target=self._answers, args=(server, client), daemon=True)
        answers.start()
        try:
            self._requests(client, server)
        finally:
            answers.join()
            for each in (client, server):
                each.close()
                self._open.discard(each)

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        waiting = b""
        try:
            while octets := self._received(client):
                waiting += octets
                while (message := _first_message(waiting)) is not None:
                    if _operation(message) in WRITING:
                        if self.writes == self.dies_before:
                            self.dies_before = None
                            _hang_up(client)
                            return
                        self.writes += 1
                    server.sendall(message)
                    waiting = waiting[len(message) :]
        finally:
            _hang_up(server)

    @staticmethod
    def _received(client: socket.socket) -> bytes:
        with suppress(OSError):
            return client.recv(65536)
        return b""

    @staticmethod
    def _answers(server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while octets := server.recv(65536):
                client.sendall(octets)
        _hang_up(client)


def _length(octets: bytes, at: int) -> tuple[int, int] | None:
    """Return the length of a BER element whose tag is at a place, and where its content begins."""
    if len(octets) < at + 2:
        return None
    first = octets[at + 1]
    if first < 0x80:
        return first, at + 2
    size = first & 0x7F
    if len(octets) < at + 2 + size:
        return None
    return int.from_bytes(octets[at + 2 : at + 2 + size], "big"), at + 2 + size


def _first_message(octets: bytes) -> bytes | None:
    head = _length(octets, 0)
    if head is None or len(octets) < head[0] + head[1]:
        return None
    return octets[: head[0] + head[1]]


def _operation(message: bytes) -> int:
    head = _length(message, 0)
    assert head is not None
    number = _length(message, head[1])
    assert number is not None
    return message[number[0] + number[1]]


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
