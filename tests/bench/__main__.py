"""``make bench``: every figure beside the one it is compared with, in the same run."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import psutil

from scimbridge import registry
from scimbridge.sdk import Action, Context, Person
from tests.bench.load import PATCH_OP, Load, patch_active
from tests.bench.stage import COMMAND, Installation, create_users, running, wait_for
from tests.servers import free_port

Row = tuple[str, str, str]


def main() -> int:
    """Run all measurements and print them as Markdown."""
    wanted = sys.argv[1:] or list(MEASUREMENTS)
    print(f"Machine: {os.cpu_count()} cores, {psutil.virtual_memory().total >> 30} GiB, {platform.python_version()}\n")
    for name in wanted:
        with tempfile.TemporaryDirectory(prefix="scb-") as folder:
            _print(name, MEASUREMENTS[name](Path(folder)))
    return 0


def measure_patch(folder: Path) -> list[Row]:
    """Durable PATCH active, against scim2-server in memory."""
    names = [f"user{number}@example.com" for number in range(1000)]
    peer = _peer_load(folder, names)
    with Installation(folder / "a", grace="30d") as alone:
        alone.start("serve")
        ids = create_users(alone.base_url, alone.token, names)
        by_itself = patch_active(alone.base_url, alone.token, ids, connections=8, seconds=8)
    with Installation(folder / "b", grace="0s") as busy:
        _add_people(busy, names)
        busy.start("serve", "worker", "sweeper")
        ids = create_users(busy.base_url, busy.token, names)
        in_company = patch_active(busy.base_url, busy.token, ids, connections=8, seconds=8)
    return [
        ("scim2-server, in memory", *_figures(peer)),
        ("scimbridge, durable, alone", *_figures(by_itself, peer)),
        ("scimbridge, durable, worker and sweeper writing", *_figures(in_company, peer)),
    ]


def measure_latency(folder: Path) -> list[Row]:
    """PATCH answered to account suspended, against the target's own time."""
    with Installation(folder, grace="0s") as bridge:
        names = [f"user{number}@example.com" for number in range(200)]
        others = [f"own{number}@example.com" for number in range(200)]
        _add_people(bridge, [*names, *others])
        bridge.start("serve", "worker", "sweeper")
        ids = create_users(bridge.base_url, bridge.token, names)
        _until(lambda: _linked(bridge) == len(names))
        own = _own_time(bridge, others)
        headers = {"Authorization": f"Bearer {bridge.token}", "Content-Type": "application/scim+json"}
        with httpx.Client(base_url=bridge.base_url, headers=headers) as client:
            spans = [
                _time_to_suspended(bridge, client, user_id, name) for user_id, name in zip(ids, names, strict=True)
            ]
    above = sorted(span - own for span in spans)
    return [
        ("target's own time: read, lock, read (median)", f"{own * 1000:.1f} ms", ""),
        ("PATCH answered → suspended, above it", _ms(above, 0.5), f"p99 {_ms(above, 0.99)}"),
    ]


def measure_throughput(folder: Path) -> list[Row]:
    """Accounts worked off through RQ, against the connector alone."""
    names = [f"user{number}@example.com" for number in range(1500)]
    others = [f"own{number}@example.com" for number in range(300)]
    with Installation(folder, grace="0s") as bridge:
        _add_people(bridge, [*names, *others])
        bridge.start("serve", "worker", "sweeper")
        ids = create_users(bridge.base_url, bridge.token, names)
        _until(lambda: _linked(bridge) == len(names))
        bridge.bridge.operating.pause("directory", reason="bench", by="bench", now=bridge.bridge.clock())
        patch_active(bridge.base_url, bridge.token, ids, connections=8, seconds=300, once=True)
        started = time.perf_counter()
        bridge.bridge.operating.resume("directory", by="bench", now=bridge.bridge.clock())
        _until(lambda: _suspended(bridge) >= len(names), seconds=300)
        spent = time.perf_counter() - started
        own = _own_time(bridge, others)
    rate, raw = len(names) / spent, 1 / own
    return [
        ("connector alone, one thread", f"{raw:.0f}/s", ""),
        ("through RQ: claim, read, commit, lock, read back, record", f"{rate:.0f}/s", f"{rate / raw:.2f}x"),
    ]


