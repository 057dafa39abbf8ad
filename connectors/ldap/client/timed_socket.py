"""A deadline for a whole answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


class TimedSocket:
    """A socket on which a whole answer has a deadline; by itself each of its pieces would have one."""

    def __init__(self, connected: Any, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._socket = connected
        self._seconds = seconds
        self._clock = clock
        self._due = clock() + seconds

    def sendall(self, octets: bytes) -> None:
        """Send a request; the time for its answer begins."""
        self._due = self._clock() + self._seconds
        self._socket.settimeout(self._seconds)
        self._socket.sendall(octets)

    def recv(self, size: int) -> bytes:
        """Return the next piece of the answer.

        Raises:
            TimeoutError: The answer is not complete in time.
        """
        left = self._due - self._clock()
        if left <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(left)
        received: bytes = self._socket.recv(size)
        return received

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)
