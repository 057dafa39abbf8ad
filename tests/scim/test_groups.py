"""Groups: members change by those that are named, in the spellings of the identity providers."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from sqlalchemy import event

from tests.scim.conftest import BASE, Service, a_group, a_user, on_any_store, patched

CORE = "urn:ietf:params:scim:schemas:core:2.0:Group"


@pytest.fixture
def people(client: httpx.Client) -> dict[str, str]:
    return {name: a_user(client, name) for name in ("ada", "ben", "cyd")}


def members(client: httpx.Client, group_id: str) -> set[str]:
    group = client.get(f"Groups/{group_id}", params={"attributes": "members.display"}).json()
    return {member["display"] for member in group.get("members", ())}


def test_a_new_group_is_answered_with_its_members(client: httpx.Client, people: dict[str, str]) -> None:
    response = client.post("Groups", json={"displayName": "Team", "members": [{"value": people["ada"]}]})

    group = response.json()
    assert response.status_code == 201
    assert group["meta"]["location"] == response.headers["location"] == f"{BASE}/Groups/{group['id']}"
    assert group["members"] == [{"value": people["ada"], "$ref": f"{BASE}/Users/{people['ada']}", "type": "User"}]


def test_a_name_is_taken_in_every_case_of_letters(client: httpx.Client) -> None:
    a_group(client, "Team")

    response = client.post("Groups", json={"displayName": "TEAM"})

    assert (response.status_code, response.json()["scimType"]) == (409, "uniqueness")


def test_entras_own_schema_is_accepted(client: httpx.Client) -> None:
    entra = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"

    response = client.post("Groups", json={"schemas": [CORE, entra], "displayName": "Team", "members": None})

    assert response.status_code == 201
    assert response.json()["schemas"] == [CORE]


@pytest.mark.parametrize(
    ("operations", "left"),
    [
        ([{"op": "Add", "path": "members", "value": [{"$ref": None, "value": "cyd"}]}], "ada ben cyd"),
        ([{"op": "add", "path": "members", "value": {"value": "cyd"}}], "ada ben cyd"),
        ([{"op": "add", "path": f"{CORE}:members", "value": [{"value": "cyd"}]}], "ada ben cyd"),
        ([{"op": "add", "value": {"members": [{"value": "cyd"}]}}], "ada ben cyd"),
        ([{"op": "add", "path": "members", "value": [{"value": "ada"}]}], "ada ben"),
        ([{"op": "add", "path": "members", "value": []}], "ada ben"),
        ([{"op": "Remove", "path": "members", "value": [{"$ref": None, "value": "ada"}]}], "ben"),
        ([{"op": "remove", "path": "members", "value": [{"value": "cyd"}]}], "ada ben"),
        ([{"op": "remove", "path": 'members[value eq "ada"]'}], "ben"),
        ([{"op": "remove", "path": "members", "value": []}], "ada ben"),
        ([{"op": "remove", "path": 'members[value eq "ada"]', "value": None}], "ben"),
        ([{"op": "remove", "path": 'members[value eq "ada"]', "value": []}], "ben"),
        ([{"op": "remove", "path": 'MEMBERS[VALUE EQ "ada" or value eq "ben"]'}], ""),
        ([{"op": "remove", "path": "members"}], ""),
        ([{"op": "remove", "path": 'members[display eq "ADA"]'}], "ben"),
        ([{"op": "remove", "path": 'members[type eq "user"]'}], ""),
        ([{"op": "remove", "path": 'members[type eq "Group"]'}], "ada ben"),
        ([{"op": "remove", "path": 'members[type eq "User" and not (display sw "a")]'}], "ada"),
        ([{"op": "remove", "path": 'members[value eq "ada" or display eq "Ben"]'}], ""),
        ([{"op": "remove", "path": 'members[value sw "no-id"]'}], "ada ben"),
        ([{"op": "remove", "path": "members[display pr]"}], ""),
        ([{"op": "replace", "path": "members", "value": [{"value": "cyd"}]}], "cyd"),
        ([{"op": "replace", "value": {"members": [{"value": "cyd"}]}}], "cyd"),
        ([{"op": "replace", "path": "members", "value": None}], ""),
        ([{"op": "replace", "value": {"members": None}}], "ada ben"),
        ([{"op": "add", "value": {"members": None}}], "ada ben"),
        (
            [
                {"op": "remove", "path": 'members[value eq "ada"]'},
                {"op": "add", "path": "members", "value": [{"value": "cyd", "display": "C"}]},
                {"op": "replace", "path": "displayName", "value": "Renamed"},
            ],
            "ben cyd",
        ),
    ],
)
def test_members_change(client: httpx.Client, people: dict[str, str], operations: list[Any], left: str) -> None:
    group_id = a_group(client, members=(people["ada"], people["ben"]))

    response = patched(client, f"Groups/{group_id}", *(_with_ids(operation, people) for operation in operations))

    assert (response.status_code, response.content) == (204, b"")
    assert members(client, group_id) == set(left.split())


def _with_ids(node: Any, people: dict[str, str]) -> Any:
    """Put ids in the place of names."""
    text = json.dumps(node)
    for name, user_id in people.items():
        text = text.replace(f'"{name}"', f'"{user_id}"').replace(f'"{name}\\"', f'"{user_id}\\"')
    return json.loads(text)


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "add", "path": "members", "value": [{"display": "x"}]},
        {"op": "add", "path": "members", "value": [{"value": ""}]},
        {"op": "add", "path": "members", "value": [{"value": 7}]},
        {"op": "add", "path": "members", "value": [None]},
        {"op": "add", "path": "members", "value": None},
        {"op": "add", "path": "members"},
        {"op": "add", "path": "members", "value": [{"value": "nobody"}]},
        {"op": "replace", "path": "members", "value": [{"value": "nobody"}]},
        {"op": "remove", "path": 'members[color eq "red"]'},
        {"op": "remove", "path": "members[type eq 7]"},
        {"op": "replace", "path": 'members[type eq "User"]', "value": {"value": "b"}},
        {"op": "replace", "path": 'members[value eq "a"].display', "value": "x"},
        {"op": "add", "path": "members.display", "value": "x"},
        {"op": "replace", "path": 'members[value eq "a"]', "value": {"value": "b"}},
        {"op": "replace", "path": "displayName", "value": ""},
        {"op": "remove", "path": "displayName"},
        {"op": "replace", "path": "id", "value": "x"},
        {"op": "replace", "value": {"id": "x"}},
        {"op": "replace", "path": "members[", "value": []},
    ],
    ids=repr,
)
def test_a_patch_is_applied_whole_or_not_at_all(
    client: httpx.Client, people: dict[str, str], operation: dict[str, Any]
) -> None:
    group_id = a_group(client, members=(people["ada"],))
    before = client.get(f"Groups/{group_id}").json()

    response = patched(client, f"Groups/{group_id}", {"op": "remove", "path": "members"}, operation)

    assert response.status_code == 400
    assert client.get(f"Groups/{group_id}").json() == before


def test_okta_renames_with_the_id_in_the_value(client: httpx.Client) -> None:
    group_id = a_group(client)

    patched(client, f"Groups/{group_id}", {"op": "replace", "value": {"id": group_id, "displayName": "Renamed"}})
    once = client.get(f"Groups/{group_id}").json()["displayName"]
    patched(client, f"Groups/{group_id}", {"op": "replace", "value": {"id": None, "displayName": "Again"}})

    assert (once, client.get(f"Groups/{group_id}").json()["displayName"]) == ("Renamed", "Again")


def test_a_put_without_members_leaves_them(client: httpx.Client, people: dict[str, str]) -> None:
    group_id = a_group(client, members=(people["ada"],))

    client.put(f"Groups/{group_id}", json={"displayName": "Renamed"})
    client.put(f"Groups/{group_id}", json={"displayName": "Renamed", "members": None})
    kept = members(client, group_id)
    client.put(f"Groups/{group_id}", json={"displayName": "Renamed", "members": []})

    assert (kept, members(client, group_id)) == ({"ada"}, set())


def test_a_deleted_user_leaves_its_groups(client: httpx.Client, people: dict[str, str]) -> None:
    group_id = a_group(client, members=(people["ada"], people["ben"]))

    client.delete(f"Users/{people['ada']}")

    assert members(client, group_id) == {"ben"}
    found = client.get("Groups", params={"filter": f'members eq "{people["ada"]}"'}).json()
    assert found["totalResults"] == 0


def test_members_are_read_only_where_they_are_shown(service: Service) -> None:
    client = service.client()
    group_id = a_group(client, members=(a_user(client),))
    statements: list[str] = []
    engine = service.database._reader
    event.listen(engine, "before_cursor_execute", lambda _c, _k, text, *_: statements.append(text))

    shown = [
        client.get(f"Groups/{group_id}", params={"excludedAttributes": "members"}).json(),
        client.get(f"Groups/{group_id}", params={"attributes": "displayName"}).json(),
        client.get("Groups", params={"excludedAttributes": f"{CORE}:Members"}).json()["Resources"][0],
    ]

    assert not any("memberships" in text for text in statements)
    assert not any("members" in group for group in shown)


def test_a_patch_answers_with_the_group_where_attributes_are_asked_for(client: httpx.Client) -> None:
    group_id = a_group(client)
    operation = {"op": "replace", "path": "displayName", "value": "Renamed"}

    response = client.patch(
        f"Groups/{group_id}", params={"attributes": "displayName"}, json={"Operations": [operation]}
    )

    assert response.status_code == 200
    assert response.json() == {"schemas": [CORE], "id": group_id, "displayName": "Renamed"}


def test_what_was_understood_names_no_member(service: Service) -> None:
    client = service.client()
    members = [a_user(client), a_user(client, "bob")]
    group_id = a_group(client)

    patched(
        client,
        f"Groups/{group_id}",
        *({"op": "Add", "path": "members", "value": [{"value": member}]} for member in members),
        {"op": "Replace", "path": "externalId", "value": "x"},
    )

    assert service.requests()[-1]["understood"] == "Replace externalId, add 2 members"


def test_a_deleted_group_is_gone(client: httpx.Client, people: dict[str, str]) -> None:
    group_id = a_group(client, members=(people["ada"],))

    assert client.delete(f"Groups/{group_id}").status_code == 204

    assert client.get(f"Groups/{group_id}").status_code == 404
    assert client.delete(f"Groups/{group_id}").status_code == 404
    assert "groups" not in client.get(f"Users/{people['ada']}").json()


def test_a_version_is_checked(client: httpx.Client, people: dict[str, str]) -> None:
    group_id = a_group(client)
    tag = client.get(f"Groups/{group_id}").headers["etag"]
    change = {"Operations": [{"op": "add", "path": "members", "value": [{"value": people["ada"]}]}]}

    assert client.get(f"Groups/{group_id}", headers={"If-None-Match": tag}).status_code == 304
    assert client.patch(f"Groups/{group_id}", json=change, headers={"If-Match": f'"x", {tag}'}).status_code == 204
    assert client.patch(f"Groups/{group_id}", json=change, headers={"If-Match": tag}).status_code == 412


@pytest.mark.parametrize("verb", ["add", "replace"])
def test_a_group_is_no_member_of_itself(client: httpx.Client, people: dict[str, str], verb: str) -> None:
    group_id = a_group(client, members=(people["ada"],))
    value = [{"value": people["ben"]}, {"value": group_id}]

    response = patched(client, f"Groups/{group_id}", {"op": verb, "path": "members", "value": value})
    replaced = client.put(f"Groups/{group_id}", json={"displayName": "Engineers", "members": value})

    for refused in (response, replaced):
        assert (refused.status_code, refused.json()["scimType"]) == (400, "invalidValue")
    assert [member["value"] for member in client.get(f"Groups/{group_id}").json()["members"]] == [people["ada"]]


def test_groups_that_contain_each_other_can_be_read_and_left(client: httpx.Client, people: dict[str, str]) -> None:
    outer = a_group(client, "Outer", (people["ada"],))
    inner = a_group(client, "Inner", (outer,))

    closed = patched(client, f"Groups/{outer}", {"op": "add", "path": "members", "value": [{"value": inner}]})

    assert closed.status_code == 204
    assert {member["value"] for member in client.get(f"Groups/{outer}").json()["members"]} == {people["ada"], inner}
    assert client.delete(f"Groups/{inner}").status_code == 204
    assert [member["value"] for member in client.get(f"Groups/{outer}").json()["members"]] == [people["ada"]]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_what_is_kept_of_a_change_of_members_is_what_was_sent(
    service: Service, client: httpx.Client, people: dict[str, str], method: str
) -> None:
    members = [{"value": people["ada"], "display": "Ada", "wrote": 1}]
    operation = {"op": "add", "path": "members", "value": members}
    body = {"Operations": [operation]} if method == "PATCH" else {"displayName": "New", "members": members}
    path = "Groups" if method == "POST" else f"Groups/{a_group(client)}"

    response = client.request(method, path, json={**body, "token": "x"})

    assert response.is_success
    kept = service.requests()[-1]
    assert kept["received"] == {**body, "token": "[removed]"}
    assert "members.wrote" in str(kept["understood"])


def test_an_id_is_one_id_whatever_is_in_it(client: httpx.Client, people: dict[str, str]) -> None:
    for between in ("\n", "\t", ",", "\u001f", "\u2028"):
        both = {"value": f"{people['ada']}{between}{people['ben']}"}
        response = client.post("Groups", json={"displayName": "Team", "members": [both]})
        assert (response.status_code, response.json()["scimType"]) == (400, "invalidValue")


@on_any_store
def test_members_may_be_written_with_the_urn_of_their_schema(client: httpx.Client) -> None:
    ada, bob = a_user(client, "ada"), a_user(client, "bob")

    group = client.post("Groups", json={"displayName": "x", CORE: {"Members": [{"value": ada}]}}).json()
    replaced = client.put(
        f"Groups/{group['id']}", json={"displayName": "x", f"{CORE}:members": [{"value": bob}]}
    ).json()

    assert [member["value"] for member in group["members"]] == [ada]
    assert [member["value"] for member in replaced["members"]] == [bob]


@on_any_store
@pytest.mark.parametrize("more", [{"members.value": "x"}, {"members": [], f"{CORE}:members": []}])
def test_members_that_are_written_in_parts_or_twice_are_refused(client: httpx.Client, more: dict[str, Any]) -> None:
    response = client.post("Groups", json={"displayName": "x", **more})

    assert (response.status_code, response.json()["scimType"]) == (400, "invalidSyntax")
    assert client.get("Groups").json()["totalResults"] == 0


@pytest.mark.parametrize("value", [None, {}, [None], [{}], [{"value": None}]], ids=str)
@pytest.mark.parametrize("named", ["members", "Members", f"{CORE}:members", CORE])
@pytest.mark.parametrize("verb", ["remove", "Remove"])
def test_a_remove_that_does_not_say_whom_takes_nobody_out(
    service: Service, people: dict[str, str], verb: str, named: str, value: Any
) -> None:
    """Whether it means all or nobody cannot be told, and what the Group grants hangs on it: somebody is to look."""
    client = service.client()
    group_id = a_group(client, members=(people["ada"], people["ben"]))
    said = {"members": value} if named == CORE else value
    renaming = {"op": "replace", "path": "displayName", "value": "Renamed"}

    response = patched(client, f"Groups/{group_id}", renaming, {"op": verb, "path": named, "value": said})

    assert (response.status_code, response.json()["scimType"]) == (400, "invalidValue")
    assert client.get(f"Groups/{group_id}").json()["meta"]["version"] == 'W/"v1"'
    assert members(client, group_id) == {"ada", "ben"}
    assert service.requests()[-1]["status"] == 400


@on_any_store
@pytest.mark.parametrize("verb", ["add", "replace"])
@pytest.mark.parametrize("path", ['members[value eq "{ada}"]', "members[value pr]", "members.value"])
def test_null_for_a_part_of_the_members_takes_nobody_out(client: httpx.Client, verb: str, path: str) -> None:
    """A remove says so. Who is meant to come in must not lose what the Group grants."""
    ada = a_user(client, "ada")
    group_id = a_group(client, members=(ada, a_user(client, "ben")))
    named = path.format(ada=ada)

    answers = [
        patched(client, f"Groups/{group_id}", {"op": verb, **operation})
        for operation in ({"path": named, "value": None}, {"value": {named: None}})
    ]

    assert {answer.status_code for answer in answers} == {400}
    assert client.get(f"Groups/{group_id}").json()["meta"]["version"] == 'W/"v1"'
