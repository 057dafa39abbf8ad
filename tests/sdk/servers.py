"""Tiny servers that answer oddly, for what no well-behaved server does."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PEM = Path(__file__).parent / "loopback.pem"

Handler = Callable[[socket.socket], None]


@contextmanager
def serving(handle: Handler, *, tls: bool = False) -> Iterator[str]:
    """Hand every connection to ``handle`` in a thread of its own, and yield the address."""
    listener = socket.create_server(("127.0.0.1", 0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)

    def serve_one(connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) if tls else connection as stream:
                handle(stream)
        except OSError:
            pass  # the client has gone, as these tests want it to

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve_one, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def request_of(stream: socket.socket) -> bytes:
    """Read a request's headers."""
    received = b""
    while b"\r\n\r\n" not in received and (piece := stream.recv(4096)):
        received += piece
    return received


def answering(answer: bytes) -> Handler:
    """Return a handler that reads a request, sends these bytes, and hangs up."""

    def handle(stream: socket.socket) -> None:
        request_of(stream)
        stream.sendall(answer)

    return handle
