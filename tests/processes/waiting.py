"""Waiting for conditions, never for time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_EVERY = 0.05


def eventually(
    condition: Callable[[], T], seconds: float, *, what: str = "", explain: Callable[[], object] = lambda: ""
) -> T:
    """Return the condition's first true value.

    Args:
        condition: Asked again and again.
        seconds: The deadline; generous, because nothing waits for it in a good run.
        what: What is awaited, for the message.
        explain: Says how things stand when the deadline has passed.

    Raises:
        AssertionError: It was not true in time.
    """
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds:g} s: {what} {value!r} {explain()}")
        time.sleep(LOOK_EVERY)
