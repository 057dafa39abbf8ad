"""Networks that misbehave."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote


class Proxy:
    """Passes TCP connections on to a server, until told to swallow an answer.

    Attributes:
        port: Where it listens.
        swallows_next_answer: The next request reaches the server, and the client is cut off instead of answered.
    """

    def __init__(self, upstream: tuple[str, int] | str, host: str) -> None:
        self.swallows_next_answer = False
        self._upstream = upstream
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX if isinstance(self._upstream, str) else socket.AF_INET)
                self._open += [client, server]
                server.connect(self._upstream)
                threading.Thread(target=self._requests, args=(client, server), daemon=True).start()
                threading.Thread(target=self._answers, args=(client, server), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while octets := client.recv(65536):
                server.sendall(octets)
        _hang_up(server)

    def _answers(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while octets := server.recv(65536):
                if self.swallows_next_answer:
                    self.swallows_next_answer = False
                    break
                client.sendall(octets)
        _hang_up(client)


@contextmanager
def proxy_to(url: str, host: str = "127.0.0.1") -> Iterator[Proxy]:
    """Put a proxy before an ``ldapi://`` or loopback address."""
    scheme, _, place = url.partition("://")
    upstream: tuple[str, int] | str = unquote(place)
    if scheme != "ldapi":
        address, _, port = place.partition(":")
        upstream = (address, int(port))
    with closing(Proxy(upstream, host)) as proxy:
        yield proxy


@contextmanager
def silent_server() -> Iterator[int]:
    """Accept connections and never answer; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@contextmanager
def trickling_server() -> Iterator[int]:
    """Begin a long answer and send one octet of it now and then, for as long as the client listens."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def trickle() -> None:
            with suppress(OSError):
                client, _ = listener.accept()
                with client:
                    client.recv(4096)
                    client.sendall(b"\x30\x84\x00\x10\x00\x00")
                    while not ended.wait(0.2):
                        client.sendall(b"\x00")

        thread = threading.Thread(target=trickle, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        ended.set()
        thread.join()


def deep_folder(folder: Path) -> Path:
    """Return a folder whose path is too long for a socket in it."""
    return folder / ("deep" * 30)


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
