"""Quirks: how each source writes is counted, at a bounded cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import event

from scimbridge.errors import StoreBusyError
from scimbridge.services import quirks as quirks_module
from scimbridge.services.quirks import OTHERS, Quirks
from scimbridge.store.database import Database
from scimbridge.store.quirks import quirks_of
from tests.scim.conftest import Service, a_group, a_user, patched

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WELL_BEHAVED = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}


def seen(database: Database, source: str = "okta") -> dict[str, int]:
    with database.read() as tx:
        return {row["name"]: row["seen"] for row in quirks_of(tx, source)}


def sent(client: httpx.Client, method: str, path: str, body: dict[str, Any]) -> None:
    assert client.request(method, path, json=body).status_code < 300


def in_order(case: object) -> str:
    """Return how a case is called; a set has its members in no particular order, and each process in another one."""
    return repr(sorted(case)) if isinstance(case, set) else repr(case)


@pytest.mark.parametrize(
    ("operation", "quirks"),
    [
        ({"op": "replace", "path": "active", "value": False}, set()),
        ({"op": "Replace", "path": "active", "value": "False"}, {"capitalized op", "string boolean"}),
        ({"op": "replace", "value": {"active": False}}, {"operation without path"}),
        ({"op": "add", "value": {"name.givenName": "A"}}, {"operation without path", "path as a key"}),
        ({"op": "add", "path": f"{ENTERPRISE}:manager", "value": "1"}, {"manager that is no object"}),
        ({"op": "add", "path": "urn:scim:schemas:core:1.0:title", "value": "x"}, {"old schema URN"}),
        (
            {"op": "add", "path": "urn:scim:schemas:extension:enterprise:1.0:department", "value": "x"},
            {"old schema URN"},
        ),
        ({"op": "remove", "path": "emails", "value": [{"value": "a"}]}, {"remove with a value"}),
        ({"op": "replace", "path": "shoeSize", "value": 1}, {"unknown attribute shoeSize"}),
        # Whom a filter names is no part of it: quirks are kept for good.
        ({"op": "replace", "path": 'shoes[left eq "ada]"].size', "value": 1}, {"unknown attribute shoes.size"}),
        ({"op": "add", "path": 'emails[type eq "ada"]', "value": {"x": 1}}, {"unknown attribute emails.x"}),
        ({"op": "replace", "path": "password", "value": "x"}, {"password"}),
        ({"op": "replace", "value": {"groups": []}}, {"operation without path", "read-only attribute"}),
    ],
    ids=in_order,
)
def test_quirks_of_a_patch_are_counted(service: Service, operation: dict[str, Any], quirks: set[str]) -> None:
    client = service.client()
    user_id = a_user(client, schemas=[USER])

    sent(client, "PATCH", f"Users/{user_id}", {**WELL_BEHAVED, "Operations": [operation]})

    assert set(seen(service.database)) == quirks


@pytest.mark.parametrize(
    ("more", "quirks"),
    [
        ({}, set()),
        ({"schemas": []}, {"no schemas"}),
        ({"schemas": ["urn:scim:schemas:core:1.0"]}, {"old schema URN"}),
        ({"schemas": [USER, "urn:example:x"]}, {"foreign schema URN"}),
        ({"title": None}, {"null value"}),
        ({"emails": [{"value": "a", "type": None}]}, {"null value"}),
        ({"Active": "True"}, {"attribute name in another case", "string boolean"}),
        ({"id": "x", "meta": {}}, {"read-only attribute"}),
        ({"password": "x"}, {"password"}),
        ({"name.givenName": "A"}, {"path as a key"}),
        ({f"{ENTERPRISE}:department": "A"}, {"path as a key"}),
        (
            {"shoeSize": 1, ENTERPRISE: {"desk": 1}},
            {"unknown attribute shoeSize", f"unknown attribute {ENTERPRISE}:desk"},
        ),
    ],
    ids=in_order,
)
def test_quirks_of_a_new_user_are_counted(service: Service, more: dict[str, Any], quirks: set[str]) -> None:
    sent(service.client(), "POST", "Users", {"schemas": [USER], "userName": "ada", **more})

    assert set(seen(service.database)) == quirks


def test_quirks_are_counted_for_each_source(service: Service) -> None:
    a_user(service.client("token-of-okta"), schemas=[])
    a_user(service.client("token-of-entra"), schemas=[USER], nickname="A")

    assert set(seen(service.database)) == {"no schemas"}
    assert set(seen(service.database, "entra")) == {"attribute name in another case"}


def test_a_bulk_request_is_counted_once(service: Service) -> None:
    operations = [{"method": "POST", "path": "/Users", "data": {"userName": name}} for name in "abc"]

    service.client().post("Bulk", json={"Operations": operations})

    assert seen(service.database) == {"no schemas": 1}


def test_what_is_refused_is_counted_too(service: Service) -> None:
    service.client().post("Users", json={"schemas": [USER], "shoeSize": 43})

    assert seen(service.database) == {"unknown attribute shoeSize": 1}


def test_members_may_be_bare_ids(service: Service) -> None:
    client = service.client()
    user_id, group_id = a_user(client, schemas=[USER]), a_group(client)

    patched(client, f"Groups/{group_id}", {"op": "add", "path": "members", "value": user_id})

    assert client.get(f"Groups/{group_id}").json()["members"][0]["value"] == user_id
    assert "member that is no object" in seen(service.database)


# -- counting -----------------------------------------------------------------


def test_counts_are_stored_at_most_once_a_minute(database: Database) -> None:
    quirks = Quirks(database)
    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda _c, _k, text, *_: statements.append(text))

    for second in range(0, 150, 10):
        quirks.note("okta", ["null value"], NOW + timedelta(seconds=second))

    assert sum(text.startswith("INSERT INTO quirks") for text in statements) == 3
    assert seen(database) == {"null value": 13}
    quirks.flush(NOW)
    assert seen(database) == {"null value": 15}


def test_a_new_quirk_is_stored_at_once(database: Database) -> None:
    quirks = Quirks(database)

    quirks.note("okta", ["null value"], NOW)
    quirks.note("okta", ["null value", "no schemas"], NOW)

    assert seen(database) == {"null value": 2, "no schemas": 1}


def test_processes_count_together(database: Database) -> None:
    for _ in range(2):
        Quirks(database).note("okta", ["null value"], NOW)

    assert seen(database) == {"null value": 2}
    with database.read() as tx:
        (row,) = quirks_of(tx, "okta")
    assert (row["first_seen_at"], row["last_seen_at"]) == (NOW, NOW)


def test_names_that_never_end_are_counted_together(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quirks_module, "MOST_NAMES", 3)

    Quirks(database).note("okta", [f"unknown attribute {n}" for n in range(3)], NOW)
    after_restart = Quirks(database)
    after_restart.note("okta", ["unknown attribute 7", "unknown attribute 8", "unknown attribute 0"], NOW)
    after_restart.flush(NOW)

    assert len(seen(database)) == 4
    assert seen(database)[OTHERS] == 2


def test_a_store_in_trouble_fails_no_request(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    quirks = Quirks(database)

    def busy() -> Any:
        raise StoreBusyError("busy")

    with monkeypatch.context() as trouble:
        trouble.setattr(database, "write", busy)
        quirks.note("okta", ["null value"], NOW)
        quirks.flush(NOW)
    assert seen(database) == {}

    quirks.flush(NOW)
    assert seen(database) == {"null value": 1}


def test_unknown_attributes_are_a_metric(database: Database) -> None:
    def value() -> float:
        return REGISTRY.get_sample_value("scimbridge_unknown_attributes_total", {"source": "measured"}) or 0.0

    before = value()
    Quirks(database).note("measured", ["unknown attribute a", "unknown attribute b", "null value"], NOW)

    assert value() - before == 2
