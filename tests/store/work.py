"""How much a database does to answer: no clock is asked, so that busy machines answer the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, event

from scimbridge.store.database import Database
from scimbridge.store.prepared import driver_of


def work_of(database: Database, ask: Callable[[Connection], object]) -> int:
    """Return how many steps SQLite takes to answer, or how many rows PostgreSQL looks at."""
    with database.read() as tx:
        return _steps(tx, ask) if tx.dialect.name == "sqlite" else _rows(tx, ask)


def _steps(tx: Connection, ask: Callable[[Connection], object]) -> int:
    taken = 0

    def step() -> int:
        nonlocal taken
        taken += 1
        return 0

    connection: sqlite3.Connection = driver_of(tx)
    connection.set_progress_handler(step, 1)
    try:
        ask(tx)
    finally:
        connection.set_progress_handler(None, 0)
    return taken


def _rows(tx: Connection, ask: Callable[[Connection], object]) -> int:
    # Tables of a test are so small that reading all of them would be cheaper.
    for way in ("seqscan", "hashjoin", "mergejoin", "sort"):
        tx.exec_driver_sql(f"SET LOCAL enable_{way} = off")
    looked_at = 0

    def explain(own: Connection, _cursor: object, statement: str, values: Any, *_: object) -> None:
        nonlocal looked_at
        if not statement.startswith("EXPLAIN"):
            (plan,) = own.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values).scalar_one()
            looked_at += sum(_looked_at(plan["Plan"]))

    event.listen(tx, "before_cursor_execute", explain)
    ask(tx)
    return looked_at


def _looked_at(node: dict[str, Any]) -> Iterator[int]:
    if "Relation Name" in node:
        yield round((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
    for part in node.get("Plans", ()):
        yield from _looked_at(part)
