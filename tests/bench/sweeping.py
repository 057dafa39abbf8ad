"""What a pass of the sweeper costs with few and with many open cases: by what is due, not by what is open.

One leaver's case is planned by the product itself and is the pattern: everybody else gets the same rows, with
other ids and later dates. As many cases fall due in a pass, whatever the size.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, func, select, update

from scimbridge.domain.action import Action
from scimbridge.domain.ids import new_id
from scimbridge.domain.rule import Ruleset
from scimbridge.services.timing import Timing
from scimbridge.store.database import Database
from scimbridge.store.schema import accounts, cases, identities, stages, tasks
from scimbridge.store.upgrade import upgrade
from tests.bench import table
from tests.bench.effort import Effort
from tests.bench.flat import STORES
from tests.bench.loading import analyze, bare, driver_value, write_rows
from tests.bench.table import milliseconds, quantile
from tests.clock import FakeClock
from tests.services.bench import Bench, MemoryTarget, a_rule, a_stage

SPACING = timedelta(seconds=10)
"""Between two leavers."""

DUE = 10
"""Cases that fall due in one pass: two tasks each."""

PASSES = 60
"""The cases of the smallest store are enough for these."""

_TABLES = (identities, accounts, cases, stages, tasks)
_DATES = frozenset({"due_at", "deadline_at", "trigger_at", "opened_at"})


def measure_sweep(folder: Path, effort: Effort) -> list[table.Table]:
    """Measure passes on both stores, over the two smaller sizes."""
    tables = []
    sizes = effort.sizes[:2]
    for store, stores in STORES.items():
        with ExitStack() as stack:
            address = stack.enter_context(stores())
            benches = [open_cases(folder / f"{store}-{size}", address(f"sweep{size}"), size) for size in sizes]
            head = ("a pass", *(f"{size:,} open, p50 / p99" for size in sizes), "largest against smallest")
            rows = [
                _row(name, [partial(one, bench) for bench in benches])
                for name, one in (("nothing is due", _idle), (f"{DUE} cases are due", _due))
            ]
            tables.append(table.Table(f"A pass of the sweeper, by open cases of four tasks: {store}", head, rows))
            for bench in benches:
                bench.database.close()
    return tables


def _row(name: str, passes: Sequence[Callable[[], float]]) -> table.Row:
    spans: list[list[float]] = [[] for _ in passes]
    for turn in range(PASSES):
        for sweep, found in zip(passes, spans, strict=True):
            span = sweep()
            if turn >= PASSES // 10:
                found.append(span)
    figures = (f"{milliseconds(quantile(each, 0.5))} / {milliseconds(quantile(each, 0.99))}" for each in spans)
    return (name, *figures, f"{quantile(spans[-1], 0.5) / quantile(spans[0], 0.5):.2f}x")


def _idle(bench: Bench) -> float:
    return _timed(bench, released=0)


def _due(bench: Bench) -> float:
    bench.clock.advance(SPACING * DUE)
    span = _timed(bench, released=2 * DUE)
    with bench.database.write() as tx:  # what workers would have done
        tx.execute(update(tasks).where(tasks.c.state == "ready").values(state="done", finished_at=bench.clock()))
    return span


def _timed(bench: Bench, *, released: int) -> float:
    start = time.perf_counter()
    swept = bench.sweeping.run(bench.clock())
    bench.deadlines.run(bench.clock())
    span = time.perf_counter() - start
    if swept.released != released:
        raise RuntimeError(f"{swept.released} tasks were released, not {released}")
    return span


def open_cases(folder: Path, store: str, size: int, *, due: int = 0) -> Bench:
    """Return a bridge with so many open cases; so many of them are due, and the next right after its clock's time."""
    print(f"loading {size:,} cases", file=sys.stderr, flush=True)
    folder.mkdir(parents=True)
    url = f"sqlite:///{folder / 'bridge.db'}" if store.startswith("sqlite") else store
    database = Database(url)
    upgrade(database)
    rules = Ruleset((a_rule(a_stage("7d"), a_stage("90d", Action.DELETE)),))
    timing = Timing(deadlines={Action.SUSPEND: timedelta(minutes=5)})
    systems = {"crm": MemoryTarget(), "dir": MemoryTarget()}
    able = (Action.SUSPEND, Action.DELETE)
    bench = Bench(database, FakeClock(), rules, systems, timing=timing, actions=able)
    model = bench.join("model")
    bench.leave(model)
    _copy(database, model, size - 1)
    analyze(database.engine)
    with database.read() as tx:
        found = tx.execute(select(func.count()).select_from(tasks)).scalar_one()
    if found != 4 * size:
        raise RuntimeError(f"there are {found} tasks, not {4 * size}")
    bench.clock.advance(timedelta(days=7) - SPACING / 2 + SPACING * due)
    return bench


def _copy(database: Database, model: str, count: int) -> None:
    engine = database.engine
    with engine.connect() as tx:
        rows = [(each, dict(row)) for each in _TABLES for row in _rows_of(tx, each, model)]
        processes = {column: driver_value(tx, column) for each in _TABLES for column in each.columns}
        tx.rollback()
    own = [row["id"] for _, row in rows]
    with bare(engine):
        for each in _TABLES:
            pattern = [row for of, row in rows if of is each]
            write_rows(engine, each, _made(each, pattern, own, processes, count))


def _rows_of(tx: Connection, of: Table, model: str) -> Sequence[Mapping[str, Any]]:
    if of is stages:
        query = select(stages).join(cases, cases.c.id == stages.c.case_id).where(cases.c.identity_id == model)
    else:
        key = of.c.id if of is identities else of.c.identity_id
        query = select(of).where(key == model)
    return [dict(row) for row in tx.execute(query).mappings()]


def _made(
    of: Table,
    pattern: Sequence[Mapping[str, Any]],
    own: Sequence[str],
    processes: Mapping[Any, Callable[[Any], Any]],
    count: int,
) -> Iterator[tuple[Any, ...]]:
    start = datetime(2026, 3, 2, 9, tzinfo=FakeClock().now.tzinfo)
    for number in range(1, count + 1):
        later = SPACING * number
        ids = {old: _id_of(old, number, start) for old in own}
        for row in pattern:
            yield tuple(processes[c](_other(c.name, row[c.name], ids, later, number)) for c in of.columns)


def _id_of(old: str, number: int, start: datetime) -> str:
    """Return the id of a copy: the same whichever table asks."""
    return f"{new_id(start)[:13]}-{old[14:24]}{number:012x}" if old else old


def _other(name: str, value: Any, ids: Mapping[str, str], later: timedelta, number: int) -> Any:
    if isinstance(value, str) and value in ids:
        return ids[value]
    if name in _DATES and value is not None:
        return value + later
    if name in {"user_name", "user_name_key", "any_case_name", "external_id"} and value is not None:
        return f"{value}-{number}"
    return value
