"""Where units of work wait for the thread that writes."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from scimbridge.store.unit import Unit

MOST = 256
"""Units in one transaction. They wait for each other, and other processes for all of them."""

PATIENCE = 0.003
"""Seconds that a unit may wait for others to share its commit, where there were others before."""

PATIENCE_FOR_EACH = 0.00025
"""Seconds for each of those who are waited for, where that is more: answering and asking takes a moment for each."""

MOST_PATIENCE = 0.02
"""Seconds that a unit may wait, however many others there were."""


class Inbox:
    """Units that wait for the one who takes them, and who is woken once for all that come together."""

    def __init__(self) -> None:
        self._units: deque[Unit[Any]] = deque()
        self._expected = 1
        self._wanted = 1
        # An event would do, and takes ten times as long.
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._units)

    def put(self, unit: Unit[Any]) -> None:
        """Add a unit; any thread may."""
        self._units.append(unit)
        if len(self._units) >= self._wanted:
            self._bell.put(None)

    def close(self) -> None:
        """Let the one who takes come to an end, after what is there already."""
        self._is_closed = True
        self._bell.put(None)

    def expect(self, number: int) -> None:
        """Say how many are about to come; to be called by the one who takes, who will wait for them."""
        self._expected = min(number, MOST)
        self._listen(self._expected)

    def take(self) -> list[Unit[Any]]:
        """Return what waits, or will in a moment; nothing where there will be nothing any more.

        As many as are expected are waited for: a commit for each few of them would make all of them slower.
        """
        expected = self._expected
        patience = min(max(PATIENCE, expected * PATIENCE_FOR_EACH), MOST_PATIENCE)
        if expected > 1:
            self._wait(patience)
        if not self._units:
            self._wait_for_one()
            if expected > 1:
                self._listen(expected)
                self._wait(patience)
        return [self._units.popleft() for _ in range(min(len(self._units), MOST))]

    def _wait_for_one(self) -> None:
        # A thread that was held up may ring for a unit that was taken long ago.
        while not self._units and not self._is_closed:
            self._listen(1)
            self._wait(None)

    def _listen(self, wanted: int) -> None:
        self._wanted = wanted
        while not self._bell.empty():
            self._bell.get()

    def _wait(self, timeout: float | None) -> None:
        # What came before the bell was listened to is seen here; what came after it has rung.
        if len(self._units) < self._wanted and not self._is_closed:
            with suppress(Empty):
                self._bell.get(timeout=timeout)
