"""Spellings that identity providers use beside those of the recorded traffic, each understood or refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.scim.conftest import Service, a_group, a_user, on_any_store, patched

pytestmark = on_any_store

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
CORE_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def read(client: httpx.Client, user_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"Users/{user_id}").json()
    return found


# -- bodies -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        ({"ACTIVE": "FALSE", "Title": "x"}, {"active": False, "title": "x"}),
        ({"Emails": [{"Value": "a", "TYPE": "work", "Primary": "True"}]},
         {"emails": [{"value": "a", "type": "work", "primary": True}]}),
        ({"name": {"familyName": "B"}, "name.givenName": "A"}, {"name": {"familyName": "B", "givenName": "A"}}),
        ({f"{CORE}:active": "False", f"{CORE}:name.givenName": "A"}, {"active": False, "name": {"givenName": "A"}}),
        ({CORE: {"active": False, "title": "x"}}, {"active": False, "title": "x"}),
        ({f"{ENTERPRISE}:department": "X"}, {ENTERPRISE: {"department": "X"}}),
        ({f"{ENTERPRISE}:manager.value": "1", ENTERPRISE: {"department": "X"}},
         {ENTERPRISE: {"department": "X", "manager": {"value": "1"}}}),
        ({ENTERPRISE.lower(): {"Department": "X"}}, {ENTERPRISE: {"department": "X"}}),
        ({"urn:scim:schemas:extension:enterprise:1.0": {"department": "X"}}, {ENTERPRISE: {"department": "X"}}),
        ({"urn:scim:schemas:extension:enterprise:2.0:department": "X"}, {ENTERPRISE: {"department": "X"}}),
        ({ENTERPRISE: {"manager": "1"}}, {ENTERPRISE: {"manager": {"value": "1"}}}),
        ({ENTERPRISE: {"manager": [{"value": "1", "$ref": None}]}}, {ENTERPRISE: {"manager": {"value": "1"}}}),
        ({ENTERPRISE: {"manager": ""}}, {}),
        ({"addresses": [{"type": "work"}], "members": []}, {"addresses": [{"type": "work"}]}),  # ssosync
        ({"roles": [], "groups": [], "name": None, "emails": None}, {}),  # Keycloak, Okta, Entra ID
        ({"roles": [{"value": '{"id":"7","displayName":"Admin"}', "primary": "False"}]},
         {"roles": [{"value": '{"id":"7","displayName":"Admin"}', "primary": False}]}),
        ({"externalId": ""}, {}),
        ({"externalId": "auth0|5f7"}, {"externalId": "auth0|5f7"}),
    ],
    ids=repr,
)  # fmt: skip
def test_a_body_is_understood_whoever_writes_it(
    client: httpx.Client, body: dict[str, Any], stored: dict[str, Any]
) -> None:
    created = client.post("Users", json={"userName": "ada", **body})
    other = a_user(client, "ben")
    replaced = client.put(f"Users/{other}", json={"userName": "ben", **body})

    assert (created.status_code, replaced.status_code) == (201, 200)
    for response in (created, replaced):
        shown = {
            key: value for key, value in response.json().items() if key not in ("schemas", "id", "userName", "meta")
        }
        assert shown == {"active": True, **stored}


@pytest.mark.parametrize(
    ("body", "scim_type"),
    [
        ({"active": True, "Active": False}, "invalidSyntax"),
        ({"active": True, f"{CORE}:active": False}, "invalidSyntax"),
        ({"name": {"givenName": "A"}, "name.givenName": "B"}, "invalidSyntax"),
        ({"name": "A", "name.givenName": "B"}, "invalidSyntax"),
        ({"emails": {"value": "a"}}, "invalidValue"),
        ({"emails": ["a"]}, "invalidValue"),
        ({"emails": [{"value": "a", "primary": True}, {"value": "b", "primary": True}]}, "invalidValue"),
        ({"title": 5}, "invalidValue"),
        ({"name": "A"}, "invalidValue"),
        ({ENTERPRISE: "A"}, "invalidValue"),
        ({ENTERPRISE: {"manager": 7}}, "invalidValue"),
        ({ENTERPRISE: {"manager": [{"value": "1"}, {"value": "2"}]}}, "invalidValue"),
        ({"x509Certificates": [{"value": "not base64!"}]}, "invalidValue"),
    ],
    ids=repr,
)
def test_what_we_manage_and_cannot_store_is_refused(client: httpx.Client, body: dict[str, Any], scim_type: str) -> None:
    response = client.post("Users", json={"userName": "ada", **body})

    assert (response.status_code, response.json()["scimType"]) == (400, scim_type)
    assert client.get("Users").json()["totalResults"] == 0


def test_a_name_with_many_dots_is_only_unknown(client: httpx.Client) -> None:
    assert client.post("Users", json={"userName": "ada", "a." * 50_000: 1}).status_code == 201


# -- patches of users ---------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "stored"),
    [
        ({"Op": "REPLACE", "Path": "title", "Value": "x", "name": "addTitle"}, {"title": "x"}),
        ({"op": "add", "value": {"active": False}}, {"active": False}),  # SailPoint
        ({"op": "replace", "value": {CORE: {"title": "x"}}}, {"title": "x"}),
        ({"op": "replace", "value": {f"{CORE}:name.givenName": "A"}}, {"name": {"givenName": "A"}}),
        ({"op": "replace", "path": CORE, "value": {"active": "false"}}, {"active": False}),
        ({"op": "Replace", "path": 'roles[primary eq "True"].value', "value": "y"},
         {"roles": [{"value": "y", "primary": True}]}),
        ({"op": "Add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "1"},
         {"phoneNumbers": [{"type": "mobile", "value": "1"}]}),
        ({"op": "add", "path": "emails", "value": {"value": "b", "type": "home"}},
         {"emails": [{"value": "a", "primary": True}, {"value": "b", "type": "home"}]}),
        ({"op": "add", "path": "emails", "value": [{"value": "b", "primary": "True"}]},
         {"emails": [{"value": "a", "primary": False}, {"value": "b", "primary": True}]}),
        ({"op": "replace", "path": 'emails[value eq "a"].primary', "value": False},
         {"emails": [{"value": "a", "primary": False}]}),
        ({"op": "remove", "path": "emails", "value": [{"value": "a"}]}, {"emails": None}),
        ({"op": "remove", "path": 'emails[type eq "fax"]'}, {}),
        ({"op": "replace", "path": "externalId", "value": ""}, {"externalId": None}),
        ({"op": "replace", "value": {"externalId": None, "emails": None}}, {"externalId": None}),
        ({"op": "replace", "path": "emails", "value": []}, {"emails": None}),
        ({"op": "replace", "path": "urn:scim:schemas:core:2.0:title", "value": "x"}, {"title": "x"}),
        ({"op": "add", "path": "urn:scim:schemas:extension:enterprise:2.0:user:department", "value": "X"},
         {ENTERPRISE: {"department": "X"}}),
    ],
    ids=repr,
)  # fmt: skip
def test_a_patch_is_understood_whoever_writes_it(
    client: httpx.Client, operation: dict[str, Any], stored: dict[str, Any]
) -> None:
    roles, emails = [{"value": "x", "primary": True}], [{"value": "a", "primary": True}]
    user_id = a_user(client, "ada", roles=roles, emails=emails, externalId="1")
    before = {"active": True, "roles": roles, "emails": emails, "externalId": "1"}

    response = patched(client, f"Users/{user_id}", operation)

    wanted = {key: value for key, value in {**before, **stored}.items() if value is not None}
    shown = read(client, user_id)
    assert response.status_code == 200
    assert {key: shown[key] for key in shown if key not in ("schemas", "id", "userName", "meta")} == wanted


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "remove", "path": 'groups[type eq "direct"]'}, "mutability"),
        ({"op": "replace", "path": 'groups[value eq "1"].display', "value": "x"}, "mutability"),
        ({"op": "replace", "path": f"{ENTERPRISE}:manager.displayName", "value": "x"}, "mutability"),
        ({"op": "remove", "path": "schemas"}, "mutability"),
        ({"op": "remove", "path": "id"}, "mutability"),
        ({"op": "replace", "path": "active[value eq true]", "value": False}, "invalidFilter"),
        ({"op": "replace", "path": 'emails[value eq "a"', "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": 'phoneNumbers[type ne "mobile"].value', "value": "2"}, "noTarget"),
        ({"op": "replace", "path": "emails", "value": ["a"]}, "invalidValue"),
        ({"op": "replace", "path": "title", "value": 5}, "invalidValue"),
        ({"op": "add", "path": "emails", "value": [{"value": "b", "primary": True}, {"value": "c", "primary": True}]},
         "invalidValue"),
    ],
    ids=repr,
)  # fmt: skip
def test_a_patch_that_cannot_be_applied_is_refused_and_never_a_silent_success(
    client: httpx.Client, operation: dict[str, Any], scim_type: str
) -> None:
    user_id = a_user(client, "ada")
    before = read(client, user_id)

    response = patched(client, f"Users/{user_id}", {"op": "replace", "path": "active", "value": False}, operation)

    assert (response.status_code, response.json()["scimType"]) == (400, scim_type)
    assert read(client, user_id) == before


# -- groups -------------------------------------------------------------------


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "add", "path": "members", "value": "ADA"},
        {"op": "add", "path": "members", "value": ["ADA"]},
        {"op": "add", "path": "members", "value": [{"value": "ADA", "display": "PRIMARY/ada"}]},  # WSO2
        {"op": "add", "value": {"members": [{"value": "ADA"}]}},
        {"op": "replace", "value": {"Members": [{"Value": "ADA", "$ref": None}]}},
        {"op": "Add", "path": "urn:scim:schemas:core:2.0:members", "value": [{"value": "ADA"}]},
    ],
    ids=repr,
)
def test_members_come_in_whatever_the_form(client: httpx.Client, operation: dict[str, Any]) -> None:
    user_id = a_user(client, "ada")
    group_id = a_group(client)
    sent = _with_id(operation, user_id)

    responses = [client.patch(f"Groups/{group_id}", json={"schemas": [], "Operations": [sent]}) for _ in range(2)]

    group = client.get(f"Groups/{group_id}").json()
    assert [response.status_code for response in responses] == [204, 204]
    assert [member["value"] for member in group["members"]] == [user_id]
    assert group["meta"]["version"] == 'W/"v2"'  # the second time it changed nothing


def _with_id(node: Any, user_id: str) -> Any:
    if isinstance(node, dict):
        return {key: _with_id(item, user_id) for key, item in node.items()}
    if isinstance(node, list):
        return [_with_id(item, user_id) for item in node]
    return user_id if node == "ADA" else node


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "remove", "path": "members.value"}, "mutability"),
        ({"op": "remove", "path": 'members[type eq "User"].value'}, "mutability"),
        ({"op": "replace", "path": "members.type", "value": "Group"}, "mutability"),
        ({"op": "replace", "path": "members", "value": ""}, "invalidValue"),
        ({"op": "remove", "path": 'members[foo eq "x"]'}, "invalidFilter"),
        ({"op": "remove", "path": "displayName"}, "mutability"),
        ({"op": "replace", "path": "meta.created", "value": "2020-01-01T00:00:00Z"}, "mutability"),
    ],
    ids=repr,
)
def test_a_group_is_left_alone_by_what_cannot_be_applied(
    client: httpx.Client, operation: dict[str, Any], scim_type: str
) -> None:
    group_id = a_group(client, members=(a_user(client),))
    before = client.get(f"Groups/{group_id}").json()

    response = patched(client, f"Groups/{group_id}", {"op": "replace", "path": "displayName", "value": "x"}, operation)

    assert (response.status_code, response.json()["scimType"]) == (400, scim_type)
    assert client.get(f"Groups/{group_id}").json() == before


def test_two_people_without_external_id_are_not_the_same(service: Service) -> None:
    client = service.client()
    user_id = a_user(client, "ada", externalId="")

    assert client.get("Users", params={"filter": 'externalId eq ""'}).json()["totalResults"] == 0
    assert "externalId" not in read(client, user_id)
