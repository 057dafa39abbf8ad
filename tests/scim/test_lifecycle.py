"""The lifecycle extension: when and how somebody's time ends, in every way of writing."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.scim.conftest import a_user, patched

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
LIFECYCLE = "urn:scimbridge:params:scim:schemas:extension:lifecycle:2.0:User"
DATES = [
    "2026-03-31",
    "2026-03-31T17:00:00Z",
    "2026-03-31T17:00:00.123Z",
    "2026-03-31T17:00:00+02:00",
    "2026-03-31T17:00:00",
    "2028-02-29",
]
NO_DATES: list[Any] = [
    "soon",
    "2026-02-30",
    "31.03.2026",
    "20260331",
    "2026-W01-1",
    "2026-03-31T25:00:00Z",
    20260331,
    [],
]


def read(client: httpx.Client, user_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"Users/{user_id}").json()
    return found


@pytest.mark.parametrize("date", DATES)
def test_an_end_date_is_stored_as_asked(client: httpx.Client, date: str) -> None:
    user = read(
        client, a_user(client, "ada@example.com", **{LIFECYCLE: {"endDate": date, "leaverKind": "involuntary"}})
    )

    assert user[LIFECYCLE] == {"endDate": date, "leaverKind": "involuntary"}
    assert user["schemas"] == [CORE, LIFECYCLE]


@pytest.mark.parametrize("value", NO_DATES, ids=repr)
def test_what_is_no_date_is_refused_in_every_way(client: httpx.Client, value: Any) -> None:
    user_id = a_user(client, "ada@example.com", **{LIFECYCLE: {"endDate": "2026-03-31"}})
    before = read(client, user_id)
    path = f"{LIFECYCLE}:endDate"

    answers = [
        client.post("Users", json={"userName": "ben", LIFECYCLE: {"endDate": value}}),
        client.put(f"Users/{user_id}", json={"userName": "ada@example.com", LIFECYCLE: {"endDate": value}}),
        patched(client, f"Users/{user_id}", {"op": "replace", "path": path, "value": value}),
        patched(client, f"Users/{user_id}", {"op": "add", "value": {path: value}}),
        patched(client, f"Users/{user_id}", {"op": "replace", "value": {LIFECYCLE: {"endDate": value}}}),
    ]

    assert [(each.status_code, each.json()["scimType"]) for each in answers] == [(400, "invalidValue")] * 5
    assert read(client, user_id) == before


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": f"{LIFECYCLE}:endDate", "value": "2027-01-31"},
        {"op": "Add", "path": f"{LIFECYCLE.upper()}:ENDDATE", "value": "2027-01-31"},
        {"op": "replace", "value": {f"{LIFECYCLE}:endDate": "2027-01-31"}},
        {"op": "replace", "value": {LIFECYCLE: {"enddate": "2027-01-31"}}},
        {"op": "replace", "path": LIFECYCLE, "value": {"endDate": "2027-01-31"}},
    ],
    ids=repr,
)
def test_it_is_patched_like_any_other(client: httpx.Client, operation: dict[str, Any]) -> None:
    user_id = a_user(
        client, "ada@example.com", **{ENTERPRISE: {"department": "X"}, LIFECYCLE: {"leaverKind": "retirement"}}
    )

    response = patched(client, f"Users/{user_id}", operation)

    assert response.status_code == 200
    assert read(client, user_id)[LIFECYCLE] == {"endDate": "2027-01-31", "leaverKind": "retirement"}
    assert read(client, user_id)[ENTERPRISE] == {"department": "X"}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": f"{LIFECYCLE}:endDate"},
        {"op": "replace", "path": f"{LIFECYCLE}:endDate", "value": ""},
        {"op": "replace", "path": f"{LIFECYCLE}:endDate", "value": None},
        {"op": "add", "value": {LIFECYCLE: {"endDate": None}}},
        {"op": "remove", "path": LIFECYCLE},
    ],
    ids=repr,
)
def test_an_end_date_is_taken_away(client: httpx.Client, operation: dict[str, Any]) -> None:
    user_id = a_user(client, "ada@example.com", **{LIFECYCLE: {"endDate": "2026-03-31"}})

    response = patched(client, f"Users/{user_id}", operation)

    assert response.status_code == 200
    assert LIFECYCLE not in read(client, user_id)
    assert read(client, user_id)["schemas"] == [CORE]


def test_a_put_replaces_it(client: httpx.Client) -> None:
    user_id = a_user(client, "ada", **{LIFECYCLE: {"endDate": "2026-03-31"}})

    client.put(f"Users/{user_id}", json={"userName": "ada", LIFECYCLE: {"endDate": "", "leaverKind": "Our own word"}})

    assert read(client, user_id)[LIFECYCLE] == {"leaverKind": "Our own word"}


def test_it_is_projected_and_filtered(client: httpx.Client) -> None:
    user_id = a_user(client, "ada", **{LIFECYCLE: {"endDate": "2026-03-31", "leaverKind": "voluntary"}})
    a_user(client, "ben", **{LIFECYCLE: {"endDate": "2026-12-31"}})

    shown = client.get(f"Users/{user_id}", params={"attributes": f"{LIFECYCLE}:EndDate"}).json()
    hidden = client.get(f"Users/{user_id}", params={"excludedAttributes": LIFECYCLE.lower()}).json()
    found = client.get("Users", params={"filter": f'{LIFECYCLE}:endDate lt "2026-06-30"'}).json()["Resources"]

    assert shown == {"schemas": [CORE, LIFECYCLE], "id": user_id, LIFECYCLE: {"endDate": "2026-03-31"}}
    assert LIFECYCLE not in hidden
    assert [user["userName"] for user in found] == ["ada"]