def measure_size(folder: Path) -> list[Row]:
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
    return [
        ("scimbridge up: answering", f"{statistics.median(times):.1f} s", "aim ≤ 3 s"),
        (f"sum of PSS, idle, {len(family)} processes with Redis", f"{pss:.0f} MB", "aim ≤ 250 MB"),
    ]


MEASUREMENTS: dict[str, Callable[[Path], list[Row]]] = {
    "patch": measure_patch,
    "latency": measure_latency,
    "throughput": measure_throughput,
    "size": measure_size,
}


def _peer_load(folder: Path, names: Sequence[str]) -> Load:
    port = free_port()
    with running([sys.executable, "-m", "tests.bench.peer", str(port)], folder / "peer.log"):
        wait_for(f"http://127.0.0.1:{port}/ServiceProviderConfig")
        ids = create_users(f"http://127.0.0.1:{port}", "none", names)
        return patch_active(f"http://127.0.0.1:{port}", "none", ids, connections=8, seconds=8)


def _add_people(bridge: Installation, names: Sequence[str]) -> None:
    for name in names:
        bridge.directory.add_person(name.split("@", maxsplit=1)[0], "Ada Example", "Example", name)


def _linked(bridge: Installation) -> int:
    with bridge.bridge.database.read() as tx:
        return int(tx.exec_driver_sql("SELECT count(*) FROM accounts WHERE native_id IS NOT NULL").scalar_one())


def _suspended(bridge: Installation) -> int:
    with bridge.bridge.database.read() as tx:
        found = tx.exec_driver_sql("SELECT count(*) FROM tasks WHERE action = 'suspend' AND state = 'done'")
        return int(found.scalar_one())


def _until(condition: Callable[[], bool], seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            message = "the bridge did not come to its end"
            raise RuntimeError(message)
        time.sleep(0.05)


def _time_to_suspended(bridge: Installation, client: httpx.Client, user_id: str, name: str) -> float:
    """Return the seconds from the answer to a deactivation until the target has it."""
    operation = {"op": "Replace", "path": "active", "value": "False"}
    body = {"schemas": [PATCH_OP], "Operations": [operation]}
    client.patch(f"/Users/{user_id}", json=body).raise_for_status()
    answered = time.perf_counter()
    while "pwdAccountLockedTime" not in (bridge.directory.get(name.split("@", maxsplit=1)[0]) or {}):
        pass
    return time.perf_counter() - answered


def _own_time(bridge: Installation, names: Sequence[str]) -> float:
    """Return the seconds that the connector alone takes to read, lock and read back one account (median)."""
    connector = registry.build(
        "directory", bridge.bridge.settings.targets["directory"], Context(target="directory", permit=_permit)
    )
    spans = []
    for name in names:
        ref = connector.find(Person({"userName": (name,)}))
        assert ref is not None
        started = time.perf_counter()
        connector.perform(Action.SUSPEND, connector.read(ref.id), lambda: None)
        connector.read(ref.id)
        spans.append(time.perf_counter() - started)
    connector.close()
    return statistics.median(spans)


def _permit(*, writes: bool) -> None:
    """Let every call pass."""


def _figures(load: Load, other: Load | None = None) -> tuple[str, str]:
    ratio = f"{load.per_second / other.per_second:.2f}x, " if other else ""
    return f"{load.per_second:.0f}/s", f"{ratio}p50 {load.quantile(0.5):.1f} ms, p99 {load.quantile(0.99):.1f} ms"


def _ms(values: Sequence[float], share: float) -> str:
    return f"{values[min(len(values) - 1, int(len(values) * share))] * 1000:.1f} ms"


def _print(name: str, rows: Sequence[Row]) -> None:
    print(f"### {MEASUREMENTS[name].__doc__}\n\n| what | figure | |\n|---|---|---|")
    for what, figure, note in rows:
        print(f"| {what} | {figure} | {note} |")
    print(flush=True)


if __name__ == "__main__":
    sys.exit(main())
