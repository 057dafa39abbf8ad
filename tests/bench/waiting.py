"""How far the bridge has come, and waiting for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from redis import Redis

from scimbridge.queue.courier import WAKE_CHANNEL
from scimbridge.store import figures

if TYPE_CHECKING:
    from tests.bench.stage import Processes


def is_listening(bridge: Processes) -> bool:
    """Whether a worker is at work: before it takes any, it listens for what becomes due."""
    with Redis.from_url(bridge.redis.url) as redis:
        ((_, listeners),) = redis.pubsub_numsub(WAKE_CHANNEL)
    return bool(listeners)


def has_counted(bridge: Processes) -> bool:
    """Whether a sweeper is at work: what it begins with is stored."""
    with bridge.bridge.database.read() as tx:
        return figures.counted_up_to(tx) is not None


def linked(bridge: Processes) -> int:
    """Return how many accounts were found at the target."""
    return _count(bridge, "SELECT count(*) FROM accounts WHERE native_id IS NOT NULL")


def suspended(bridge: Processes) -> int:
    """Return how many suspensions are done."""
    return _count(bridge, "SELECT count(*) FROM tasks WHERE action = 'suspend' AND state = 'done'")


def tasks_done(bridge: Processes) -> int:
    """Return how many tasks are done."""
    return _count(bridge, "SELECT count(*) FROM tasks WHERE state = 'done'")


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    """Wait.

    Raises:
        RuntimeError: It took too long.
    """
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            message = "the bridge did not come that far"
            raise RuntimeError(message)
        time.sleep(0.05)


def _count(bridge: Processes, query: str) -> int:
    with bridge.bridge.database.read() as tx:
        return int(tx.exec_driver_sql(query).scalar_one())
