"""Users: what each way of writing does, in the spellings of the identity providers."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.scim.conftest import BASE, Service, a_group, a_user, on_any_store, patched

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
LIFECYCLE = "urn:scimbridge:params:scim:schemas:extension:lifecycle:2.0:User"
NO_BOOLEANS: list[Any] = [0, 1, "0", "1", "no", "yes", "", "banana", [], {}, {"value": False}, 0.0]


def read(client: httpx.Client, user_id: str) -> dict[str, Any]:
    response = client.get(f"Users/{user_id}")
    assert response.status_code == 200
    found: dict[str, Any] = response.json()
    return found


# -- create -------------------------------------------------------------------


def test_a_new_user_is_answered_with_its_address(client: httpx.Client) -> None:
    response = client.post("Users", json={"schemas": [CORE], "userName": "ada", "id": "mine", "meta": {"version": "x"}})

    user = response.json()
    assert response.status_code == 201
    assert user["id"] != "mine"
    assert user["active"] is True
    assert user["meta"]["location"] == response.headers["location"] == f"{BASE}/Users/{user['id']}"
    assert user["meta"]["version"] == response.headers["etag"]
    assert user == read(client, user["id"])


@pytest.mark.parametrize("body", [{}, {"userName": ""}, {"userName": "  "}, {"userName": None}, {"userName": 7}])
def test_a_user_needs_a_name(client: httpx.Client, body: dict[str, Any]) -> None:
    response = client.post("Users", json=body)

    assert (response.status_code, response.json()["scimType"]) == (400, "invalidValue")


def test_a_name_is_taken_in_every_case_of_letters(client: httpx.Client) -> None:
    a_user(client, "ada")

    response = client.post("Users", json={"userName": "ADA"})

    assert (response.status_code, response.json()["scimType"]) == (409, "uniqueness")


def test_the_same_name_in_two_sources_is_two_users(service: Service) -> None:
    okta, entra = service.client("token-of-okta"), service.client("token-of-entra")

    ids = {a_user(okta, "ada"), a_user(entra, "ada")}

    assert len(ids) == 2
    assert {user["id"] for user in okta.get("Users").json()["Resources"]} < ids
    assert {entra.get(f"Users/{user_id}").status_code for user_id in ids} == {200, 404}


def test_a_post_over_an_inactive_user_brings_it_back(client: httpx.Client) -> None:
    user_id = a_user(client, "ada", externalId="1")
    patched(client, f"Users/{user_id}", {"op": "replace", "path": "active", "value": False})

    response = client.post("Users", json={"userName": "Ada", "externalId": "1"})

    assert response.status_code == 200
    assert (response.json()["id"], response.json()["active"]) == (user_id, True)


def test_who_comes_back_under_another_name_is_no_second_record(client: httpx.Client) -> None:
    user_id = a_user(client, "ada", externalId="1")
    patched(client, f"Users/{user_id}", {"op": "replace", "path": "active", "value": False})

    response = client.post("Users", json={"userName": "ada.married", "externalId": "1"})

    assert response.status_code == 200
    assert (response.json()["id"], response.json()["userName"]) == (user_id, "ada.married")
    assert client.get("Users").json()["totalResults"] == 1


@on_any_store
def test_an_external_id_of_spaces_is_none_and_nobodys_who_comes_back(client: httpx.Client) -> None:
    ada = a_user(client, "ada", externalId=" ")
    patched(client, f"Users/{ada}", {"op": "replace", "path": "active", "value": False})

    bob = a_user(client, "bob", externalId=" ")
    patched(client, f"Users/{bob}", {"op": "replace", "path": "externalId", "value": "\t "})

    assert bob != ada
    assert "externalId" not in read(client, ada) | read(client, bob)


def test_addresses_that_are_none_are_stored_as_sent(client: httpx.Client) -> None:
    odd = {"emails": [{"value": "ada@corp.local"}], "profileUrl": "not a link", "photos": [{"value": "x y"}]}

    user = read(client, a_user(client, "ada", **odd))

    assert {name: user[name] for name in odd} == odd


def test_unknown_attributes_are_left_out_and_named_in_what_was_understood(service: Service) -> None:
    client = service.client()
    unknown = {"shoeSize": 43, "urn:example:ext": {"a": 1}, "__proto__": {"x": 1}, ENTERPRISE: {"desk": "12"}}

    user = read(client, a_user(client, "ada", **unknown))

    assert set(user) == {"schemas", "id", "userName", "active", "meta"}
    (kept,) = service.requests()
    assert kept["understood"] == (
        f"create User, active true: activate; ignored: shoeSize, urn:example:ext, __proto__, {ENTERPRISE}:desk"
    )


@pytest.mark.parametrize(
    "schemas",
    [
        None,
        [],
        [CORE.upper()],
        ["urn:scim:schemas:core:2.0", "urn:scim:schemas:extension:enterprise:2.0"],
        ["urn:scim:schemas:core:1.0", CORE],
        [CORE, "urn:example:other"],
    ],
)
def test_other_names_of_the_schemas_are_understood(client: httpx.Client, schemas: list[str] | None) -> None:
    user_id = a_user(client, "ada", schemas=schemas)

    assert read(client, user_id)["schemas"] == [CORE]


@pytest.mark.parametrize("schemas", [["urn:example:other"], ["urn:ietf:params:scim:schemas:core:2.0:Group"], CORE, [1]])
def test_a_body_that_is_meant_for_something_else_is_refused(client: httpx.Client, schemas: Any) -> None:
    response = client.post("Users", json={"schemas": schemas, "userName": "ada"})

    assert (response.status_code, response.json()["scimType"]) == (400, "invalidSyntax")


def test_a_value_that_no_index_can_hold_is_refused(client: httpx.Client) -> None:
    long = "x" * 1025

    bodies = [{"userName": long}, {"userName": "a", "externalId": long}, {"userName": "a", "emails": [{"value": long}]}]

    assert {client.post("Users", json=body).status_code for body in bodies} == {400}


# -- active -------------------------------------------------------------------


@on_any_store
@pytest.mark.parametrize("value", [False, "False", "false", "FALSE"])
@pytest.mark.parametrize(
    "operation",
    [
        {"op": "Replace", "path": "active"},
        {"op": "add", "path": "ACTIVE"},
        {"op": "replace", "path": f"{CORE}:active"},
        {"op": "replace", "key": "active"},
        {"op": "ADD", "key": "Active"},
        {"op": "replace", "key": f"{CORE}:active"},
    ],
    ids=lambda operation: "-".join(operation.values()),
)
def test_every_spelling_of_deactivation_is_understood(
    client: httpx.Client, operation: dict[str, str], value: Any
) -> None:
    user_id = a_user(client)
    sent: dict[str, Any] = dict(operation)
    sent["value"] = {sent.pop("key"): value} if "key" in sent else value

    response = patched(client, f"Users/{user_id}", sent)

    assert (response.status_code, response.json()["active"]) == (200, False)
    assert read(client, user_id)["active"] is False
    assert client.get("Users", params={"filter": "active eq false"}).json()["totalResults"] == 1


@on_any_store
@pytest.mark.parametrize("value", NO_BOOLEANS, ids=repr)
def test_what_is_no_boolean_moves_nobody(client: httpx.Client, value: Any) -> None:
    user_id = a_user(client)
    before = read(client, user_id)

    answers = [
        patched(client, f"Users/{user_id}", {"op": "replace", "path": "active", "value": value}),
        patched(client, f"Users/{user_id}", {"op": "replace", "value": {"active": value, "title": "x"}}),
        client.put(f"Users/{user_id}", json={"userName": "ada@example.com", "active": value}),
        client.post("Users", json={"userName": "other", "active": value}),
    ]

    assert [(answer.status_code, answer.json()["scimType"]) for answer in answers] == [(400, "invalidValue")] * 4
    assert read(client, user_id) == before
    assert client.get("Users").json()["totalResults"] == 1


@on_any_store
def test_entries_in_another_order_are_a_change(client: httpx.Client) -> None:
    """Without a primary one, the first counts."""
    emails = [{"value": "a@example.com"}, {"value": "b@example.com"}]
    address = f"Users/{a_user(client, 'ada', emails=emails)}"
    a_user(client, "ben", emails=[{"value": "aa@example.com"}])

    same = client.put(address, json={"userName": "ada", "emails": emails})
    turned = client.put(address, json={"userName": "ada", "emails": emails[::-1]})

    assert [each.json()["meta"]["version"] for each in (same, turned)] == ['W/"v1"', 'W/"v2"']
    assert turned.json()["emails"] == emails[::-1]
    found = client.get("Users", params={"sortBy": "emails.value"}).json()["Resources"]
    assert [user["userName"] for user in found] == ["ben", "ada"]


@on_any_store
@pytest.mark.parametrize("key", ["active", "ACTIVE", f"{CORE}:active"])
@pytest.mark.parametrize("is_active", [True, False])
def test_active_that_is_null_is_not_said(service: Service, key: str, is_active: bool) -> None:
    client = service.client()
    address = f"Users/{a_user(client, active=is_active)}"

    replaced = client.put(address, json={"userName": "ada@example.com", "title": "x", key: None})
    created = client.post("Users", json={"userName": "ben", key: None})

    assert (replaced.status_code, replaced.json()["title"], replaced.json()["active"]) == (200, "x", is_active)
    assert (created.status_code, created.json()["active"]) == (201, True)
    told = [kept["understood"] for kept in service.requests()]
    assert told[1:] == ["replace User, active not said", "create User, active not said"]


@on_any_store
@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "active", "value": None},
        {"op": "add", "path": "active", "value": None},
        {"op": "replace", "value": {"active": None}},
        {"op": "remove", "path": "active"},
    ],
)
def test_active_cannot_be_taken_away(client: httpx.Client, operation: dict[str, Any]) -> None:
    address = f"Users/{a_user(client)}"

    response = patched(client, address, operation)

    assert (response.status_code, response.json()["scimType"]) == (400, "invalidValue")
    assert client.get(address).json()["active"] is True


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "active.value", "value": False},
        {"op": "replace", "path": "ACTIVE.x", "value": False},
        {"op": "replace", "value": {"active.value": False}},
        {"op": "replace", "path": f"{CORE}:active.value", "value": False},
        {"op": "remove", "path": f"{ENTERPRISE}:department.name"},
    ],
)
def test_a_path_into_a_value_without_parts_is_no_success(client: httpx.Client, operation: dict[str, Any]) -> None:
    user_id = a_user(client)
    before = client.get(f"Users/{user_id}").content

    response = patched(client, f"Users/{user_id}", operation)

    assert (response.status_code, response.json()["scimType"]) == (400, "invalidPath")
    assert client.get(f"Users/{user_id}").content == before


@on_any_store
def test_what_one_operation_says_twice_is_refused_unless_it_is_the_same(client: httpx.Client) -> None:
    address = f"Users/{a_user(client)}"
    before = client.get(address).content

    answers = [
        patched(client, address, {"op": "replace", "value": value})
        for value in (
            {"active": True, f"{CORE}:active": False},
            {f"{CORE}:active": False, CORE: {"ACTIVE": True}},
            {"shoeSize": 1, "name.givenName": "A", f"{CORE}:name.givenName": "B"},
        )
    ]

    assert {(each.status_code, each.json()["scimType"]) for each in answers} == {(400, "invalidSyntax")}
    assert answers[0].json()["detail"] == "active appears twice in one operation"
    assert client.get(address).content == before
    same = {"active": False, f"{CORE}:active": False}
    assert patched(client, address, {"op": "replace", "value": same}).json()["active"] is False


@on_any_store
def test_a_remove_that_repeats_what_its_path_chooses_stops_no_deactivation(client: httpx.Client) -> None:
    company: dict[str, Any] = {ENTERPRISE: {"department": "R&D", "division": "EU"}}
    address = f"Users/{a_user(client, emails=[MAIN, OTHER], **company)}"

    response = patched(
        client,
        address,
        {"op": "Remove", "path": 'emails[type eq "home"].value', "value": OTHER["value"]},
        {"op": "Remove", "path": 'emails[type eq "work"]', "value": [{"value": MAIN["value"]}]},
        {"op": "Replace", "path": "active", "value": "False"},
    )

    assert (response.status_code, response.json()["active"]) == (200, False)
    assert response.json()["emails"] == [{"type": "home"}]
    part = patched(client, address, {"op": "remove", "path": ENTERPRISE, "value": {"department": "R&D"}})
    assert part.json()[ENTERPRISE] == {"division": "EU"}
    assert (
        patched(client, address, {"op": "remove", "path": ENTERPRISE, "value": "EU"}).json()["scimType"]
        == "invalidPath"
    )


def test_unknown_attributes_never_stop_a_deactivation(client: httpx.Client) -> None:
    user_id = a_user(client)

    response = patched(
        client,
        f"Users/{user_id}",
        {"op": "Replace", "path": "urn:example:ext:2.0:User:desk", "value": "12"},
        {"op": "Add", "path": 'shoes[type eq "left"].size', "value": "43"},
        {"op": "Remove", "path": "hat"},
        {"op": "replace", "value": {"not a name": 1, "shoeSize": 43, "active": "False", ENTERPRISE: {"desk": 1}}},
    )

    assert (response.status_code, response.json()["active"]) == (200, False)


def test_what_was_understood_is_kept_with_the_request(service: Service) -> None:
    client = service.client()
    user_id = a_user(client)

    patched(client, f"Users/{user_id}", {"op": "Replace", "path": "active", "value": "False"})

    kept = service.requests()[-1]
    assert kept["understood"] == 'Replace active "False": deactivate'
    assert kept["received"] == {"Operations": [{"op": "Replace", "path": "active", "value": "False"}]}
    assert (kept["source"], kept["path"]) == ("okta", f"/Users/{user_id}")


@on_any_store
def test_what_is_kept_with_the_request_tells_what_was_said_and_whether_it_changed_anything(service: Service) -> None:
    client = service.client()
    ada = client.post("Users", json={"userName": "ada", f"{CORE}:active": False}).json()["id"]
    address = f"Users/{ada}"

    for value in ({"title": "x"}, {CORE: {"active": "True"}}, {"shoeSize": 43}, {f"{CORE}:active": True}):
        client.put(address, json={"userName": "ada", **value})
    for _ in range(2):
        patched(client, address, {"op": "replace", "path": "active", "value": False})

    assert [(row["understood"], row["applied"]) for row in service.requests()] == [
        ("create User, active false: deactivate", "created"),
        ("replace User, active not said", "changed"),
        ("replace User, active true: activate", "reactivated"),
        ("replace User, active not said; ignored: shoeSize", "unchanged"),
        ("replace User, active true: activate", "unchanged"),
        ("replace active false: deactivate", "deactivated: no rule matches"),
        ("replace active false: deactivate", "unchanged"),
    ]


# -- replace ------------------------------------------------------------------


def test_a_put_replaces_everything_but_what_is_read_only(client: httpx.Client) -> None:
    group_id = a_group(client, members=(user_id := a_user(client, "ada", title="Engineer"),))

    response = client.put(
        f"Users/{user_id}",
        json={"id": "other", "userName": "ada2", "groups": [], "meta": {"created": "1999-01-01T00:00:00Z"}},
    )

    user = read(client, user_id)
    assert response.status_code == 200
    assert (user["id"], user["userName"]) == (user_id, "ada2")
    assert "title" not in user
    assert user["meta"]["created"].startswith("2026")
    assert [group["value"] for group in user["groups"]] == [group_id]


@pytest.mark.parametrize("active", [True, False])
def test_a_put_that_does_not_say_active_keeps_it(client: httpx.Client, active: bool) -> None:
    user_id = a_user(client, "ada")
    patched(client, f"Users/{user_id}", {"op": "replace", "path": "active", "value": active})

    client.put(f"Users/{user_id}", json={"userName": "ada", "title": "x"})

    assert read(client, user_id)["active"] is active


def test_a_put_of_what_is_there_changes_nothing(client: httpx.Client) -> None:
    user_id = a_user(client, "ada", emails=[{"value": "a@example.com", "type": "Work"}], name={"givenName": "Ada"})
    before = read(client, user_id)

    response = client.put(f"Users/{user_id}", json=before)

    assert response.json() == before


def test_a_put_to_nobody_creates_nobody(client: httpx.Client) -> None:
    response = client.put("Users/nobody", json={"userName": "ada"})

    assert response.status_code == 404
    assert client.get("Users").json()["totalResults"] == 0


# -- patch --------------------------------------------------------------------


def test_keys_of_a_value_may_be_paths(client: httpx.Client) -> None:
    user_id = a_user(client, "ada", name={"familyName": "Okafor"}, title="x")

    patched(
        client,
        f"Users/{user_id}",
        {
            "op": "replace",
            "value": {
                "name.givenName": "Ada",
                f"{ENTERPRISE}:department": "Audit",
                ENTERPRISE: {"costCenter": "7"},
                "title": None,
                'emails[type eq "work"].value': "a@example.com",
                "schemas": [CORE],
            },
        },
    )

    user = read(client, user_id)
    assert user["name"] == {"familyName": "Okafor", "givenName": "Ada"}
    assert user[ENTERPRISE] == {"department": "Audit", "costCenter": "7"}
    assert user["emails"] == [{"value": "a@example.com", "type": "work"}]
    assert "title" not in user


def test_a_whole_user_without_a_path_may_carry_what_is_read_only(client: httpx.Client) -> None:
    user_id = a_user(client, "ada")

    response = patched(client, f"Users/{user_id}", {"op": "replace", "value": read(client, user_id) | {"title": "x"}})

    assert (response.status_code, response.json()["title"]) == (200, "x")


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("M-1", {"value": "M-1"}),
        ({"value": "M-1"}, {"value": "M-1"}),
        ({"value": "M-1", "displayName": "Boss"}, {"value": "M-1"}),
        ([{"value": "M-1", "$ref": "../Users/M-1"}], {"value": "M-1", "$ref": "../Users/M-1"}),
        ("", None),
        (None, None),
        ([], None),
        ({"value": ""}, None),
    ],
)
def test_every_form_of_a_manager_is_understood(client: httpx.Client, value: Any, stored: Any) -> None:
    user_id = a_user(client, "ada", **{ENTERPRISE: {"department": "Audit", "manager": {"value": "M-0"}}})

    response = patched(client, f"Users/{user_id}", {"op": "Replace", "path": f"{ENTERPRISE}:manager", "value": value})

    assert response.status_code == 200
    assert read(client, user_id)[ENTERPRISE].get("manager") == stored


@on_any_store
@pytest.mark.parametrize("value", [{"manager": {"displayName": "Boss"}}, {"manager.displayName": "Boss"}])
def test_a_manager_stays_where_only_its_name_is_sent(client: httpx.Client, value: dict[str, Any]) -> None:
    user_id = a_user(client, "ada", **{ENTERPRISE: {"manager": {"value": "M-0"}}})

    response = patched(client, f"Users/{user_id}", {"op": "add", "value": {ENTERPRISE: value, "title": "x"}})

    assert (response.status_code, response.json()["title"]) == (200, "x")
    assert read(client, user_id)[ENTERPRISE] == {"manager": {"value": "M-0"}}


@on_any_store
@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": f"{ENTERPRISE}:manager", "value": {"displayName": "Boss"}},
        {"op": "replace", "path": f"{ENTERPRISE}:manager.displayName", "value": "Boss"},
        {"op": "remove", "path": f"{ENTERPRISE}:manager.displayName"},
    ],
)
def test_the_name_of_a_manager_is_read_only(client: httpx.Client, operation: dict[str, Any]) -> None:
    user_id = a_user(client, "ada", **{ENTERPRISE: {"manager": {"value": "M-0"}}})

    response = patched(client, f"Users/{user_id}", operation)

    assert (response.status_code, response.json()["scimType"]) == (400, "mutability")
    assert read(client, user_id)[ENTERPRISE] == {"manager": {"value": "M-0"}}


@on_any_store
@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": ENTERPRISE, "value": None},
        {"op": "add", "path": ENTERPRISE, "value": None},
        {"op": "replace", "value": {ENTERPRISE: None}},
    ],
)
def test_null_unassigns_an_extension(client: httpx.Client, operation: dict[str, Any]) -> None:
    user_id = a_user(client, "ada", **{ENTERPRISE: {"manager": {"value": "M-0"}}})

    response = patched(client, f"Users/{user_id}", operation)

    assert response.status_code == 200
    assert ENTERPRISE not in read(client, user_id)


@on_any_store
@pytest.mark.parametrize("operation", [{"op": "replace"}, {"op": "add", "path": "emails"}])
def test_entries_that_are_null_say_nothing(client: httpx.Client, operation: dict[str, Any]) -> None:
    user_id = a_user(client, "ada")
    entries: list[Any] = [None, {"value": "a@example.com"}]
    value = entries if "path" in operation else {"active": False, "emails": entries}

    response = patched(client, f"Users/{user_id}", {**operation, "value": value})

    assert (response.status_code, response.json()["emails"]) == (200, [{"value": "a@example.com"}])


@on_any_store
@pytest.mark.parametrize("op", ["add", "replace"])
@pytest.mark.parametrize(
    "emails", [[], [{"display": "A", "type": "work"}], [{"value": "a@x", "type": "home"}]], ids=str
)
def test_null_for_a_part_of_chosen_entries_unassigns_it_and_creates_none(
    client: httpx.Client, op: str, emails: list[dict[str, str]]
) -> None:
    given = [{"value": "b@x"} | email if email["type"] == "work" else email for email in emails]
    user_id = a_user(client, "ada", emails=given)

    response = patched(client, f"Users/{user_id}", {"op": op, "path": 'emails[type eq "work"].value', "value": None})

    assert (response.status_code, response.json().get("emails", [])) == (200, emails)


@on_any_store
@pytest.mark.parametrize("key", [ENTERPRISE, CORE, "id", "meta", "groups", "schemas", "", " "])
def test_nothing_beside_it_stops_a_deactivation(client: httpx.Client, key: str) -> None:
    user_id = a_user(client, "ada")

    response = patched(client, f"Users/{user_id}", {"op": "replace", "value": {"active": False, key: None}})

    assert (response.status_code, response.json()["active"]) == (200, False)


@on_any_store
@pytest.mark.parametrize(
    ("operations", "emails"),
    [
        ([{"op": "add", "path": "emails.value", "value": "a@example.com"}], [{"value": "a@example.com"}]),
        ([{"op": "replace", "value": {"emails.value": "a@example.com"}}], [{"value": "a@example.com"}]),
        (
            [
                {"op": "add", "path": "emails.value", "value": "a@example.com"},
                {"op": "add", "path": "emails.type", "value": "work"},
            ],
            [{"value": "a@example.com", "type": "work"}],
        ),
        (
            [
                {"op": "add", "path": 'emails[type eq "home"].value', "value": "a@example.com"},
                {"op": "replace", "path": "emails.display", "value": "A"},
                {"op": "remove", "path": "emails"},
                {"op": "replace", "path": "emails.value", "value": "b@example.com"},
            ],
            [{"value": "b@example.com"}],
        ),
        (
            [
                {"op": "replace", "path": "emails", "value": [{"value": "a@example.com"}, {"value": "b@example.com"}]},
                {"op": "replace", "path": "emails.type", "value": "work"},
            ],
            [{"value": "a@example.com", "type": "work"}, {"value": "b@example.com", "type": "work"}],
        ),
        (
            [
                {"op": "replace", "path": "emails", "value": []},
                {"op": "replace", "path": "emails.value", "value": None},
                {"op": "add", "path": "emails", "value": []},
                {"op": "replace", "path": "emails.value", "value": "a@example.com"},
            ],
            [{"value": "a@example.com"}],
        ),
    ],
)
def test_a_part_of_entries_is_written_where_there_is_none(
    client: httpx.Client, operations: list[dict[str, Any]], emails: list[dict[str, str]]
) -> None:
    user_id = a_user(client, "ada")

    response = patched(client, f"Users/{user_id}", *operations)

    assert response.status_code == 200
    assert read(client, user_id)["emails"] == emails


@on_any_store
@pytest.mark.parametrize(
    "removal",
    [
        {"op": "remove", "path": "emails"},
        {"op": "remove", "path": 'emails[type eq "work"]'},
        {"op": "remove", "path": "emails", "value": [{"value": "a@example.com"}]},
        {"op": "replace", "path": "emails", "value": None},
    ],
    ids=["all", "chosen", "named", "null"],
)
def test_a_part_of_entries_is_written_where_the_same_message_has_taken_the_last_one(
    client: httpx.Client, removal: dict[str, Any]
) -> None:
    address = f"Users/{a_user(client, 'ada')}"
    work, new = {"value": "a@example.com", "type": "work"}, {"value": "b@example.com"}

    for verb in ("add", "replace"):
        for path, expected in [("emails.value", new), ('emails[type eq "work"].value', {**new, "type": "work"})]:
            patched(client, address, {"op": "replace", "path": "emails", "value": [work]})
            patched(client, address, removal, {"op": verb, "path": path, "value": "b@example.com"})
            assert client.get(address).json()["emails"] == [expected]


@on_any_store
def test_a_part_of_entries_is_written_to_those_that_are_left(client: httpx.Client) -> None:
    attributes = {"phoneNumbers": "value", "addresses": "formatted", "photos": "value", "roles": "value"}
    entries = [{"type": "work"}, {"type": "home"}]
    address = f"Users/{a_user(client, 'ada', **dict.fromkeys(attributes, entries))}"

    for name, part in attributes.items():
        write = {"op": "replace", "path": f"{name}.{part}", "value": "1"}
        patched(client, address, {"op": "remove", "path": f'{name}[type eq "work"]'}, write)
        assert client.get(address).json()[name] == [{"type": "home", part: "1"}]
        patched(client, address, {"op": "remove", "path": f'{name}[type eq "home"]'}, write)
        assert client.get(address).json()[name] == [{part: "1"}]


def test_roles_may_be_primary_as_a_string(client: httpx.Client) -> None:
    user = read(client, a_user(client, "ada", roles=[{"value": '{"id":1}', "primary": "True"}]))

    assert user["roles"] == [{"value": '{"id":1}', "primary": True}]


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "move", "path": "title", "value": "x"}, "invalidSyntax"),
        ({"path": "title", "value": "x"}, "invalidSyntax"),
        ({"op": "remove"}, "noTarget"),
        ({"op": "remove", "value": {"title": "x"}}, "noTarget"),
        ({"op": "replace", "value": "x"}, "invalidValue"),
        ({"op": "replace", "path": "]["}, "invalidPath"),
        ({"op": "replace", "path": 5, "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "title"}, "invalidValue"),
        ({"op": "replace", "path": "title", "value": {"a": 1}}, "invalidValue"),
        ({"op": "replace", "path": "id", "value": "x"}, "mutability"),
        ({"op": "replace", "value": {"id": "x"}}, "mutability"),
        ({"op": "replace", "path": "meta.created", "value": "x"}, "mutability"),
        ({"op": "add", "path": "groups", "value": [{"value": "admins"}]}, "mutability"),
        ({"op": "remove", "path": "userName"}, "mutability"),
        ({"op": "replace", "path": "userName", "value": ""}, "invalidValue"),
        ({"op": "replace", "path": f"{ENTERPRISE}:manager", "value": [{"value": "1"}, {"value": "2"}]}, "invalidValue"),
        ("replace", "invalidSyntax"),
    ],
    ids=repr,
)
def test_a_patch_is_applied_whole_or_not_at_all(client: httpx.Client, operation: Any, scim_type: str) -> None:
    user_id = a_user(client)
    before = read(client, user_id)

    response = patched(client, f"Users/{user_id}", {"op": "replace", "path": "nickName", "value": "A"}, operation)

    assert (response.status_code, response.json()["scimType"]) == (400, scim_type)
    assert read(client, user_id) == before


@pytest.mark.parametrize("body", [{}, {"Operations": []}, {"Operations": {}}, {"Operations": None}, {"active": False}])
def test_a_patch_without_operations_is_refused(client: httpx.Client, body: dict[str, Any]) -> None:
    response = client.patch(f"Users/{a_user(client)}", json=body)

    assert (response.status_code, response.json()["scimType"]) == (400, "invalidSyntax")


def test_a_patch_of_more_operations_than_allowed_is_refused(client: httpx.Client) -> None:
    operations: list[dict[str, object]] = [{"op": "replace", "path": "title", "value": "x"}] * 1001

    response = patched(client, f"Users/{a_user(client)}", *operations)

    assert response.status_code == 400


def test_a_patch_that_changes_nothing_keeps_the_version(client: httpx.Client) -> None:
    user_id = a_user(client, emails=[{"value": "a@example.com", "type": "work", "primary": True}])
    before = read(client, user_id)

    response = patched(
        client,
        f"Users/{user_id}",
        {"op": "add", "path": "active", "value": "True"},
        {"op": "add", "path": "emails", "value": before["emails"]},
        {"op": "remove", "path": "title", "value": "x"},
    )

    assert (response.status_code, response.json()) == (200, before)


# -- passwords ----------------------------------------------------------------


def test_passwords_are_neither_stored_nor_kept_nor_shown(service: Service) -> None:
    client = service.client()
    user_id = a_user(client, password="hunter2")
    client.put(f"Users/{user_id}", json={"userName": "ada", "Password": "hunter2"})
    patched(client, f"Users/{user_id}", {"op": "replace", "path": "password", "value": {"a": "hunter2"}})
    patched(client, f"Users/{user_id}", {"op": "replace", "value": {f"{CORE}:password": "hunter2"}})
    client.post("Users", json={"userName": 7, "password": "hunter2"})

    shown = client.get(f"Users/{user_id}", params={"attributes": "password"}).text + client.get("Users").text

    assert "hunter2" not in shown
    assert len(service.requests()) == 5
    assert "hunter2" not in str(service.requests())


# -- delete -------------------------------------------------------------------


def test_a_deleted_user_is_gone_for_every_verb(client: httpx.Client) -> None:
    user_id = a_user(client, "ada", externalId="1")

    assert client.delete(f"Users/{user_id}").status_code == 204

    assert client.get(f"Users/{user_id}").status_code == 404
    assert client.put(f"Users/{user_id}", json={"userName": "ada"}).status_code == 404
    assert patched(client, f"Users/{user_id}", {"op": "add", "path": "active", "value": True}).status_code == 404
    assert client.delete(f"Users/{user_id}").status_code == 404
    assert client.get("Users", params={"filter": 'externalId eq "1"'}).json()["totalResults"] == 0
    assert a_user(client, "ada", externalId="1") != user_id


# -- lists and versions -------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "start_index", "names"),
    [
        ({}, 1, "u0 u1 u2 u3 u4"),
        ({"startIndex": "0", "count": "2"}, 1, "u0 u1"),
        ({"startIndex": "-5", "count": "1"}, 1, "u0"),
        ({"startIndex": "4", "count": "9999999"}, 4, "u3 u4"),
        ({"startIndex": "6"}, 6, ""),
        ({"startIndex": "99999999999999999"}, 99999999999999999, ""),
        ({"count": "0"}, 1, ""),
        ({"count": "-1"}, 1, ""),
    ],
)
def test_a_list_comes_in_pages(client: httpx.Client, query: dict[str, str], start_index: int, names: str) -> None:
    for number in range(5):
        a_user(client, f"u{number}")

    page = client.get("Users", params=query).json()

    assert [user["userName"] for user in page["Resources"]] == names.split()
    assert (page["totalResults"], page["itemsPerPage"], page["startIndex"]) == (5, len(names.split()), start_index)


@pytest.mark.parametrize("query", [{"count": "x"}, {"startIndex": "1.5"}, {"count": "٣"}, {"count": "9" * 30}])
def test_a_page_that_is_no_number_is_refused(client: httpx.Client, query: dict[str, str]) -> None:
    response = client.get("Users", params=query)

    assert (response.status_code, response.json()["scimType"]) == (400, "invalidValue")


def test_a_version_is_checked(client: httpx.Client) -> None:
    user_id = a_user(client)
    tag = client.get(f"Users/{user_id}").headers["etag"]
    title = {"Operations": [{"op": "replace", "path": "title", "value": "x"}]}

    assert client.get(f"Users/{user_id}", headers={"If-None-Match": tag}).status_code == 304
    assert client.patch(f"Users/{user_id}", json=title, headers={"If-Match": f'"other", {tag}'}).status_code == 200
    assert client.patch(f"Users/{user_id}", json=title, headers={"If-Match": tag}).status_code == 412
    assert client.delete(f"Users/{user_id}", headers={"If-Match": "nonsense"}).status_code == 412
    assert client.get(f"Users/{user_id}", headers={"If-None-Match": tag}).status_code == 200
    assert client.delete(f"Users/{user_id}", headers={"If-Match": "*"}).status_code == 204


@on_any_store
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_is_read_is_the_version_that_was_asked_for(client: httpx.Client, method: str) -> None:
    for address in (f"Users/{a_user(client)}", f"Groups/{a_group(client)}"):
        statuses = [
            client.request(method, address, headers=headers).status_code
            for headers in (
                [("If-Match", '"v1"')],
                [("If-Match", "*")],
                [("If-Match", '"v2"'), ("If-Match", '"v1"')],
                [("If-Match", '"v1"'), ("If-None-Match", '"v1"')],
                [("If-None-Match", '"v2"'), ("If-None-Match", '"v1"')],
                [("If-Match", '"v2"')],
                [("If-Match", "nonsense"), ("If-None-Match", '"v1"')],
            )
        ]
        assert statuses == [200, 200, 200, 304, 304, 412, 412]
        assert client.request(method, f"{address}x", headers={"If-Match": '"v2"'}).status_code == 404


@on_any_store
def test_a_version_is_ruled_out_by_any_of_several_headers(client: httpx.Client) -> None:
    address = f"Users/{a_user(client)}"
    headers = [("If-None-Match", '"v7"'), ("If-None-Match", '"v1"'), ("Content-Type", "application/json")]

    body = '{"Operations": [{"op": "replace", "path": "title", "value": "x"}]}'

    assert client.patch(address, content=body, headers=headers).status_code == 412


@pytest.mark.parametrize("tag", ["*", 'W/"v1"', '"v1"', 'W/"v7", W/"v1"'])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_version_may_be_ruled_out(client: httpx.Client, method: str, tag: str) -> None:
    user_id = a_user(client)
    group_id = a_group(client)
    body = {
        "userName": "ada",
        "displayName": "x",
        "Operations": [{"op": "replace", "path": "externalId", "value": "new"}],
    }

    for address in (f"Users/{user_id}", f"Groups/{group_id}"):
        schemas: dict[str, Any] = {} if method == "PATCH" else {"schemas": []}
        refused = client.request(method, address, json={**body, **schemas}, headers={"If-None-Match": tag})
        assert refused.status_code == 412
        assert client.get(address).headers["etag"] == 'W/"v1"'
        passed = client.request(method, address, json={**body, **schemas}, headers={"If-None-Match": 'W/"v7"'})
        assert passed.status_code in {200, 204}


@pytest.mark.parametrize("value", ["!!", "TWFu!!", "TWE", "-_8=", "TWFu=TWFu"])
def test_a_certificate_that_is_no_base64_is_refused_and_not_repaired(client: httpx.Client, value: str) -> None:
    user_id = a_user(client)
    body = {"userName": "ben", "x509Certificates": [{"value": value}]}

    answers = [
        client.post("Users", json=body),
        patched(client, f"Users/{user_id}", {"op": "add", "path": "x509Certificates", "value": [{"value": value}]}),
    ]

    assert [(answer.status_code, answer.json()["scimType"]) for answer in answers] == [(400, "invalidValue")] * 2
    assert "certificate" in answers[0].json()["detail"]


def test_a_certificate_may_be_broken_into_lines(client: httpx.Client) -> None:
    user = client.post("Users", json={"userName": "ada", "x509Certificates": [{"value": "TW\r\nFu\n"}]}).json()

    assert user["x509Certificates"] == [{"value": "TWFu"}]


@pytest.mark.parametrize(
    ("attribute", "value", "says"),
    [
        ("title", 5, "title must be a string"),
        ("nickName", ["x"], "nickName must be a string"),
        ("name", "Ada", "name must be an object"),
        ("roles", ["admin"], "roles[0] must be an object"),
        (f"{LIFECYCLE}:leaverKind", 5, f"{LIFECYCLE}:leaverKind must be a string"),
        ("x509Certificates", [{"value": "TWFu", "display": 5}], "x509Certificates[0].display must be a string"),
    ],
)
def test_an_error_names_the_attribute_and_what_it_must_be(
    client: httpx.Client, attribute: str, value: Any, says: str
) -> None:
    user_id = a_user(client)

    posted = client.post("Users", json={"userName": "ben", attribute: value})
    changed = patched(client, f"Users/{user_id}", {"op": "replace", "path": attribute, "value": value})

    # The path of an operation has said the schema already.
    assert [posted.json()["detail"], changed.json()["detail"]] == [says, says.removeprefix(f"{LIFECYCLE}:")]


def test_a_message_for_something_else_is_told_what_belongs_here(client: httpx.Client) -> None:
    user_id = a_user(client)
    body = {"schemas": ["urn:x:y:z"], "Operations": [{"op": "replace", "path": "title", "value": "x"}]}

    response = client.patch(f"Users/{user_id}", json=body)

    assert "urn:ietf:params:scim:api:messages:2.0:PatchOp" in response.json()["detail"]


# -- entries that are there already -------------------------------------------

MAIN = {"value": "ada@example.com", "type": "work", "primary": True}
OTHER = {"value": "ada@example.org", "type": "home"}


@pytest.mark.parametrize(
    ("added", "emails"),
    [
        (MAIN, [MAIN, OTHER]),
        ({**MAIN, "primary": False}, [{**MAIN, "primary": False}, OTHER]),
        ({**MAIN, "display": "Ada"}, [{**MAIN, "display": "Ada"}, OTHER]),
        ({**OTHER, "primary": True}, [{**MAIN, "primary": False}, {**OTHER, "primary": True}]),
        ({**MAIN, "value": "ADA@example.com", "type": "Work"}, [MAIN, OTHER]),
        ({"value": "ADA@example.com", "type": "work", "primary": False}, [{**MAIN, "primary": False}, OTHER]),
        ({**MAIN, "type": "home", "primary": False}, [MAIN, OTHER, {**MAIN, "type": "home", "primary": False}]),
    ],
)
def test_an_entry_that_is_added_again_is_the_one_that_is_there(
    client: httpx.Client, added: dict[str, Any], emails: list[dict[str, Any]]
) -> None:
    user_id = a_user(client, emails=[MAIN, OTHER])

    response = patched(client, f"Users/{user_id}", {"op": "add", "path": "emails", "value": [added]})

    assert response.status_code == 200
    assert read(client, user_id)["emails"] == emails


def test_an_entry_that_is_sent_twice_is_stored_once(client: httpx.Client) -> None:
    twice = [{"value": "a@example.com", "type": "work"}, {"value": "A@example.com", "type": "work", "display": "A"}]
    user_id = a_user(client, emails=twice, roles=[{"value": "admin"}, {"value": "admin"}])

    assert read(client, user_id)["emails"] == [{"value": "a@example.com", "type": "work", "display": "A"}]
    assert read(client, user_id)["roles"] == [{"value": "admin"}]


@pytest.mark.parametrize("verb", ["add", "replace"])
@pytest.mark.parametrize("urns", [[CORE], CORE, ["urn:example:other"], []])
def test_schemas_that_are_written_take_no_attribute_away(client: httpx.Client, verb: str, urns: Any) -> None:
    company: dict[str, Any] = {ENTERPRISE: {"department": "R&D"}}
    user_id = a_user(client, **company)
    before = read(client, user_id)

    response = patched(
        client,
        f"Users/{user_id}",
        {"op": verb, "path": "schemas", "value": urns},
        {"op": "replace", "path": "active", "value": False},
    )

    assert response.status_code == 200
    assert {**read(client, user_id), "meta": None} == {**before, "active": False, "meta": None}


def test_schemas_that_are_none_and_their_removal_are_refused(client: httpx.Client) -> None:
    user_id = a_user(client)

    odd = patched(client, f"Users/{user_id}", {"op": "replace", "path": "schemas", "value": [5]})
    gone = patched(client, f"Users/{user_id}", {"op": "remove", "path": "schemas"})

    assert [each.json()["scimType"] for each in (odd, gone)] == ["invalidSyntax", "mutability"]


# -- booleans within entries --------------------------------------------------

WORK = {"value": "a@example.com", "type": "work"}


@on_any_store
def test_what_is_no_boolean_makes_nothing_primary(client: httpx.Client) -> None:
    user_id = a_user(client, emails=[WORK])
    before = read(client, user_id)

    for value in ["yes", "no", "1", "on", "", 1, 0, 1.0, [], {}]:
        entry = {"value": "b@example.com", "primary": value}
        said = {
            "emails[0].primary": [
                client.post("Users", json={"userName": "other", "emails": [entry]}),
                client.put(f"Users/{user_id}", json={"userName": "ada@example.com", "emails": [entry]}),
                patched(client, f"Users/{user_id}", {"op": "add", "path": "emails", "value": [entry]}),
                patched(client, f"Users/{user_id}", {"op": "replace", "value": {"emails": [entry]}}),
            ],
            "emails.primary": [
                patched(client, f"Users/{user_id}", {"op": "add", "path": path, "value": sent})
                for path, sent in [
                    ("emails", entry),
                    ('emails[type eq "work"]', entry),
                    ('emails[type eq "work"].primary', value),
                    ('emails[type eq "home"].primary', value),
                    ("emails.primary", value),
                ]
            ],
        }
        for name, answers in said.items():
            assert {each.status_code for each in answers} == {400}
            assert {each.json()["scimType"] for each in answers} == {"invalidValue"}
            assert {each.json()["detail"] for each in answers} == {f"{name} must be true or false"}
    assert read(client, user_id) == before


@on_any_store
def test_a_boolean_within_an_entry_may_be_a_string(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    client, shown = service.client(), set[str]()
    monkeypatch.setattr(service.quirks, "note", lambda _source, names, _now: shown.update(names))
    entry = {"value": "b@example.com", "primary": "True"}
    address = f"Users/{a_user(client, roles=[entry])}"

    patched(client, address, {"op": "add", "path": "emails", "value": [entry]})
    patched(client, address, {"op": "Add", "value": {"PHOTOS": {"Value": "b@example.com", "PRIMARY": "TRUE"}}})
    patched(client, address, {"op": "add", "path": 'ims[value eq "b@example.com"].primary', "value": "true"})
    patched(client, address, {"op": "replace", "path": 'roles[primary eq "True"].display', "value": "B"})

    stored, expected = client.get(address).json(), {"value": "b@example.com", "primary": True}
    assert [stored[name] for name in ("emails", "photos", "ims")] == [[expected]] * 3
    assert stored["roles"] == [{**expected, "display": "B"}]
    assert "string boolean" in shown


@on_any_store
def test_entries_are_not_chosen_by_what_is_no_boolean(client: httpx.Client) -> None:
    address = f"Users/{a_user(client, roles=[{'value': 'x', 'primary': True}])}"
    before = client.get(address).content

    answers = [
        patched(client, address, {"op": "replace", "path": f"roles[{chosen}].value", "value": "y"})
        for chosen in ('primary eq "yes"', "Primary eq 1", 'value eq "x" and not (primary eq "banana")')
    ]
    answers.append(patched(client, address, {"op": "remove", "path": 'roles[primary eq "1"]'}))

    assert {(each.status_code, each.json()["scimType"]) for each in answers} == {(400, "invalidFilter")}
    assert {each.json()["detail"] for each in answers} == {"roles.primary can only be compared with true or false"}
    assert client.get(address).content == before
