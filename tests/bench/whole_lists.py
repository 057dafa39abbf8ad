"""What a request costs that carries the whole list of a large group's members, as Keycloak's plugin sends it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

from tests.bench.flat import Site
from tests.bench.load import PATCH_OP
from tests.bench.table import Row, Table
from tests.processes.serving import Cost, Meter

ROUNDS = 6
FEW = 10
HEAD = ("PATCH: `replace` of all members", "CPU of the web process, median", "most", "its memory grew by at most")


@dataclass(frozen=True, slots=True)
class WholeList:
    """A group, and who may be in it.

    Attributes:
        members: Who is in it.
        others: Half as many, who are not.
    """

    site: Site
    group_id: str
    members: Sequence[str]
    others: Sequence[str]


def measure_whole_lists(store: str, whole: WholeList) -> Table:
    """Send lists in turn of which half, some and none are others than before."""
    members, others = list(whole.members), list(whole.others)
    half = len(members) // 2
    lists = {
        "half of them others": (members[half:] + others, members),
        f"{FEW} of them others": (members[FEW:] + others[:FEW], members),
        "the same": (members, members),
    }
    rows: list[Row] = []
    for name, wanted in lists.items():
        turns = cycle(wanted)
        costs = [_cost(whole, next(turns)) for _ in range(ROUNDS)]
        cpu = [cost.cpu for cost in costs]
        memory = max(cost.memory for cost in costs) / 2**20
        rows.append((name, f"{statistics.median(cpu):.2f} s", f"{max(cpu):.2f} s", f"{memory:.0f} MiB"))
    return Table(f"The whole list of a group of {len(members):,}: {store}", HEAD, rows)


def _cost(whole: WholeList, members: Sequence[str]) -> Cost:
    operation = {"op": "replace", "path": "members", "value": [{"value": member} for member in members]}
    body = {"schemas": [PATCH_OP], "Operations": [operation]}
    request = whole.site.wire.request("PATCH", f"/Groups/{whole.group_id}", body)
    meter = Meter(whole.site.bridge.processes["serve"])
    whole.site.wire.timed(request)
    return meter.cost()
