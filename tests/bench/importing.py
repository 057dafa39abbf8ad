"""Many Users created through POST and through /Bulk: how fast, and whether the server grows."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.bench.effort import Effort
from tests.bench.load import create, create_in_bulk
from tests.bench.stage import Installation
from tests.bench.table import Row, Table

CONNECTIONS = 32
TENTHS = 10
HEAD = ("way", "Users", "rate", "rate of the first and last tenth", "memory after the first and last tenth")

Way = Callable[[Installation, int, int], None]
"""Creates so many people, from a number on."""


@dataclass(frozen=True, slots=True)
class Tenth:
    """A tenth of the import.

    Attributes:
        seconds: It took.
        memory: The server's share of memory (PSS) after it, in bytes.
    """

    seconds: float
    memory: int


def measure_import(folder: Path, effort: Effort) -> list[Table]:
    """Import the same people in each way, into an empty store."""
    ways: dict[str, Way] = {f"POST, {CONNECTIONS} connections": _by_post}
    rows: list[Row] = []
    if operations := _operations_in_bulk(folder / "asked"):
        ways[f"/Bulk, {operations} operations each, 4 connections"] = _in_bulk(operations)
    for number, (name, way) in enumerate(ways.items()):
        with Installation(folder / str(number), grace="30d") as bridge:
            bridge.start("serve")
            rows.append(_row(name, effort.imported, _import(bridge, name, way, effort.imported)))
    return [Table("Users imported over SCIM, one web process, SQLite", HEAD, rows)]


def _import(bridge: Installation, name: str, way: Way, users: int) -> list[Tenth]:
    tenths, share = [], users // TENTHS
    server = bridge.processes["serve"]
    for number in range(TENTHS):
        started = time.perf_counter()
        way(bridge, number * share, share)
        tenths.append(Tenth(time.perf_counter() - started, server.memory_full_info().pss))
        progress = f"{name}: {(number + 1) * share:,} of {users:,}, {share / tenths[-1].seconds:,.0f}/s"
        print(f"{progress}, {tenths[-1].memory / 1e6:.0f} MB", file=sys.stderr, flush=True)
    _require_all(bridge, share * TENTHS)
    return tenths


def _by_post(bridge: Installation, first: int, count: int) -> None:
    create(bridge.base_url, bridge.token, count, connections=CONNECTIONS, first=first)


def _in_bulk(operations: int) -> Way:
    def way(bridge: Installation, first: int, count: int) -> None:
        create_in_bulk(bridge.base_url, bridge.token, count, connections=4, operations=operations, first=first)

    return way


def _operations_in_bulk(folder: Path) -> int:
    """Return how many operations the server takes at once; 0 where it takes none."""
    with Installation(folder, grace="30d") as bridge:
        bridge.start("serve")
        headers = {"Authorization": f"Bearer {bridge.token}"}
        announced = httpx.get(f"{bridge.base_url}/ServiceProviderConfig", headers=headers).raise_for_status().json()
    return int(announced["bulk"]["maxOperations"]) if announced["bulk"]["supported"] else 0


def _require_all(bridge: Installation, count: int) -> None:
    """Everybody who was answered 201 is there."""
    with bridge.bridge.database.read() as tx:
        found = tx.exec_driver_sql("SELECT count(*) FROM identities").scalar_one()
    if found != count:
        raise RuntimeError(f"{count:,} Users were created, and {found:,} are there: the run is not valid")


def _row(name: str, users: int, tenths: Sequence[Tenth]) -> Row:
    first, last, share = tenths[0], tenths[-1], users / TENTHS
    return (
        name,
        f"{users:,}",
        f"{users / sum(tenth.seconds for tenth in tenths):,.0f}/s",
        f"{share / first.seconds:,.0f}/s, {share / last.seconds:,.0f}/s",
        f"{first.memory / 1e6:.0f} MB, {last.memory / 1e6:.0f} MB ({last.memory / first.memory:.2f}x)",
    )
