"""Connections that threads take turns with."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from scimbridge.sdk import Permit

IDLE_LIMIT = 60.0
"""Seconds after which an idle connection is tried before it is used; firewalls forget connections silently."""


class Link(ABC):
    """One connection, used by one thread at a time.

    Attributes:
        is_fresh: It has not been lent before.
        is_broken: A request went unanswered on it.
        used_at: When it was given back.
    """

    def __init__(self) -> None:
        self.is_fresh = True
        self.is_broken = False
        self.used_at = 0.0

    @abstractmethod
    def answers(self) -> bool:
        """Whether the other side still answers; asks it."""

    @abstractmethod
    def close(self) -> None:
        """End it. Never fails."""


LinkT = TypeVar("LinkT", bound=Link)


class Pool(Generic[LinkT]):
    """As many connections as threads are at work at once, made on demand and kept.

    Args:
        connect: Makes a connection.
        permit: Asked before a connection is tried.
        clock: Seconds that never go back.
    """

    def __init__(self, connect: Callable[[], LinkT], permit: Permit, clock: Callable[[], float]) -> None:
        self._connect = connect
        self._permit = permit
        self._clock = clock
        self._idle: list[LinkT] = []
        self._lock = threading.Lock()

    @contextmanager
    def link(self) -> Iterator[LinkT]:
        """Lend a connection, and keep it afterwards unless it broke."""
        link = self._usable_idle() or self._connect()
        try:
            yield link
        finally:
            if link.is_broken:
                link.close()
                self.close()  # a server that went away took the other connections with it
            else:
                self._keep(link)

    def close(self) -> None:
        """End all connections that are not lent."""
        with self._lock:
            links, self._idle = self._idle, []
        for link in links:
            link.close()

    def _keep(self, link: LinkT) -> None:
        link.used_at, link.is_fresh = self._clock(), False
        with self._lock:
            self._idle.append(link)

    def _usable_idle(self) -> LinkT | None:
        with self._lock:
            link = self._idle.pop() if self._idle else None
        if link is None or self._clock() - link.used_at <= IDLE_LIMIT or self._still_answers(link):
            return link
        link.close()
        return self._usable_idle()

    def _still_answers(self, link: LinkT) -> bool:
        self._permit(writes=False)
        return link.answers()
