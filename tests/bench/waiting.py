"""How far the bridge has come, and waiting for it."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.bench.stage import Processes


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
            message = "the bridge did not come to its end"
            raise RuntimeError(message)
        time.sleep(0.05)


def _count(bridge: Processes, query: str) -> int:
    with bridge.bridge.database.read() as tx:
        return int(tx.exec_driver_sql(query).scalar_one())
