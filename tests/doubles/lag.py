"""Services that show a change late: for a while, reads still see how things were before it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from tests.doubles.serving import Answer, Asked


class Lag:
    """Keeps what reads have shown.

    Attributes:
        seconds: For how long after a change reads of an address show what the last one showed.
        clock: Seconds that never go back; a test sets its own.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.clock: Callable[[], float] = time.monotonic
        self._shown: dict[object, Answer] = {}
        self._until: dict[object, float] = {}

    def answer(self, asked: Asked, carry_out: Callable[[Asked], Answer]) -> Answer:
        """Answer a call, with what was, or by carrying it out."""
        now = self.clock()
        if asked.writes:
            answer = carry_out(asked)
            # What lags already does so no longer because of another change.
            lagging = {key: until for key, until in self._until.items() if until > now}
            self._until = dict.fromkeys(self._shown, now + self.seconds) | lagging
            return answer
        key = (asked.path, repr(sorted(asked.query.items())))
        if now < self._until.get(key, now):
            return self._shown[key]
        answer = carry_out(asked)
        # What it holds changes with the next write.
        self._shown[key] = replace(answer, body=answer.content)
        return answer
