"""Durable PATCH active, against servers that only write to memory."""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from tests.bench.effort import Effort
from tests.bench.load import Load, create, patch_active
from tests.bench.loading import load_people
from tests.bench.peers import Peer, bare_server, node_server, scim2_server
from tests.bench.stage import Installation, add_people
from tests.bench.table import Row, Table, median_quantile, median_rate

PEERS = ("scim2-server, in memory", "SCIMMY on Node.js, in memory")
BARE = "bare server, durable, without the bridge's duties"
ALONE = "scimbridge, durable"
ON_ONE_CORE = "scimbridge, durable, kept on one core"
WAITING = "scimbridge, durable, worker and sweeper beside it"
WORKING = "scimbridge, durable, worker and sweeper working through the leavers"

HEAD = (
    "what",
    "connections",
    "rate",
    *(f"against {peer.partition(',')[0]}" for peer in PEERS),
    "p50",
    "p99",
    "CPU of the server",
)


@dataclass(frozen=True, slots=True)
class Run:
    """A load, and what it cost.

    Attributes:
        cpu_per_request: Seconds of the server's process; a busy machine changes them little.
    """

    load: Load
    cpu_per_request: float


@dataclass(slots=True)
class Contestant:
    """A started server with people in it; each run goes on with those whom the last one did not reach."""

    base_url: str
    token: str
    ids: Sequence[str]
    process: psutil.Process

    def run(self, connections: int, seconds: float) -> Run:
        """Measure once; the first second warms up."""
        self._patched(connections, min(1, seconds / 4))
        before = self._cpu_seconds()
        load = self._patched(connections, seconds)
        spent = self._cpu_seconds() - before
        if load.cpu > 0.9:
            print(f"the load generator took {load.cpu:.0%} of a core: it was the limit", file=sys.stderr)
        return Run(load, spent / len(load.latencies))

    def _patched(self, connections: int, seconds: float) -> Load:
        load = patch_active(self.base_url, self.token, self.ids, connections=connections, seconds=seconds)
        reached = len(load.latencies) // 2 % len(self.ids)
        self.ids = [*self.ids[reached:], *self.ids[:reached]]
        return load

    def _cpu_seconds(self) -> float:
        times = self.process.cpu_times()
        return times.user + times.system


def measure_patch(folder: Path, effort: Effort) -> list[Table]:
    """Measure all contestants in turn, as often as the effort says."""
    people = effort.people
    with ExitStack() as stack:
        bridges = {
            ALONE: stack.enter_context(Installation(folder / "alone", grace="30d")),
            ON_ONE_CORE: stack.enter_context(Installation(folder / "core", grace="30d", core=_last_core())),
        }
        mine = {name: _started(bridge, people) for name, bridge in bridges.items()}
        contestants = {
            PEERS[0]: _peer(stack.enter_context(scim2_server(folder)), people),
            PEERS[1]: _peer(stack.enter_context(node_server(folder)), people),
            BARE: _peer(stack.enter_context(bare_server(folder)), people),
            **mine,
        }
        before = {name: _recorded(bridge) for name, bridge in bridges.items()}
        loads = _rounds(contestants, effort)
        for name, bridge in bridges.items():
            own = [run.load for (whose, _), runs in loads.items() if whose == name for run in runs]
            _require_recorded(bridge, before[name], own)
        for contestant in contestants.values():
            _require_effect(contestant)
        bridges[ALONE].start("worker", "sweeper")
        loads |= _rounds({WAITING: mine[ALONE]}, effort)
    loads |= _rounds_at_work(folder / "working", effort)
    rows = [
        _row(name, connections, loads)
        for connections in effort.connections
        for name in (*PEERS, BARE, ALONE, ON_ONE_CORE, WAITING, WORKING)
    ]
    return [Table(f"Durable PATCH of active, {people:,} Users, one web process, against servers in memory", HEAD, rows)]


Loads = Mapping[tuple[str, int], list[Run]]


def _rounds(contestants: Mapping[str, Contestant], effort: Effort) -> dict[tuple[str, int], list[Run]]:
    loads: dict[tuple[str, int], list[Run]] = {}
    for _ in range(effort.rounds):
        for connections in effort.connections:
            for name, contestant in contestants.items():
                loads.setdefault((name, connections), []).append(contestant.run(connections, effort.seconds))
    return loads


def _rounds_at_work(folder: Path, effort: Effort) -> dict[tuple[str, int], list[Run]]:
    """Without grace each deactivation is carried out at once, by a worker that writes to the same store."""
    count = min(effort.people, 1000)
    with Installation(folder, grace="0s") as bridge:
        add_people(bridge, range(count))
        ids = load_people(bridge, count)
        bridge.start("serve", "worker", "sweeper")
        return _rounds({WORKING: Contestant(bridge.base_url, bridge.token, ids, bridge.processes["serve"])}, effort)


def _started(bridge: Installation, people: int) -> Contestant:
    ids = load_people(bridge, people)
    bridge.start("serve")
    return Contestant(bridge.base_url, bridge.token, ids, bridge.processes["serve"])


def _last_core() -> int:
    """Return the core that the system is least likely to use for itself."""
    return max(os.sched_getaffinity(0))


def _peer(peer: Peer, people: int) -> Contestant:
    return Contestant(peer.base_url, "none", create(peer.base_url, "none", people, connections=8).ids, peer.process)


def _recorded(bridge: Installation) -> int:
    with bridge.bridge.database.read() as tx:
        return int(tx.exec_driver_sql("SELECT count(*) FROM requests").scalar_one())


def _require_recorded(bridge: Installation, before: int, loads: Sequence[Load]) -> None:
    """Each answer stands for a request on disk."""
    answered, recorded = sum(len(load.latencies) for load in loads), _recorded(bridge) - before
    if recorded < answered:
        raise RuntimeError(f"{answered} requests were answered, and {recorded} are recorded: the run is not valid")


def _require_effect(contestant: Contestant) -> None:
    """What was answered 2xx has happened: one more PATCH reads back."""
    headers = {"Authorization": f"Bearer {contestant.token}", "Content-Type": "application/scim+json"}
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "active", "value": False}],
    }
    url = f"{contestant.base_url}/Users/{contestant.ids[0]}"
    with httpx.Client(headers=headers) as client:
        client.patch(url, json=body).raise_for_status()
        if client.get(url).raise_for_status().json()["active"] is not False:
            raise RuntimeError(f"{contestant.base_url} answered a PATCH and did not do it")


def _row(name: str, connections: int, loads: Loads) -> Row:
    runs = [run.load for run in loads[name, connections]]
    rate = median_rate(runs)
    ratios = (f"{rate / median_rate([run.load for run in loads[peer, connections]]):.2f}x" for peer in PEERS)
    cpu = statistics.median(run.cpu_per_request for run in loads[name, connections])
    quantiles = (median_quantile(runs, share) for share in (0.5, 0.99))
    return name, str(connections), f"{rate:,.0f}/s", *ratios, *quantiles, f"{cpu * 1e6:.0f} µs"
