"""Points of RFC 7643 and RFC 7644 that servers commonly fail and no other test here is about, one test for each.

Which test stands for which item of the whole checklist is in ``checklist``.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import event

from tests.processes.serving import Server
from tests.scim.conftest import Service, a_group, a_user, patched

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def test_attribute_names_and_schema_urns_have_no_case_in_bodies_paths_and_filters(client: httpx.Client) -> None:
    body = {
        "SCHEMAS": [CORE.upper()],
        "USERNAME": "ada",
        "NAME": {"GIVENNAME": "Ada"},
        ENTERPRISE.upper(): {"DIVISION": "x"},
    }

    user = client.post("Users", json=body).json()
    patched(client, f"Users/{user['id']}", {"op": "add", "path": f"{CORE.upper()}:NICKNAME", "value": "a"})
    found = client.get("Users", params={"filter": f'{ENTERPRISE.upper()}:DIVISION eq "x" and NickName eq "a"'}).json()

    assert (user["userName"], user["name"], user[ENTERPRISE]) == ("ada", {"givenName": "Ada"}, {"division": "x"})
    assert found["totalResults"] == 1


def test_user_name_has_no_case_and_external_id_and_id_have(client: httpx.Client) -> None:
    user = a_user(client, "Ada", externalId="Ext")

    def count(text: str) -> int:
        return int(client.get("Users", params={"filter": text}).json()["totalResults"])

    assert [count('userName eq "aDA"'), count('externalId eq "ext"'), count(f'id eq "{user.upper()}"')] == [1, 0, 0]
    assert client.post("Users", json={"userName": "ADA"}).status_code == 409
    assert client.post("Users", json={"userName": "ben", "externalId": "ext"}).status_code == 201


@pytest.mark.parametrize("query", [{"attributes": "title"}, {"excludedAttributes": "id,schemas,title"}])
def test_id_and_schemas_are_returned_whatever_is_asked_for(client: httpx.Client, query: dict[str, str]) -> None:
    user = a_user(client, title="x")

    for answer in (
        client.get(f"Users/{user}", params=query).json(),
        client.get("Users", params=query).json()["Resources"][0],
    ):
        assert {"id", "schemas"} <= set(answer)


def test_a_password_is_never_returned_not_even_when_asked_for(client: httpx.Client) -> None:
    user = a_user(client, password="Secret-1")

    answers = [
        client.get(f"Users/{user}", params={"attributes": "password"}),
        client.get("Users", params={"attributes": "password,userName"}),
        client.put(f"Users/{user}", json={"userName": "ada", "password": "Secret-2"}),
        patched(client, f"Users/{user}", {"op": "replace", "path": "password", "value": "Secret-3"}),
    ]

    assert all("assword" not in answer.text and "Secret" not in answer.text for answer in answers)


def test_no_match_is_200_with_an_empty_list(client: httpx.Client) -> None:
    a_user(client)

    response = client.get("Users", params={"filter": 'userName eq "c5b1f0f6"'})

    assert response.status_code == 200
    assert (response.json()["totalResults"], response.json()["Resources"]) == (0, [])


@pytest.mark.parametrize(
    ("query", "start_index", "count"),
    [
        ({"startIndex": -3}, 1, 3),
        ({"startIndex": 0}, 1, 3),
        ({"count": -1}, 1, 0),
        ({"count": 0}, 1, 0),
        ({"startIndex": 3, "count": 9}, 3, 1),
    ],
)
def test_pages_below_their_bounds_are_at_their_bounds(
    client: httpx.Client, query: dict[str, int], start_index: int, count: int
) -> None:
    for name in ("ada", "ben", "cyd"):
        a_user(client, name)

    page = client.get("Users", params=query).json()

    assert page["totalResults"] == 3
    assert (page["startIndex"], page["itemsPerPage"], len(page.get("Resources", []))) == (start_index, count, count)


def test_a_second_primary_value_demotes_the_first(client: httpx.Client) -> None:
    user = a_user(client, emails=[{"value": "a@example.com", "primary": True}])

    patched(
        client, f"Users/{user}", {"op": "add", "path": "emails", "value": [{"value": "b@example.com", "primary": True}]}
    )

    emails = client.get(f"Users/{user}").json()["emails"]
    assert [email["value"] for email in emails if email.get("primary")] == ["b@example.com"]
    assert len(emails) == 2


def test_adding_a_member_that_is_there_changes_nothing(client: httpx.Client) -> None:
    ada = a_user(client)
    group = a_group(client, members=(ada,))
    before = client.get(f"Groups/{group}").json()

    for more in ({}, {"display": "Ada"}, {"type": "User", "$ref": "x"}):
        patched(client, f"Groups/{group}", {"op": "add", "path": "members", "value": [{"value": ada, **more}]})

    assert client.get(f"Groups/{group}").json() == before


def test_a_patch_of_which_one_operation_fails_leaves_the_resource_as_it_was(client: httpx.Client) -> None:
    user = a_user(client, title="before")
    before = client.get(f"Users/{user}")

    response = patched(
        client,
        f"Users/{user}",
        {"op": "replace", "path": "title", "value": "after"},
        {"op": "replace", "path": "active", "value": "perhaps"},
    )

    assert response.status_code == 400
    assert client.get(f"Users/{user}").content == before.content


def test_a_deleted_user_is_gone_for_every_verb_list_group_and_conflict(client: httpx.Client) -> None:
    user = a_user(client, "ada", externalId="1")
    group = a_group(client, members=(user,))

    client.delete(f"Users/{user}")

    body = {"userName": "ada", "Operations": [{"op": "add", "path": "title", "value": "x"}]}
    statuses = [
        client.request(verb, f"Users/{user}", json=body).status_code for verb in ("GET", "PUT", "PATCH", "DELETE")
    ]
    assert statuses == [404] * 4
    assert client.get("Users").json()["totalResults"] == 0
    assert client.get(f"Groups/{group}").json().get("members", []) == []
    assert a_user(client, "ada", externalId="1") != user


@pytest.mark.parametrize("place", ["ServiceProviderConfig", "ResourceTypes", "Schemas", f"Schemas/{CORE}"])
def test_discovery_is_read_only(client: httpx.Client, place: str) -> None:
    statuses = {
        verb: client.request(verb, place, json={"a": 1}).status_code for verb in ("POST", "PUT", "PATCH", "DELETE")
    }

    assert statuses == dict.fromkeys(statuses, 405)
    assert client.get(place).status_code == 200


def test_an_etag_is_weak_and_decides(client: httpx.Client) -> None:
    user = a_user(client)
    old = client.get(f"Users/{user}")
    tag = old.headers["etag"]
    patched(client, f"Users/{user}", {"op": "add", "path": "title", "value": "x"})

    stale = client.put(f"Users/{user}", json={"userName": "ada"}, headers={"If-Match": tag})
    new = client.get(f"Users/{user}").headers["etag"]

    assert tag.startswith('W/"')
    assert old.json()["meta"]["version"] == tag
    assert stale.status_code == 412
    assert client.get(f"Users/{user}", headers={"If-None-Match": new}).status_code == 304
    assert client.get(f"Users/{user}", headers={"If-None-Match": tag}).status_code == 200


def test_a_bulk_request_above_the_limit_is_413(client: httpx.Client) -> None:
    most = client.get("ServiceProviderConfig").json()["bulk"]["maxOperations"]
    operations = [{"method": "DELETE", "path": "/Users/x"}] * (most + 1)

    response = client.post("Bulk", json={"Operations": operations})

    assert (response.status_code, response.json()["status"]) == (413, "413")


def test_attributes_on_a_patch_are_answered_with_a_body(client: httpx.Client) -> None:
    group = a_group(client)
    operations = {"Operations": [{"op": "replace", "path": "displayName", "value": "New"}]}

    response = client.patch(f"Groups/{group}", json=operations, params={"attributes": "displayName"})

    assert (response.status_code, response.json()["displayName"]) == (200, "New")


def test_a_look_up_needs_neither_user_agent_nor_accept(server: Server) -> None:
    with server.client() as client:
        request = client.build_request("GET", "Users", params={"filter": 'userName eq "c5b1f0f6"'})
        for name in ("user-agent", "accept", "accept-encoding", "content-type"):
            request.headers.pop(name, None)

        response = client.send(request)

    assert (response.status_code, response.json()["totalResults"]) == (200, 0)


def test_an_inactive_user_is_seen_as_inactive_at_once_and_still_listed(client: httpx.Client) -> None:
    user = a_user(client, "ada")

    for _ in range(2):
        response = patched(client, f"Users/{user}", {"op": "replace", "path": "active", "value": False})
        assert (response.status_code, response.json()["active"]) == (200, False)

    def found(text: str | None) -> list[bool]:
        page = client.get("Users", params={"filter": text} if text else {}).json()
        return [each["active"] for each in page["Resources"]]

    assert client.get(f"Users/{user}").json()["active"] is False
    assert [found(text) for text in (None, 'userName eq "ada"', "active eq false")] == [[False]] * 3
    assert found("active eq true") == []


def test_a_put_of_a_name_that_is_taken_is_a_conflict(client: httpx.Client) -> None:
    a_user(client, "ada")
    ben = a_user(client, "ben")

    response = client.put(f"Users/{ben}", json={"userName": "ADA"})

    assert (response.status_code, response.json()["scimType"]) == (409, "uniqueness")
    assert client.get(f"Users/{ben}").json()["userName"] == "ben"


def test_json_in_a_string_stays_text_and_null_is_no_value(client: httpx.Client) -> None:
    role = '{"id":"7d2","value":"Reader"}'
    body = {"userName": "ada", "title": None, "emails": None, "name": {"givenName": None}, "roles": [{"value": role}]}

    created = client.post("Users", json=body).json()

    assert created["roles"] == [{"value": role}]
    assert {"title", "emails", "name"}.isdisjoint(created)


def test_the_groups_of_a_user_are_those_it_is_in_itself(client: httpx.Client) -> None:
    ada = a_user(client, "ada")
    team = a_group(client, "Team", (ada,))
    a_group(client, "Division", (team,))

    (found,) = client.get(f"Users/{ada}").json()["groups"]

    assert (found["value"], found["display"], found["type"]) == (team, "Team", "direct")
    assert found["$ref"].endswith(f"/Groups/{team}")


def test_a_look_up_asks_the_store_as_little_among_many_as_among_few(service: Service) -> None:
    """Okta's own test of a service provider allows 600 ms; what it takes is measured by ``make bench``."""
    client, asked = service.client(), list[str]()
    event.listen(service.database._reader, "before_cursor_execute", lambda *given: asked.append(given[2]))

    def look_up() -> list[str]:
        asked.clear()
        assert client.get("Users", params={"filter": 'userName eq "ada"'}).json()["totalResults"] == 1
        return asked[:]

    a_user(client, "ada")
    among_few = look_up()
    for number in range(30):
        a_user(client, f"user-{number}")

    assert look_up() == among_few
    assert 0 < len(among_few) <= 3


def test_a_name_is_kept_as_it_was_spelled(client: httpx.Client) -> None:
    user = a_user(client, "\uff21da.ÖSTERREICH")

    page = client.get("Users", params={"filter": 'userName eq "ada.österreich"'}).json()

    assert [each["id"] for each in page["Resources"]] == [user]
    assert page["Resources"][0]["userName"] == "\uff21da.ÖSTERREICH"
