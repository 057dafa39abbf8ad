"""Prepared statements: the same as SQLAlchemy's own execution, on both stores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from scimbridge.domain.case import CaseKind, CaseState
from scimbridge.errors import StoreUnavailableError
from scimbridge.store.database import Database
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import cases, history, holds, identities, quirks, sources

NOW = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
WHOLE_SECOND = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)

_INSERT_SOURCE = Prepared(insert(sources), ("name", "created_at"))
_INSERT_ENTRY = Prepared(insert(history), [column.name for column in history.c if column.name != "id"])
_ENTRIES = Prepared(select(history).order_by(history.c.id))


def an_entry(**values: Any) -> dict[str, Any]:
    entry = dict.fromkeys((column.name for column in history.c if column.name != "id"), None)
    return {**entry, "at": NOW, "event": "e", "actor": "a", "reason": "", "details": {}, "digest": "", **values}


@pytest.mark.parametrize("at", [NOW, WHOLE_SECOND, NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))])
@pytest.mark.parametrize("details", [{}, {"a": [1, None, "ü", {"b": True}]}, {"big": 2**70}])
def test_what_is_written_is_what_sqlalchemy_reads(database: Database, at: datetime, details: dict[str, Any]) -> None:
    with database.write() as tx:
        _INSERT_ENTRY.run(tx, an_entry(at=at, details=details, case_id="c"))

    with database.read() as tx:
        theirs = dict(tx.execute(select(history)).mappings().one())
        ours = _ENTRIES.first(tx, {})

    assert ours == theirs
    assert (theirs["at"], theirs["details"], theirs["case_id"], theirs["personal"]) == (at, details, "c", None)


def test_what_sqlalchemy_writes_is_found_by_its_time(database: Database) -> None:
    by_time = Prepared(select(sources.c.name).where(sources.c.created_at == bindparam("moment")))
    with database.write() as tx:
        tx.execute(insert(sources).values(name="okta", created_at=WHOLE_SECOND))

        assert by_time.column(tx, {"moment": WHOLE_SECOND}) == ["okta"]
        assert by_time.column(tx, {"moment": NOW}) == []


def test_values_are_python_s_own(database: Database) -> None:
    active = Prepared(select(identities.c.active, identities.c.created_at, identities.c.document))
    row = {
        "id": "i", "source": "okta", "version": 1, "created_at": NOW, "modified_at": NOW, "user_name": "ada",
        "user_name_key": "ada", "external_id": None, "active": False, "document": {"a": 1},
    }  # fmt: skip
    with database.write() as tx:
        _INSERT_SOURCE.run(tx, {"name": "okta", "created_at": NOW})
        Prepared(insert(identities), row).run(tx, row)

        assert active.all(tx, {}) == [{"active": False, "created_at": NOW, "document": {"a": 1}}]
        assert active.column(tx, {}) == [False]


def test_several_rows_are_written_at_once(database: Database) -> None:
    names = Prepared(select(sources.c.name).order_by(sources.c.name))
    with database.write() as tx:
        _INSERT_SOURCE.run_many(tx, [{"name": name, "created_at": NOW} for name in ("a", "b", "c")])
        _INSERT_SOURCE.run_many(tx, [])

        assert names.column(tx, {}) == ["a", "b", "c"]


def test_a_member_of_an_enumeration_is_written_as_its_text(database: Database) -> None:
    case: dict[str, Any] = dict.fromkeys(cases.c.keys(), "") | dict.fromkeys(("trigger_at", "opened_at"), NOW)
    case |= {"id": "c", "identity_id": "i", "kind": CaseKind.LEAVE, "trigger": None, "state": CaseState.OPEN}
    case |= {"ruleset": None}
    user = {"id": "i", "source": "okta", "version": 1, "created_at": NOW, "modified_at": NOW, "user_name": "ada"}
    user |= {"user_name_key": "ada", "external_id": None, "active": False, "document": {}}
    with database.write() as tx:
        _INSERT_SOURCE.run(tx, {"name": "okta", "created_at": NOW})
        Prepared(insert(identities), user).run(tx, user)
        Prepared(insert(cases), case).run(tx, {**case, "closed_at": None})

        found = tx.execute(select(cases.c.kind, cases.c.trigger, cases.c.state)).one()

    assert tuple(found) == ("leave", None, "open")
    assert {type(value) for value in found} == {str, type(None)}


def test_what_grows_by_several_rows_grows_by_their_sum(database: Database) -> None:
    grow = Prepared(
        update(quirks)
        .where(quirks.c.source == bindparam("of"), quirks.c.name == bindparam("called"))
        .values(seen=quirks.c.seen + bindparam("more")),
        sums_up="more",
    )
    rows = [{"of": "okta", "called": name, "more": more} for name, more in (("a", 1), ("b", 1), ("a", 2))]

    assert grow.joined(rows) == [
        {"of": "okta", "called": "a", "more": 3},
        {"of": "okta", "called": "b", "more": 1},
    ]
    assert _INSERT_SOURCE.joined(rows) is rows


def test_an_update_says_how_many_rows_it_wrote(database: Database) -> None:
    rename = Prepared(update(sources).where(sources.c.name == bindparam("old")), ("created_at",))
    with database.write() as tx:
        _INSERT_SOURCE.run(tx, {"name": "okta", "created_at": NOW})

        assert rename.run(tx, {"old": "okta", "created_at": WHOLE_SECOND}) == 1
        assert rename.run(tx, {"old": "entra", "created_at": WHOLE_SECOND}) == 0


def test_values_of_the_statement_itself_are_bound(database: Database) -> None:
    open_cases = Prepared(
        select(cases.c.id).where(cases.c.state == "open", cases.c.id == bindparam("key")).limit(1).with_for_update()
    )
    with database.write() as tx:
        assert open_cases.first(tx, {"key": "c"}) is None


def test_errors_are_sqlalchemy_s_without_the_parameters(database: Database) -> None:
    row = {"name": "secret-name", "created_at": NOW}
    with database.write() as tx:
        _INSERT_SOURCE.run(tx, row)

    with pytest.raises(IntegrityError) as caught, database.write() as tx:
        _INSERT_SOURCE.run(tx, row)

    assert caught.value.params is None


def test_lists_in_a_statement_are_refused(database: Database) -> None:
    by_names = Prepared(select(sources).where(sources.c.name.in_(bindparam("names", expanding=True))))

    with database.read() as tx, pytest.raises(TypeError, match="depends on its parameters"):
        by_names.all(tx, {"names": ["a"]})


def test_a_missing_parameter_is_a_mistake(database: Database) -> None:
    with database.write() as tx, pytest.raises(KeyError):
        Prepared(insert(holds), holds.c.keys()).run(tx, {"id": "h"})


def test_a_lost_connection_is_no_mistake_of_ours_and_the_next_one_works(database: Database) -> None:
    if database.is_sqlite:
        return
    row = {"name": "okta", "created_at": NOW}

    with pytest.raises(StoreUnavailableError), database.write() as tx:
        _INSERT_SOURCE.run(_disconnected(tx, database), row)

    with database.write() as tx:
        _INSERT_SOURCE.run(tx, row)


def _disconnected(tx: Connection, database: Database) -> Connection:
    backend = tx.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    with database.engine.connect() as other:
        other.exec_driver_sql(f"SELECT pg_terminate_backend({backend})")
    return tx
