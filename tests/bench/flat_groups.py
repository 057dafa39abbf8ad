"""What a request costs that concerns a small group and a large one of the same store."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.effort import Effort
from tests.bench.flat import STORES, Site, figures, in_turn, ratio, site
from tests.bench.load import PATCH_OP
from tests.bench.loading import analyze, load_members
from tests.bench.table import Row, Table
from tests.bench.whole_lists import WholeList, measure_whole_lists

GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
SMALL = 10


@dataclass(frozen=True, slots=True)
class Group:
    """A group of a site.

    Attributes:
        name: Its displayName, by which lists find it.
        guest: The User who comes and goes.
    """

    site: Site
    id: str
    name: str
    guest: str


Asking = Callable[[Group], Sequence[bytes]]
"""Makes requests of which the last one is timed; those before prepare for it."""


def measure_groups(folder: Path, effort: Effort) -> list[Table]:
    """Measure all requests on both stores."""
    tables = []
    for store, stores in STORES.items():
        with ExitStack() as stack:
            address = stack.enter_context(stores())("users")
            people = SMALL + effort.members + effort.members // 2 + 2
            where = stack.enter_context(site(folder / store, people, address))
            groups = _groups(where, effort.members)
            tables.append(_table(store, effort, groups))
            tables.append(measure_whole_lists(store, _whole_list(where, groups[-1].id, effort.members)))
    return tables


def _whole_list(where: Site, group_id: str, members: int) -> WholeList:
    """Return the large group; who is not in it are those who came last."""
    end = SMALL + members
    return WholeList(where, group_id, members=where.ids[SMALL:end], others=where.ids[end:-2])


def _groups(where: Site, members: int) -> list[Group]:
    """Make the small group and the large one, of different people."""
    small, large = where.ids[:SMALL], where.ids[SMALL : SMALL + members]
    groups = [_group(where, "small", small, where.ids[-1]), _group(where, "large", large, where.ids[-2])]
    analyze(where.bridge.bridge.database.engine)
    return groups


def _group(where: Site, name: str, members: Sequence[str], guest: str) -> Group:
    body = {"schemas": [GROUP], "displayName": name, "members": [{"value": members[0]}]}
    group_id = where.wire.ask("POST", "/Groups", body)["id"]
    load_members(where.bridge, group_id, members[1:])
    return Group(where, group_id, name, guest)


def _table(store: str, effort: Effort, groups: Sequence[Group]) -> Table:
    rows: list[Row] = []
    for name, asking in REQUESTS.items():
        spans = in_turn([partial(_ask, group, asking) for group in groups], effort.requests)
        rows.append((name, *(figures(values) for values in spans), ratio(spans[-1], spans[0])))
    head = ("request", f"group of {SMALL} p50 / p99", f"group of {effort.members:,} p50 / p99", "large against small")
    return Table(f"One request at a time, by the size of the group: {store}", head, rows)


def _ask(group: Group, asking: Asking, _chance: random.Random) -> float:
    spans = [group.site.wire.timed(request)[0] for request in asking(group)]
    return spans[-1]


def _added(group: Group) -> bytes:
    return _patch(group, {"op": "add", "path": "members", "value": [{"value": group.guest}]})


def _removed(group: Group) -> bytes:
    return _patch(group, {"op": "remove", "path": f'members[value eq "{group.guest}"]'})


def _removed_as_entra_does(group: Group) -> bytes:
    return _patch(group, {"op": "Remove", "path": "members", "value": [{"value": group.guest}]})


def _patch(group: Group, operation: Mapping[str, Any]) -> bytes:
    body = {"schemas": [PATCH_OP], "Operations": [operation]}
    return group.site.wire.request("PATCH", f"/Groups/{group.id}", body)


def _get(group: Group, path: str) -> bytes:
    return group.site.wire.request("GET", path)


REQUESTS: Mapping[str, Asking] = {
    "PATCH: one member added": lambda group: (_removed(group), _added(group)),
    "PATCH: one member removed, by value path": lambda group: (_added(group), _removed(group)),
    "PATCH: one member removed, as Entra ID does": lambda group: (_added(group), _removed_as_entra_does(group)),
    "GET without members": lambda group: (_get(group, f"/Groups/{group.id}?excludedAttributes=members"),),
    "list by displayName, without members": lambda group: (
        _get(group, f'/Groups?filter=displayName eq "{group.name}"&excludedAttributes=members'),
    ),
    "is somebody a member (`id eq … and members eq …`)": lambda group: (
        _get(group, f'/Groups?filter=id eq "{group.id}" and members eq "{group.guest}"&attributes=id'),
    ),
    f"a page of {SMALL} members (`/Users?filter=groups.value eq`)": lambda group: (
        _get(group, f'/Users?filter=groups.value eq "{group.id}"&count={SMALL}'),
    ),
}
