"""Filling a store with people and groups faster than over HTTP, with the rows that the product itself writes.

One User comes in over SCIM. Its rows are the pattern: each table that names it gets the same rows for
everybody else, with other ids, names and times. So a new column or table needs no change here.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import Column, Connection, Engine, Row, Table, func, insert, select, update

from scimbridge.domain.ids import new_id
from scimbridge.store.schema import groups, identities, memberships, metadata, resource_counts
from tests.bench.load import create
from tests.bench.people import name_of
from tests.bench.stage import Installation

SPACING = timedelta(seconds=10)
"""Between two people's last changes: ``lastModified gt`` finds as many of them whatever the size."""

_JOURNALS = frozenset({"requests", "history"})


def load_people(bridge: Installation, count: int) -> list[str]:
    """Fill the store, while no process of the bridge runs, and return everybody's id, the oldest first."""
    bridge.start("serve")
    (model,) = create(bridge.base_url, bridge.token, 1, connections=1).ids
    bridge.stop()
    engine = bridge.bridge.database.engine
    with engine.connect() as tx:
        copies = list(_copies(tx, model))
        tx.rollback()
    now = bridge.bridge.clock()
    times = [now - SPACING * (count - number) for number in range(count)]
    ids = [model, *(new_id(time) for time in times[1:])]
    with bare(engine):
        for copy in copies:
            write_rows(engine, copy.table, (copy.row(number, ids[number], times[number]) for number in range(1, count)))
    with engine.begin() as tx:
        _count(tx, count - 1)
    return ids


def load_members(bridge: Installation, group_id: str, member_ids: Iterable[str]) -> None:
    """Make people members of a group that has one already, whose row is the pattern."""
    engine = bridge.bridge.database.engine
    with engine.begin() as tx:
        model = tx.execute(select(memberships).where(memberships.c.group_id == group_id)).mappings().one()
    names = list(memberships.columns)
    rows = (tuple({**model, "member_id": member}[column.name] for column in names) for member in member_ids)
    write_rows(engine, memberships, rows)
    with engine.begin() as tx:
        size = select(func.count()).where(memberships.c.group_id == group_id).scalar_subquery()
        tx.execute(update(groups).where(groups.c.id == group_id).values(users=size))


def analyze(engine: Engine) -> None:
    """Do what PostgreSQL's autovacuum does after a while; SQLite has nothing of the kind."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


@dataclass(frozen=True, slots=True)
class _Copy:
    """A row of the pattern, as the driver takes it, and how somebody else's is made from it."""

    table: Table
    makers: Sequence[Callable[[int, str, datetime], Any]]

    def row(self, number: int, user_id: str, time: datetime) -> tuple[Any, ...]:
        return tuple(make(number, user_id, time) for make in self.makers)


def _copies(tx: Connection, model: str) -> Iterator[_Copy]:
    for table in metadata.sorted_tables:
        key = table.c.id if table is identities else table.c.get("identity_id")
        if key is None or table.name in _JOURNALS:
            continue
        for row in tx.execute(select(table).where(key == model)):
            yield _Copy(table, [_maker(tx, column, row, model) for column in table.columns])


def driver_value(tx: Connection, column: Column[Any]) -> Callable[[Any], Any]:
    """Return what makes a value of Python one that the driver takes in bulk."""
    process = _processor(tx, column)

    def convert(plain: Any) -> Any:
        value = process(plain)
        if isinstance(plain, dict | list) and not isinstance(value, str):
            return json.dumps(plain)  # COPY takes the text; psycopg's processor wraps the object
        return value

    return convert


def _maker(tx: Connection, column: Column[Any], row: Row[Any], model: str) -> Callable[[int, str, datetime], Any]:
    plain = row._mapping[column]
    process = driver_value(tx, column)
    value = process(plain)
    if plain == model:
        return lambda _number, user_id, _time: user_id
    if column.name == "id":
        return lambda _number, _user_id, time: new_id(time)
    if column.name in {"created_at", "modified_at"}:
        return lambda _number, _user_id, time: process(time)
    if isinstance(value, str) and name_of(0) in value:
        return lambda number, _user_id, _time: value.replace(name_of(0), name_of(number))
    return lambda _number, _user_id, _time: value


def _processor(tx: Connection, column: Column[Any]) -> Callable[[Any], Any]:
    found: Callable[[Any], Any] | None = column.type.dialect_impl(tx.dialect).bind_processor(tx.dialect)
    return found or (lambda value: value)


def write_rows(engine: Engine, table: Table, rows: Iterator[tuple[Any, ...]]) -> None:
    """Store rows, each with all columns in their order, as the driver takes them."""
    names = ", ".join(column.name for column in table.columns)
    with _driver(engine) as connection:
        if isinstance(connection, sqlite3.Connection):
            marks = ", ".join("?" for _ in table.columns)
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", rows)
            connection.execute("COMMIT")
            return
        with connection.cursor().copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        connection.commit()


@contextmanager
def _driver(engine: Engine) -> Iterator[Any]:
    """Lend a connection of the driver itself, which need not survive a crash nor check references."""
    lent = engine.raw_connection()
    connection = lent.driver_connection
    if isinstance(connection, psycopg.Connection):
        connection.execute("SET session_replication_role = replica")
        connection.commit()
    else:
        assert isinstance(connection, sqlite3.Connection)
        connection.execute("PRAGMA synchronous=OFF")
    try:
        yield connection
    finally:
        lent.detach()
        lent.close()


@contextmanager
def bare(engine: Engine) -> Iterator[None]:
    """Take the indexes away for the block: they are built faster than they are kept."""
    with engine.begin() as tx:
        found = tx.exec_driver_sql(_INDEXES[engine.dialect.name]).all()
        for name, _ in found:
            tx.exec_driver_sql(f"DROP INDEX {name}")
    yield
    with engine.begin() as tx:
        for _, statement in found:
            tx.exec_driver_sql(statement)


_INDEXES = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
    "postgresql": (
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' "
        "AND indexname NOT IN (SELECT conname FROM pg_constraint)"
    ),
}


def _count(tx: Connection, more: int) -> None:
    """Count the people where the product counts them."""
    counted = (resource_counts.c.source == "idp") & (resource_counts.c.kind == "User")
    slot = tx.execute(select(func.min(resource_counts.c.slot)).where(counted)).scalar()
    if slot is None:
        tx.execute(insert(resource_counts).values(source="idp", kind="User", slot=0, total=more + 1))
    else:
        same = counted & (resource_counts.c.slot == slot)
        tx.execute(update(resource_counts).where(same).values(total=resource_counts.c.total + more))
