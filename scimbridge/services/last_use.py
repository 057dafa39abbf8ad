"""When tokens were last used: to the minute, and without any request waiting for it."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from scimbridge.errors import StoreError
from scimbridge.store import tokens
from scimbridge.store.database import Database

EVERY = timedelta(minutes=1)


class LastUse:
    """Writes down uses in a thread of its own, which lives for as long as there is something to write."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted: dict[str, datetime] = {}
        self._waiting: dict[str, datetime] = {}
        self._thread: threading.Thread | None = None
        self._turn = threading.Lock()

    def note(self, token_id: str, now: datetime) -> None:
        """Have a use written down, unless one was in the last minute: a write for every request would cost too much."""
        with self._turn:
            noted = self._noted.get(token_id)
            if noted is not None and now - noted < EVERY:
                return
            self._noted[token_id] = self._waiting[token_id] = now
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_all, name="last-use")
                self._thread.start()

    def settle(self) -> None:
        """Return once everything noted so far is written, or cannot be."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _write_all(self) -> None:
        while used := self._take():
            try:
                with self._database.write() as tx:
                    tokens.touch(tx, used)
            except StoreError:
                self._give_back(used)

    def _take(self) -> dict[str, datetime]:
        with self._turn:
            used, self._waiting = self._waiting, {}
            if not used:
                self._thread = None
            return used

    def _give_back(self, used: dict[str, datetime]) -> None:
        """Let the next use be noted again. Whether the store can be written, requests find out by themselves."""
        with self._turn:
            for token_id in used:
                self._noted.pop(token_id, None)
