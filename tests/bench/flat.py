"""What a request costs in a small store and in a large one.

The servers of all sizes run at once and are asked in turn, so that what disturbs one disturbs all.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import UUID

from sqlalchemy import create_engine, make_url

from tests.bench.effort import Effort
from tests.bench.load import PATCH_OP, look_up
from tests.bench.loading import SPACING, analyze, load_people
from tests.bench.people import name_of
from tests.bench.stage import Installation
from tests.bench.table import Row, Table, milliseconds, quantile
from tests.bench.wire import Wire
from tests.servers import postgresql

Store = Callable[[str], str]
"""Makes an empty store of a name, and returns its address."""

PAGE = 100


@dataclass(frozen=True, slots=True)
class Site:
    """A started installation with people in it.

    Attributes:
        leavers: Some of them in any order, so that nobody is deactivated twice.
    """

    bridge: Installation
    ids: Sequence[str]
    wire: Wire
    leavers: Iterator[str]


Asking = Callable[[Site, random.Random], bytes]
"""Makes one request."""


def measure_flat(folder: Path, effort: Effort) -> list[Table]:
    """Measure all requests on both stores."""
    tables = []
    for store, stores in STORES.items():
        with ExitStack() as stack:
            address = stack.enter_context(stores())
            sites = [
                stack.enter_context(site(folder / f"{store}-{size}", size, address(f"users{size}")))
                for size in effort.sizes
            ]
            tables.append(_table(store, sites, effort))
            tables.append(_crowded(store, sites, effort))
    return tables


@contextmanager
def site(folder: Path, people: int, store: str) -> Iterator[Site]:
    """Fill a store and serve it."""
    print(f"loading {people:,} Users", file=sys.stderr, flush=True)
    with Installation(folder, grace="30d", store=store) as bridge:
        ids = load_people(bridge, people)
        analyze(bridge.bridge.database.engine)
        bridge.start("serve")
        with Wire(bridge.base_url, bridge.token) as wire:
            yield Site(bridge, ids, wire, iter(random.Random(3).sample(ids, len(ids))))


def _table(store: str, sites: Sequence[Site], effort: Effort) -> Table:
    head = ("request", *(f"{len(site.ids):,} p50 / p99" for site in sites), "largest against smallest")
    rows: list[Row] = []
    for name, (asking, expected) in REQUESTS.items():
        _require_answers(name, asking, expected, sites)
        spans = in_turn([partial(_ask, site, asking) for site in sites], effort.requests)
        rows.append((name, *(figures(values) for values in spans), ratio(spans[-1], spans[0])))
    return Table(f"One request at a time, by the size of the store: {store}", head, rows)


def _crowded(store: str, sites: Sequence[Site], effort: Effort) -> Table:
    """Return what one look-up takes while others ask, too: Auth0 waits 1.5 s, Okta's own test 0.6 s."""
    head = ("`filter=userName eq`", "connections", "rate", "p50", "p95", "p99")
    rows: list[Row] = []
    for where in sites:
        for connections in effort.connections:
            url, token = where.bridge.base_url, where.bridge.token
            load = look_up(url, token, len(where.ids), connections=connections, seconds=effort.seconds)
            spans = [f"{load.quantile(share):.1f} ms" for share in (0.5, 0.95, 0.99)]
            rows.append((f"{len(where.ids):,} Users", str(connections), f"{load.per_second:,.0f}/s", *spans))
    return Table(f"Look-ups by many at once, one web process: {store}", head, rows)


def in_turn(askings: Sequence[Callable[[random.Random], float]], times: int) -> list[list[float]]:
    """Time several requests one after the other, over and over; return the spans of each."""
    chance = random.Random(1)
    spans: list[list[float]] = [[] for _ in askings]
    for turn in range(-times // 10, times):
        for ask, found in zip(askings, spans, strict=True):
            span = ask(chance)
            if turn >= 0:
                found.append(span)
    return spans


def ratio(one: Sequence[float], other: Sequence[float]) -> str:
    """Return one median against another, for a cell."""
    return f"{quantile(one, 0.5) / quantile(other, 0.5):.2f}x"


def figures(spans: Sequence[float]) -> str:
    """Return median and 99th percentile, for a cell."""
    return f"{milliseconds(quantile(spans, 0.5))} / {milliseconds(quantile(spans, 0.99))}"


def _ask(where: Site, asking: Asking, chance: random.Random) -> float:
    return where.wire.timed(asking(where, chance))[0]


def _require_answers(name: str, asking: Asking, expected: int | None, sites: Sequence[Site]) -> None:
    """A request that finds nothing would be fast for a wrong reason."""
    for where in sites:
        body = where.wire.timed(asking(where, random.Random(2)))[1]
        found = body.count(b'"userName"')
        if expected is not None and found != expected:
            raise RuntimeError(f"{name} found {found} of {len(where.ids):,} Users, not {expected}: {body[:300]!r}")


def _by_name(attribute: str) -> Asking:
    def request(where: Site, chance: random.Random) -> bytes:
        name = name_of(chance.randrange(len(where.ids)))
        return where.wire.request("GET", f'/Users?filter={attribute} eq "{name}"')

    return request


def _changed_since(where: Site, _chance: random.Random) -> bytes:
    # The last nine, and the one that came in over SCIM.
    since = _time_of(where.ids[-9]) - SPACING / 2
    return where.wire.request("GET", f'/Users?filter=meta.lastModified gt "{since:%Y-%m-%dT%H:%M:%SZ}"')


def _time_of(user_id: str) -> datetime:
    return datetime.fromtimestamp((UUID(user_id).int >> 80) / 1000, UTC)


def _first_page(where: Site, _chance: random.Random) -> bytes:
    return where.wire.request("GET", f"/Users?count={PAGE}")


def _get(where: Site, chance: random.Random) -> bytes:
    return where.wire.request("GET", f"/Users/{chance.choice(where.ids)}")


def _deactivate(where: Site, _chance: random.Random) -> bytes:
    operation = {"op": "replace", "path": "active", "value": False}
    body = {"schemas": [PATCH_OP], "Operations": [operation]}
    return where.wire.request("PATCH", f"/Users/{next(where.leavers)}", body)


REQUESTS: Mapping[str, tuple[Asking, int | None]] = {
    "`filter=userName eq`": (_by_name("userName"), 1),
    "`filter=externalId eq`": (_by_name("externalId"), 1),
    "`filter=emails.value eq`": (_by_name("emails.value"), 1),
    "`filter=meta.lastModified gt`, ten of them": (_changed_since, 10),
    f"first page, {PAGE} of them": (_first_page, PAGE),
    "GET of one": (_get, 1),
    "PATCH: somebody deactivated": (_deactivate, None),
}


@contextmanager
def _on_sqlite() -> Iterator[Store]:
    yield lambda _name: "sqlite:///data/bridge.db"


@contextmanager
def _on_postgresql() -> Iterator[Store]:
    with postgresql() as url:

        def create(name: str) -> str:
            engine = create_engine(url, isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {name}")
            engine.dispose()
            return make_url(url).set(database=name).render_as_string(hide_password=False)

        yield create


STORES: Mapping[str, Callable[[], AbstractContextManager[Store]]] = {"SQLite": _on_sqlite, "PostgreSQL": _on_postgresql}
