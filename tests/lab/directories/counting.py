"""A socket before a server's own, that counts the requests which would write, and can spoil them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum, auto
from pathlib import Path

from scimbridge.demo import ber

WRITING = {0x66: 0x67, 0x68: 0x69, 0x4A: 0x6B, 0x6C: 0x6D}
"""Tags of modify, add, delete and rename, each with that of its answer (RFC 4511 section 4.2 and on)."""


class Fault(Enum):
    """What can befall a request."""

    NONE = auto()
    """It passes."""

    LOST = auto()
    """Whoever sends it is hung up on, and it never comes to the server."""

    UNHEARD = auto()
    """It passes, and whoever sends it is hung up on before the answer."""


class CountingSocket:
    """Passes connections on, message by message.

    Attributes:
        writes: How many writing requests have passed.
        faults: What befalls the next ones, in turn; they pass when there is nothing more. A number is a result code,
            for what no server answers at request, such as that it is busy.
    """

    def __init__(self, path: Path, upstream: Path) -> None:
        self.writes = 0
        self.faults: Iterator[Fault | int] = iter(())
        self._unheard: set[socket.socket] = set()
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
            while octets := client.recv(65536):
                waiting += octets
                while (message := _first_message(waiting)) is not None:
                    waiting = waiting[len(message) :]
                    if _operation(message) in WRITING:
                        match next(self.faults, Fault.NONE):
                            case Fault.LOST:
                                _hang_up(client)
                                return
                            case Fault.UNHEARD:
                                self._unheard.add(client)
                            case int(code):
                                client.sendall(_refusal(message, code))
                                continue
                            case Fault.NONE:
                                pass
                        self.writes += 1
                    server.sendall(message)
        except OSError:
            pass  # one of the two has hung up
        finally:
            _hang_up(server)

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while (octets := server.recv(65536)) and client not in self._unheard:
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


def _refusal(message: bytes, code: int) -> bytes:
    number, operation, *_ = ber.decode(message).parts
    result = (ber.encode(ber.ENUMERATED, bytes((code,))), ber.encode(ber.STRING), ber.encode(ber.STRING))
    return ber.encode(ber.SEQUENCE, ber.encode(number.tag, number.content), ber.encode(WRITING[operation.tag], *result))


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
