"""What the bridge says of itself while it is broken: its history, its log, and what it has under way."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

from scimbridge.bridge import Bridge
from scimbridge.demo.cast import Person


class Following:
    """Follows the history as it grows. Writes nothing.

    Attributes:
        linked: How many accounts have been linked.
        put_off: How many attempts at each target failed and are made again.
        lapsed: When each attempt was taken up again whose worker had died (monotonic seconds).
    """

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._last = 0
        self._done: dict[tuple[str, str], float] = {}
        self._seen: set[tuple[str, str]] = set()
        self.linked = 0
        self.put_off: Counter[str] = Counter()
        self.lapsed: list[float] = []

    def look(self) -> None:
        """Read what is new."""
        while entries := self._bridge.overview.history_after(self._last):
            self._last = entries[-1]["id"]
            for entry in entries:
                self._note(entry["event"], entry["identity_id"] or "", entry["target"] or "", entry["details"])

    def _note(self, event: str, identity_id: str, target: str, details: dict[str, str]) -> None:
        self._seen.add((event, identity_id))
        if event == "account linked":
            self.linked += 1
        elif event == "task done":
            self._done[identity_id, f"{details['action']} at {target}"] = time.monotonic()
        elif event == "task waits":
            self.put_off[target] += 1
        elif event == "attempt lapsed":
            self.lapsed.append(time.monotonic())

    def has_seen(self, event: str, person: Person) -> bool:
        """Whether something happened to somebody."""
        return (event, person.identity_id) in self._seen

    def done_at(self, person: Person, *actions: str) -> float | None:
        """Return when the last of some actions was done for somebody (monotonic seconds); ``None`` before."""
        times = [self._done.get((person.identity_id, action)) for action in actions]
        return None if None in times else max(time for time in times if time is not None)

    def attempts(self, target: str = "") -> int:
        """Return how many attempts are under way, everywhere or at one target."""
        under_way = self._bridge.queues.board(self._bridge.clock()).attempts
        return sum(target in ("", each.target) for each in under_way)

    def messages(self) -> int:
        """Return how many messages are in Redis that no worker has taken."""
        board = self._bridge.queues.board(self._bridge.clock())
        return sum(queue.seen.depth for queue in board.queues if queue.seen is not None)


def process_ids(log: Path, process: str) -> list[int]:
    """Return the ids of all processes of a kind that the supervisor has started, the newest last."""
    found = []
    for line in log.read_text(encoding="utf-8").splitlines():
        if '"process.start"' in line:
            entry = json.loads(line)
            found += [int(entry["pid"])] if entry["process"] == process else []
    return found
