"""The connections of an HTTP client: a deadline for a whole exchange, and addresses that are refused.

The HTTP library's timeouts are per read: a target that sends one byte of its
headers now and then keeps a thread for hours, and nothing can interrupt it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from ssl import SSLContext
from typing import Any

import httpcore
import httpx

from scimbridge.sdk.addresses import resolve


class Deadline(threading.local):
    """When the exchange of this thread must be over, in seconds of the monotonic clock."""

    at: float | None = None

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic

    @contextmanager
    def until(self, at: float) -> Iterator[None]:
        """Bound all that this thread waits for."""
        self.at = at
        try:
            yield
        finally:
            self.at = None

    @property
    def has_passed(self) -> bool:
        """Whether nothing is left."""
        return self.at is not None and self.at <= self._monotonic()

    def bound(self, timeout: float | None) -> float | None:
        """Return the timeout, or what is left until the deadline where that is less.

        Raises:
            httpcore.ReadTimeout: Nothing is left.
        """
        if self.at is None:
            return timeout
        left = self.at - self._monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the deadline of the whole call has passed")
        return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.bound(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.bound(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.SyncBackend):
    def __init__(self, deadline: Deadline, *, allow_link_local: bool) -> None:
        self._deadline = deadline
        self._allow_link_local = allow_link_local

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *args: Any, **kwargs: Any
    ) -> httpcore.NetworkStream:
        """Connect to the first address of the host that answers, looked up once; certificates are for its name."""
        try:
            addresses = resolve(host, port, allow_link_local=self._allow_link_local)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        *others, last = addresses
        for address in others:
            try:
                return self._connect(address, port, timeout, *args, **kwargs)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if self._deadline.has_passed:
                    raise
        return self._connect(last, port, timeout, *args, **kwargs)

    def _connect(
        self, address: str, port: int, timeout: float | None, *args: Any, **kwargs: Any
    ) -> httpcore.NetworkStream:
        bounded = self._deadline.bound(timeout)
        return _Stream(super().connect_tcp(address, port, bounded, *args, **kwargs), self._deadline)


def bind(client: httpx.Client, deadline: Deadline, *, allow_link_local: bool = False) -> None:
    """Make a client's connections, those through proxies included, obey the deadline, and lead nowhere forbidden.

    The library takes a network backend only from those who build its transports
    themselves, and loses the proxies of the environment then. A test with a dripping
    server notices should the private names below change.
    """
    for transport in _transports(client):
        transport._pool._network_backend = _Backend(deadline, allow_link_local=allow_link_local)


def _transports(client: httpx.Client) -> Iterable[httpx.HTTPTransport]:
    found = (client._transport, *client._mounts.values())
    return [transport for transport in found if isinstance(transport, httpx.HTTPTransport)]
