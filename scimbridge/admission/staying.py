"""Whether somebody who listens is still let in."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import TypeVar

from anyio import to_thread

from scimbridge.errors import StoreError

CHECKED_EVERY = 10.0
"""Seconds for which whoever listens is believed to be let in still: a stream outlasts a session, or a token, by no
more than that and the time until there is something to tell."""

T = TypeVar("T")


async def while_let_in(
    told: AsyncIterator[T], is_let_in: Callable[[], bool], clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[T]:
    """Yield what is told, as long as whoever listens is let in.

    Args:
        told: What there is to tell.
        is_let_in: Looks that up. Called in a thread. Where the database does not answer, it is asked again later:
            there is nothing new to tell then, either.
        clock: Tells seconds.
    """
    looked_at = clock()
    async for each in told:
        if clock() - looked_at >= CHECKED_EVERY:
            looked_at = clock()
            with suppress(StoreError):
                if not await to_thread.run_sync(is_let_in):
                    return
        yield each
