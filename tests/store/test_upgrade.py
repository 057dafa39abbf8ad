"""Migrations: they build what the code expects, however many processes start them."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Table, insert, inspect, make_url, select, text
from sqlalchemy.exc import IntegrityError

from scimbridge.store import schema
from scimbridge.store.database import _SESSION, Database
from scimbridge.store.schema import metadata
from scimbridge.store.upgrade import is_current, upgrade
from tests.store.racing import race


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'data' / 'bridge.db'}"
        return
    server = make_url(request.getfixturevalue("postgresql_url"))
    admin = Database(server.render_as_string(hide_password=False))
    with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE IF EXISTS empty WITH (FORCE)"))
        connection.execute(text("CREATE DATABASE empty"))
    admin.close()
    yield server.set(database="empty").render_as_string(hide_password=False)


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    database = Database(empty_url)
    yield database
    database.close()


def differences(database: Database) -> list[object]:
    with database.read() as connection:
        # SQLite quotes the defaults it tells, so that they all look different there.
        options = {"compare_type": True, "compare_server_default": not database.is_sqlite}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def test_the_migrations_build_what_the_tables_say(empty: Database) -> None:
    assert len(differences(empty)) > 0

    upgrade(empty)

    assert differences(empty) == []


def test_partial_indexes_are_built_as_partial_ones(empty: Database) -> None:
    upgrade(empty)

    with empty.read() as connection:
        query = (
            "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql LIKE '%WHERE%'"
            if empty.is_sqlite
            else "SELECT indexdef FROM pg_indexes WHERE indexdef LIKE '%WHERE%'"
        )
        built = connection.execute(text(query)).all()
    wanted = [
        index.name
        for table in metadata.sorted_tables
        for index in table.indexes
        if index.dialect_options["sqlite"]["where"] is not None
    ]
    assert sorted(name for name in wanted if name and any(name in row[0] for row in built)) == sorted(map(str, wanted))


@pytest.mark.parametrize("empty_url", ["sqlite"], indirect=True)  # the other one always keeps rows apart from keys
def test_tables_are_kept_in_their_keys_where_that_is_said(empty: Database) -> None:
    upgrade(empty)

    with empty.read() as connection:
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%WITHOUT ROWID%'"
        built = connection.execute(text(query)).scalars().all()
    assert set(built) == {
        table.name for table in metadata.sorted_tables if not table.dialect_options["sqlite"]["with_rowid"]
    }


def test_an_empty_database_is_not_current(empty: Database) -> None:
    assert not is_current(empty)

    upgrade(empty)

    assert is_current(empty)


def test_a_second_upgrade_does_nothing_more(empty: Database) -> None:
    upgrade(empty)
    with empty.write() as tx:
        tx.execute(text("INSERT INTO sources (name, created_at) VALUES ('okta', '2026-01-01 00:00:00')"))

    upgrade(empty)

    assert differences(empty) == []
    with empty.read() as tx:
        assert tx.execute(text("SELECT name FROM sources")).scalars().all() == ["okta"]


def test_several_threads_may_upgrade_at_once(empty_url: str) -> None:
    databases = [Database(empty_url) for _ in range(4)]

    results = race([partial(upgrade, database) for database in databases])

    assert results == [None] * 4
    assert is_current(databases[0])
    for database in databases:
        database.close()


def test_several_processes_may_upgrade_at_once(empty_url: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(3) as pool:
        assert pool.map(_upgrade, [empty_url] * 3) == [True] * 3


def test_who_comes_during_an_upgrade_waits_for_as_long_as_it_takes(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scimbridge.store.database.BUSY_TIMEOUT", timedelta(milliseconds=50))
    monkeypatch.setitem(_SESSION, "lock_timeout", "50ms")
    waits = threading.Event()
    monkeypatch.setattr("scimbridge.store.upgrade.log", mock.Mock(info=lambda *_, **__: waits.set()))
    other, late = Database(empty_url), Database(empty_url)
    with other.write() as tx:
        if not other.is_sqlite:
            tx.exec_driver_sql("SELECT pg_advisory_xact_lock(731944871)")
        waiting = threading.Thread(target=upgrade, args=(late,))
        waiting.start()
        assert waits.wait(60)
    waiting.join()

    assert is_current(late)
    for database in (other, late):
        database.close()


def test_an_upgrade_that_fails_leaves_nothing_behind(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    run = command.upgrade

    def fail(config: Config, revision: str) -> None:
        run(config, revision)
        raise RuntimeError("the power went out")

    monkeypatch.setattr(command, "upgrade", fail)
    with pytest.raises(RuntimeError):
        upgrade(empty)

    with empty.read() as connection:
        assert inspect(connection).get_table_names() == []


def test_work_is_kept_when_its_stages_get_another_key(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    _upgrade_to("0026", empty, monkeypatch)
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    ada = {"id": "ada", "source": "okta", "user_name": "ada", "user_name_key": "ada", "active": False, "version": 1}
    case = {"identity_id": "ada", "source": "okta", "kind": "leave", "rule": "leavers", "trigger_at": at}
    of_case = {"case_id": "left", "identity_id": "ada", "account_id": "at crm", "target": "crm", "action": "suspend"}
    given = {"case_id": "left", "stage_id": "now", "digest": "0", "document": {"a": 1}, "approved_at": at}
    rows: list[tuple[Table, dict[str, Any]]] = [
        (schema.sources, {"name": "okta", "created_at": at}),
        (schema.identities, {"document": {}, "created_at": at, "modified_at": at, **ada}),
        (schema.accounts, {"id": "at crm", "identity_id": "ada", "target": "crm"}),
        (schema.cases, {"id": "left", "state": "open", "opened_at": at, **case}),
        (schema.cases, {"id": "came back", "state": "completed", "opened_at": at, **case}),
        (schema.stages, {"id": "now", "case_id": "left", "number": 0, "after_seconds": 0, "due_at": at}),
        (
            schema.stages,
            {"id": "later", "case_id": "left", "number": 1, "after_seconds": 5, "due_at": at, "approvers": 2}
            | {"terms": {"schedule": "0 2 * * *"}},
        ),
        (schema.stages, {"id": "back", "case_id": "came back", "number": 0, "after_seconds": 0, "due_at": at}),
        (
            schema.tasks,
            {"id": "1", "stage_id": "now", "state": "done", "irreversible": False, "position": 1, "due_at": at}
            | {"evidence": {"after": {"suspended": True}}, "changed": True, "finished_at": at, "attempts": 2}
            | of_case,
        ),
        (
            schema.tasks,
            {"id": "2", "stage_id": "later", "state": "planned", "irreversible": True, "position": 2, "due_at": at}
            | {"deadline_at": at, "reason": "why"}
            | of_case,
        ),
        (schema.approvals, {"id": "1", "approved_by": "eve", **given}),
        (schema.approvals, {"id": "2", "approved_by": "eve", "lapsed_at": at, "lapse_reason": "why", **given}),
    ]
    with empty.write() as tx:
        for table, row in rows:
            tx.execute(table.insert().values(**row))
    kept = (schema.stages, schema.tasks, schema.approvals)
    before = {table.name: _rows(empty, table) for table in kept}
    columns = {table.name: _columns(empty, table) for table in kept}

    upgrade(empty)

    assert {table.name: _rows(empty, table) for table in kept} == before
    assert {table.name: _columns(empty, table) for table in kept} == columns
    assert [len(each) for each in before.values()] == [3, 2, 2]
    if empty.is_sqlite:
        with empty.read() as tx:
            assert tx.execute(text("PRAGMA foreign_key_check")).all() == []
    for table in (schema.tasks, schema.approvals):
        # Its stage is one of its own case.
        moved = table.update().where(table.c.id == "1").values(stage_id="back")
        with pytest.raises(IntegrityError, match=r"(?i)foreign key"), empty.write() as tx:
            tx.execute(moved)


def test_open_inquiries_take_over_whom_they_are_about(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    _upgrade_to("0023", empty, monkeypatch)
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    a_resource = {"source": "okta", "version": 1, "document": {}, "created_at": at, "modified_at": at}
    an_inquiry = {"source": "okta", "group_id": "sales", "display_name": "sales", "targets": [], "people": 1}
    rows: list[tuple[Table, dict[str, Any]]] = [
        (schema.sources, {"name": "okta", "created_at": at}),
        *(
            (
                schema.identities,
                {"id": key, "user_name": key, "user_name_key": key, "any_case_name": key, "active": True, **a_resource},
            )
            for key in ("ada", "bob", "cyd")
        ),
        *(
            (schema.groups, {"id": key, "display_name": key, "display_name_key": key, **a_resource})
            for key in ("sales", "team")
        ),
        (schema.memberships, {"group_id": "sales", "member_id": "team", "kind": "Group"}),
        (schema.memberships, {"group_id": "team", "member_id": "sales", "kind": "Group"}),
        (schema.memberships, {"group_id": "team", "member_id": "ada", "kind": "User"}),
        *(
            (schema.past_memberships, {"identity_id": key, "display_name": "sales", "ended_at": at})
            for key in ("bob", "cyd")
        ),
        (schema.inquiries, {"id": "renamed", "cause": "renamed", "opened_at": at, **an_inquiry}),
        (schema.inquiries, {"id": "crowd", "cause": "crowd", "opened_at": at, **an_inquiry}),
        (schema.inquiries, {"id": "answered", "cause": "deleted", "opened_at": at, "closed_at": at, **an_inquiry}),
    ]
    with empty.write() as tx:
        for table, row in rows:
            tx.execute(table.insert().values(**row))

    upgrade(empty)

    with empty.read() as tx:
        kept = tx.execute(text("SELECT inquiry_id, identity_id FROM inquiry_people ORDER BY 1, 2")).all()
    assert [tuple(row) for row in kept] == [("crowd", "bob"), ("crowd", "cyd"), ("renamed", "ada")]


def test_requests_are_numbered_in_the_order_of_time(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    _upgrade_to("0025", empty, monkeypatch)
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    rest = {"source": "okta", "at": at, "method": "PATCH", "path": "/", "status": 200, "received": {"a": [1]}}
    rest |= {"understood": "", "applied": "", "resource_id": "ada"}
    with empty.write() as tx:
        # Without numbers, which the table has only afterwards.
        for key in ("b", "c", "a"):
            tx.execute(insert(schema.requests).inline().values(**rest, id=key))

    upgrade(empty)

    with empty.write() as tx:
        tx.execute(insert(schema.requests).values(**rest, id="d"))
        kept = tx.execute(select(schema.requests).order_by(schema.requests.c.number)).mappings().all()
    assert [row["id"] for row in kept] == ["a", "b", "c", "d"]
    assert {column: kept[0][column] for column in rest} == rest


def _upgrade_to(revision: str, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    run = command.upgrade
    monkeypatch.setattr(command, "upgrade", lambda config, _revision: run(config, revision))
    upgrade(database)
    monkeypatch.undo()


def _rows(database: Database, table: Table) -> list[dict[str, Any]]:
    with database.read() as tx:
        return [dict(row) for row in tx.execute(table.select().order_by(table.c.id)).mappings()]


def _columns(database: Database, table: Table) -> dict[str, tuple[str, bool, str]]:
    """Return type, whether it may be empty, and default of each column."""
    with database.read() as tx:
        return {
            column["name"]: (str(column["type"]), column["nullable"], (column["default"] or "").strip("()"))
            for column in inspect(tx).get_columns(table.name)
        }


def _upgrade(url: str) -> bool:
    database = Database(url)
    upgrade(database)
    current = is_current(database)
    database.close()
    return current
