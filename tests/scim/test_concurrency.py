"""Many clients at once at a started server: nothing is lost, nothing happens twice, and nobody is told 5xx."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx
import pytest

from tests.processes.serving import Server
from tests.scim.conftest import a_group, a_user, patched

CLIENTS = 32
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ATTRIBUTES = [
    "title",
    "nickName",
    "displayName",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
    "externalId",
    "name.givenName",
    "name.familyName",
    "name.middleName",
    "name.formatted",
    "name.honorificPrefix",
    "name.honorificSuffix",
    *(f"{ENTERPRISE}:{name}" for name in ("employeeNumber", "costCenter", "organization", "division", "department")),
    *(f'emails[type eq "{number}"].value' for number in range(CLIENTS - 19)),
]


def at_once(
    server: Server, token: str, each: Callable[[httpx.Client, int], list[int]], count: int = CLIENTS
) -> Counter[int]:
    """Let many clients begin at the same moment, and count the answers."""
    together = Barrier(count)

    def one(number: int) -> list[int]:
        with server.client(token) as client:
            together.wait()
            return each(client, number)

    with ThreadPoolExecutor(count) as pool:
        return Counter(status for statuses in pool.map(one, range(count)) for status in statuses)


def test_32_clients_change_one_group_and_lose_no_member(server: Server) -> None:
    token = server.new_source()
    with server.client(token) as client:
        users = [a_user(client, f"user-{number}") for number in range(3 * CLIENTS)]
        group = a_group(client, members=tuple(users[CLIENTS : 2 * CLIENTS]))

    def add_one_and_remove_two(client: httpx.Client, number: int) -> list[int]:
        joins, leaves, comes_and_goes = users[number], users[CLIENTS + number], users[2 * CLIENTS + number]
        return [
            patched(client, f"Groups/{group}", operation).status_code
            for operation in (
                {"op": "add", "path": "members", "value": [{"value": comes_and_goes}]},
                {"op": "Add", "path": "members", "value": [{"value": joins}]},
                {"op": "remove", "path": f'members[value eq "{leaves}"]'},
                {"op": "Remove", "path": "members", "value": [{"value": comes_and_goes}]},
            )
        ]

    answers = at_once(server, token, add_one_and_remove_two)

    assert answers == {204: 4 * CLIENTS}
    with server.client(token) as client:
        members = client.get(f"Groups/{group}").json()["members"]
        assert Counter(member["value"] for member in members) == Counter(users[:CLIENTS])


def test_32_clients_change_one_user_and_lose_no_attribute(server: Server) -> None:
    token = server.new_source()
    with server.client(token) as client:
        user = a_user(client)

    def change_one_attribute(client: httpx.Client, number: int) -> list[int]:
        operation = {"op": "add", "path": ATTRIBUTES[number], "value": f"value-{number}"}
        return [patched(client, f"Users/{user}", operation).status_code]

    answers = at_once(server, token, change_one_attribute)

    assert answers == {200: CLIENTS}
    assert_all_there(server, token, user)


def test_32_clients_that_check_the_version_lose_no_attribute(server: Server) -> None:
    token = server.new_source()
    with server.client(token) as client:
        user = a_user(client)

    def change_until_it_was_nobody_else(client: httpx.Client, number: int) -> list[int]:
        operations = {"Operations": [{"op": "add", "path": ATTRIBUTES[number], "value": f"value-{number}"}]}
        statuses = [412]
        while statuses[-1] == 412:
            version = client.get(f"Users/{user}").headers["etag"]
            response = client.patch(f"Users/{user}", json=operations, headers={"If-Match": version})
            statuses.append(response.status_code)
        return statuses[1:]

    answers = at_once(server, token, change_until_it_was_nobody_else)

    assert answers[200] == CLIENTS
    assert set(answers) <= {200, 412}
    assert_all_there(server, token, user)
    with server.client(token) as client:
        assert client.get(f"Users/{user}").json()["meta"]["version"] == f'W/"v{CLIENTS + 1}"'


def assert_all_there(server: Server, token: str, user: str) -> None:
    """Check that each attribute has the value of its client."""
    with server.client(token) as client:
        for number, path in enumerate(ATTRIBUTES):
            text = path.replace("].value", f' and value eq "value-{number}"]')
            text = text if text.endswith("]") else f'{path} eq "value-{number}"'
            found = client.get("Users", params={"filter": text, "attributes": "id"}).json()
            assert [each["id"] for each in found["Resources"]] == [user], path


def test_of_ten_who_create_one_name_in_different_cases_one_succeeds(server: Server) -> None:
    token = server.new_source()
    spellings = ["ada.lovelace", "Ada.Lovelace", "ADA.LOVELACE", "aDa.lOvElAcE", "Ada.LOVELACE"] * 2

    def create(client: httpx.Client, number: int) -> list[int]:
        response = client.post("Users", json={"userName": spellings[number], "externalId": str(number)})
        if response.status_code == 409:
            assert response.json()["scimType"] == "uniqueness"
        return [response.status_code]

    answers = at_once(server, token, create, 10)

    assert answers == {201: 1, 409: 9}
    with server.client(token) as client:
        assert client.get("Users").json()["totalResults"] == 1


@pytest.mark.parametrize("resource", ["Users", "Groups"])
def test_of_ten_who_delete_one_resource_one_succeeds(server: Server, resource: str) -> None:
    token = server.new_source()
    with server.client(token) as client:
        target = a_user(client) if resource == "Users" else a_group(client)

    answers = at_once(server, token, lambda client, _: [client.delete(f"{resource}/{target}").status_code], 10)

    assert answers == {204: 1, 404: 9}


def test_of_ten_who_create_one_group_one_succeeds(server: Server) -> None:
    token = server.new_source()

    answers = at_once(
        server, token, lambda client, _: [client.post("Groups", json={"displayName": "Team"}).status_code], 10
    )

    assert answers == {201: 1, 409: 9}
