"""Leavers of Google Workspace and Microsoft 365, against the time that a rate limit alone dictates."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.effort import Effort
from tests.bench.load import create, deactivate
from tests.bench.people import name_of
from tests.bench.stage import Processes
from tests.bench.table import Table
from tests.bench.waiting import linked, tasks_done, until
from tests.connectors.cloud_people import configuration
from tests.connectors.google_bridge import Workspace
from tests.connectors.graph_bridge import Directory
from tests.doubles.google import Google
from tests.doubles.google.errors import throttled as google_throttled
from tests.doubles.graph import Graph
from tests.doubles.graph.errors import throttled as graph_throttled
from tests.doubles.serving import Answer, Asked, Double, running

LATENCY = 0.05
LIMIT = 40
WINDOW = 10.0
ACTIONS = ("suspend", "revoke_sessions")
CONCURRENCY = 8
"""Calls that are under way at once; at this latency the limit keeps two of them busy."""


class Distant(Double):
    """A double that is far away, and counts calls: it refuses what is above its limit.

    Attributes:
        counted: How many calls it has answered or refused; a batch is one.
        refused: How many of them it refused.
    """

    def __init__(self, double: Double, throttled: Callable[[], Answer]) -> None:
        super().__init__()
        self._double = double
        self._throttled = throttled
        self._recent: deque[float] = deque()
        self._turn = threading.Lock()
        self.counted = 0
        self.refused = 0

    def answer(self, asked: Asked) -> Answer:
        """Answer as the double does."""
        return self._double.answer(asked)

    def is_of_tokens(self, asked: Asked) -> bool:
        """Whether the double takes it for a request for a token."""
        return self._double.is_of_tokens(asked)

    def handle(self, asked: Asked) -> Answer | None:
        """Answer after a while, within the limit."""
        time.sleep(LATENCY)
        if not self.is_of_tokens(asked) and not self._has_room():
            return self._throttled()
        return self._double.handle(asked)

    def _has_room(self) -> bool:
        with self._turn:
            now = time.monotonic()
            while self._recent and self._recent[0] < now - WINDOW:
                self._recent.popleft()
            self.counted += 1
            # What is on its way late arrives together with what comes after it.
            if len(self._recent) + 1 > LIMIT * WINDOW * 1.05:
                self.refused += 1
                return False
            self._recent.append(now)
            return True


@dataclass(frozen=True, slots=True)
class _Place:
    """A cloud that runs: its settings for the bridge, how somebody gets an account there, and what it has seen."""

    table: dict[str, Any]
    hire: Callable[[str], object]
    distant: Distant


def measure_clouds(folder: Path, effort: Effort) -> list[Table]:
    """Have many people leave each cloud, one cloud after the other."""
    rows = [
        _row(name, folder / name, place, effort.leavers)
        for name, place in (("Google Workspace", _google), ("Microsoft 365", _microsoft))
    ]
    head = ("cloud", "calls for each leaver", "the limit alone", "through the bridge", "against it", "CPU for each")
    title = f"{effort.leavers:,} leavers at {LATENCY * 1000:.0f} ms and {LIMIT} calls per second"
    return [Table(title, head, rows)]


def _row(name: str, folder: Path, place: Callable[[Path], Any], leavers: int) -> tuple[str, ...]:
    folder.mkdir()
    with place(folder) as cloud, Processes(folder, lambda redis: _configuration(cloud, redis)) as bridge:
        for number in range(leavers):
            cloud.hire(name_of(number))
        bridge.start("serve", "worker", "sweeper")
        ids = create(bridge.base_url, bridge.token, leavers, connections=4).ids
        until(lambda: linked(bridge) == leavers, seconds=600)
        calls, cpu, started = cloud.distant.counted, bridge.cpu(), time.monotonic()
        deactivate(bridge.base_url, bridge.token, ids, connections=4)
        until(lambda: tasks_done(bridge) == leavers * len(ACTIONS), seconds=3600)
        spent = time.monotonic() - started
        calls, cpu = cloud.distant.counted - calls, bridge.cpu() - cpu
    alone = calls / LIMIT
    return (
        f"{name}, {cloud.distant.refused} calls refused",
        f"{calls / leavers:.1f}",
        f"{alone:.0f} s",
        f"{spent:.0f} s",
        f"{spent / alone:.2f}x",
        f"{cpu / leavers * 1000:.0f} ms",
    )


def _configuration(cloud: _Place, redis: str) -> str:
    settings = {**cloud.table, "rate_limit": f"{LIMIT}/s", "concurrency": CONCURRENCY, "mail_settings": False}
    actions = ", ".join(f'"{action}"' for action in ACTIONS)
    return configuration({"cloud": settings}, [f'after = "0s"\ndo = [{actions}]'], url=redis)


@contextmanager
def _google(folder: Path) -> Iterator[_Place]:
    google = Google()
    distant = Distant(google, google_throttled)
    with running(distant) as url:
        yield _Place(Workspace(google, url, folder).table(licenses=[]), google.company.hire, distant)


@contextmanager
def _microsoft(_folder: Path) -> Iterator[_Place]:
    graph = Graph()
    distant = Distant(graph, graph_throttled)
    with running(distant) as url:
        yield _Place(Directory(graph, url).table(), graph.tenant.hire, distant)
