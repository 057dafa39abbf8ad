"""Work on accounts, and what it takes to stand ready for it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import psutil

from scimbridge import registry
from scimbridge.sdk import Action, Context, Person
from tests.bench.effort import Effort
from tests.bench.load import PATCH_OP, create, deactivate
from tests.bench.people import name_of
from tests.bench.stage import COMMAND, Installation, add_people, running, wait_for
from tests.bench.table import Table, milliseconds, quantile
from tests.bench.waiting import linked, suspended, until

HEAD = ("what", "figure", "")


def measure_latency(folder: Path, _effort: Effort) -> list[Table]:
    """PATCH answered to account suspended, above the target's own time."""
    people, others = range(200), range(200, 400)
    with Installation(folder, grace="0s") as bridge:
        add_people(bridge, [*people, *others])
        bridge.start("serve", "worker", "sweeper")
        ids = create(bridge.base_url, bridge.token, len(people), connections=1).ids
        until(lambda: linked(bridge) == len(people))
        own = _own_time(bridge, others)
        headers = {"Authorization": f"Bearer {bridge.token}", "Content-Type": "application/scim+json"}
        with httpx.Client(base_url=bridge.base_url, headers=headers) as client:
            spans = [_time_to_suspended(bridge, client, user_id, name_of(number)) for number, user_id in enumerate(ids)]
    above = [span - own for span in spans]
    rows = [
        ("target's own time: read, lock, read (median)", milliseconds(own), ""),
        (
            "PATCH answered → suspended, above it",
            milliseconds(quantile(above, 0.5)),
            f"p99 {milliseconds(quantile(above, 0.99))}",
        ),
    ]
    return [Table("PATCH answered to account suspended, against the target's own time", HEAD, rows)]


def measure_throughput(folder: Path, _effort: Effort) -> list[Table]:
    """Accounts worked off through RQ, against the connector alone."""
    people, others = range(1500), range(1500, 1800)
    with Installation(folder, grace="0s") as bridge:
        add_people(bridge, [*people, *others])
        bridge.start("serve", "worker", "sweeper")
        ids = create(bridge.base_url, bridge.token, len(people), connections=8).ids
        until(lambda: linked(bridge) == len(people))
        bridge.bridge.operating.pause("directory", reason="bench", by="bench", now=bridge.bridge.clock())
        deactivate(bridge.base_url, bridge.token, ids, connections=8)
        started = time.perf_counter()
        bridge.bridge.operating.resume("directory", by="bench", now=bridge.bridge.clock())
        until(lambda: suspended(bridge) >= len(people), seconds=300)
        spent = time.perf_counter() - started
        own = _own_time(bridge, others)
    rate, raw = len(people) / spent, 1 / own
    rows = [
        ("connector alone, one thread", f"{raw:.0f}/s", ""),
        ("through RQ: claim, read, commit, lock, read back, record", f"{rate:.0f}/s", f"{rate / raw:.2f}x"),
    ]
    return [Table("Accounts worked off through RQ, against the connector alone", HEAD, rows)]


def measure_size(folder: Path, _effort: Effort) -> list[Table]:
    """Memory and time to ready of ``scimbridge up``."""
    with Installation(folder, grace="7d") as bridge:
        text = bridge.config.read_text(encoding="utf-8")
        bridge.config.write_text(text.replace(f'url = "{bridge.redis.url}"', 'url = "embedded"'), encoding="utf-8")
        times = []
        for _ in range(3):
            started = time.perf_counter()
            with running([COMMAND, "up", "--config", str(bridge.config)], folder / "up.log") as process:
                wait_for(f"http://127.0.0.1:{bridge.port}/readyz")
                times.append(time.perf_counter() - started)
                time.sleep(3)
                family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
                pss = sum(member.memory_full_info().pss for member in family) / 1e6
    rows = [
        ("scimbridge up: answering", f"{statistics.median(times):.1f} s", "aim ≤ 3 s"),
        (f"sum of PSS, idle, {len(family)} processes with Redis", f"{pss:.0f} MB", "aim ≤ 250 MB"),
    ]
    return [Table("Memory and time to ready of `scimbridge up`", HEAD, rows)]


def _time_to_suspended(bridge: Installation, client: httpx.Client, user_id: str, name: str) -> float:
    """Return the seconds from the answer to a deactivation until the target has it."""
    operation = {"op": "Replace", "path": "active", "value": "False"}
    body = {"schemas": [PATCH_OP], "Operations": [operation]}
    client.patch(f"/Users/{user_id}", json=body).raise_for_status()
    answered = time.perf_counter()
    while "pwdAccountLockedTime" not in (bridge.directory.get(name.split("@", maxsplit=1)[0]) or {}):
        pass
    return time.perf_counter() - answered


def _own_time(bridge: Installation, numbers: Sequence[int]) -> float:
    """Return the seconds that the connector alone takes to read, lock and read back one account (median)."""
    connector = registry.build(
        "directory", bridge.bridge.settings.targets["directory"], Context(target="directory", permit=_permit)
    )
    spans = []
    for number in numbers:
        ref = connector.find(Person({"userName": (name_of(number),)}))
        assert ref is not None
        started = time.perf_counter()
        connector.perform(Action.SUSPEND, connector.read(ref.id), lambda: None)
        connector.read(ref.id)
        spans.append(time.perf_counter() - started)
    connector.close()
    return statistics.median(spans)


def _permit(*, writes: bool) -> None:
    """Let every call pass."""
