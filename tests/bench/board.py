"""What the pages about people cost with few and with many open cases: by what they show, not by what is open."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from starlette.applications import Starlette

from scimbridge.dashboard import build_routes
from tests.bench import table
from tests.bench.effort import Effort
from tests.bench.flat import STORES
from tests.bench.sweeping import open_cases
from tests.bench.table import milliseconds, quantile
from tests.dashboard.conftest import Browser, bridge_of
from tests.services.bench import Bench

TURNS = 20
DUE = 100
"""Cases of which something is due, so that they do not rest."""

PAGES = {
    "the board": "/",
    "open cases": "/cases",
    "open cases, the last page": "/cases?until=2026-03-02T09:30",
    "who needs a person": "/cases?column=needs+a+person",
    "who is in grace": "/cases?column=grace",
    "all that was ever open": "/cases?state=all",
    "by a name": "/cases?text=model-77",
    "a search": "/search?q=model-77",
}


def measure_board(folder: Path, effort: Effort) -> list[table.Table]:
    """Measure pages on both stores, over the two smaller sizes."""
    tables = []
    sizes = effort.sizes[:2]
    for store, stores in STORES.items():
        with ExitStack() as stack:
            address = stack.enter_context(stores())
            benches = [open_cases(folder / f"{store}-{size}", address(f"board{size}"), size, due=DUE) for size in sizes]
            browsers = [_browser(bench) for bench in benches]
            rows = [_row(name, path, browsers) for name, path in PAGES.items()]
            head = ("a page", *(f"{size:,} open, p50 / p99" for size in sizes), "largest against smallest")
            tables.append(table.Table(f"Pages, by open cases of four tasks: {store}", head, rows))
            for bench in benches:
                bench.database.close()
    return tables


def _browser(bench: Bench) -> Browser:
    bridge = bridge_of(bench)
    browser = Browser(Starlette(routes=build_routes(bridge)), bridge)
    browser.sign_in()
    return browser


def _row(name: str, path: str, browsers: list[Browser]) -> table.Row:
    spans = [[_timed(lambda browser=browser: browser.get(path)) for _ in range(TURNS)] for browser in browsers]  # type: ignore[misc]
    figures = (f"{milliseconds(quantile(each, 0.5))} / {milliseconds(quantile(each, 0.99))}" for each in spans)
    return (name, *figures, f"{quantile(spans[-1], 0.5) / quantile(spans[0], 0.5):.2f}x")


def _timed(look: Callable[[], object]) -> float:
    start = time.perf_counter()
    look()
    return time.perf_counter() - start
