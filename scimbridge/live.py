"""What happens, as it happens: the history as a stream, for whoever listens.

It is read in SQL, so that any web process shows what any worker has done. There is no task of its own: of all who
listen in a process, one reads for all every second; where nobody listens, nobody reads. Whoever listens is told that
something happened, and reads again what it was about: an entry may come twice, and some are missed where it is a lot.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import anyio
from anyio import to_thread

from scimbridge.errors import BridgeError

EVERY = 1.0
"""Seconds between two looks at the history."""

LOOKING_BACK = 200
"""Entries below the newest one that are looked at again: a transaction that began earlier may be committed later."""

MOST = 1000
"""Entries that are read at once, or told to somebody who comes back."""

LASTS = 15 * 60.0
"""Seconds after which a stream ends; whoever goes on listening comes again, and is let in anew."""

QUIET = 15.0
"""Seconds without an entry after which a sign of life is sent, so that nobody in between closes the connection."""

_IDLE = 10.0

Row = Mapping[Any, Any]
Read = Callable[[int, int], Sequence[Row]]
"""Returns the entries with a higher id than the first number, oldest first; at most as many as the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What happened, without anything personal."""

    id: int
    at: datetime
    event: str
    case_id: str | None
    task_id: str | None
    target: str | None


class Live:
    """Tells the entries of the history to whoever listens.

    Args:
        read: Reads the history. Called in a thread.
        newest: Returns the id of the newest entry; 0 where there is none. Called in a thread.
        every: Seconds between two looks.
        clock: Tells seconds.
    """

    def __init__(
        self,
        read: Read,
        newest: Callable[[], int],
        *,
        every: float = EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._newest = newest
        self._every = every
        self._clock = clock
        self._recent: deque[Happening] = deque(maxlen=MOST)
        self._told = 0
        self._last = 0
        self._seen: set[int] = set()
        self._looked_at = float("-inf")
        self._is_looking = False
        self._is_over = False

    def stop(self) -> None:
        """Let all streams end at their next look, and new ones at once: the process is shut down."""
        self._is_over = True

    async def listen(self, after: int | None = None) -> AsyncIterator[Happening | None]:
        """Yield what happens from now on, and ``None`` as a sign of life where nothing does.

        Args:
            after: Begin behind this entry, with what happened since; at most ``MOST``.
        """
        await self._begin()
        place, ends_at, quiet_since = self._told, self._clock() + LASTS, self._clock()
        if after is not None:
            for row in await to_thread.run_sync(self._read, after, MOST):
                yield _happening(row)
        while not self._is_over and self._clock() < ends_at:
            await anyio.sleep(self._every)
            await self._look()
            news = self._since(place)
            place = self._told
            for happening in news:
                yield happening
            if news:
                quiet_since = self._clock()
            elif self._clock() - quiet_since >= QUIET:
                quiet_since = self._clock()
                yield None

    def _since(self, place: int) -> list[Happening]:
        """Return what was read since a place in the stream; of very much only the newest."""
        return list(self._recent)[-(self._told - place) :] if self._told > place else []

    async def _begin(self) -> None:
        """Go on from the newest entry where nobody has been reading for some time."""
        if self._clock() - self._looked_at < _IDLE:
            return
        self._looked_at = self._clock()
        self._last = await to_thread.run_sync(self._newest)
        self._seen = {row["id"] for row in await to_thread.run_sync(self._read, self._below(), MOST)}

    async def _look(self) -> None:
        """Read what is new, unless somebody else has just done so."""
        if self._is_looking or self._clock() - self._looked_at < self._every / 2:
            return
        self._is_looking, self._looked_at = True, self._clock()
        try:
            rows = await to_thread.run_sync(self._read, self._below(), MOST)
        except BridgeError:
            return  # the database does not answer just now; the next look may
        finally:
            self._is_looking = False
        self._take(row for row in rows if row["id"] not in self._seen)

    def _take(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self._recent.append(_happening(row))
            self._told += 1
            self._seen.add(row["id"])
            self._last = max(self._last, row["id"])
        self._seen = {each for each in self._seen if each > self._below()}

    def _below(self) -> int:
        return max(0, self._last - LOOKING_BACK)


def _happening(row: Row) -> Happening:
    return Happening(
        id=row["id"],
        at=row["at"],
        event=row["event"],
        case_id=row["case_id"],
        task_id=row["task_id"],
        target=row["target"],
    )
