"""What the OpenID IPSIE profile "AL1 - User Deprovisioning" demands, at a started server."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import select

from scimbridge.store.schema import requests
from tests.processes.serving import Server
from tests.scim.conftest import a_group, a_user, patched


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def found(client: httpx.Client, resource: str, text: str) -> list[str]:
    response = client.get(resource, params={"filter": text})
    assert response.status_code == 200, response.text
    return [each["id"] for each in response.json()["Resources"]]


def test_a_user_is_deactivated_and_reactivated_by_patch(client: httpx.Client) -> None:
    user = a_user(client)

    seen = []
    for active in (False, True):
        assert patched(client, f"Users/{user}", {"op": "replace", "path": "active", "value": active}).status_code == 200
        seen.append(client.get(f"Users/{user}").json()["active"])

    assert seen == [False, True]


def test_after_delete_the_same_user_name_can_be_created(client: httpx.Client) -> None:
    first = a_user(client, "ada", externalId="1")
    client.delete(f"Users/{first}")

    second = a_user(client, "ada", externalId="1")

    assert second != first
    assert client.get(f"Users/{first}").status_code == 404


@pytest.mark.parametrize(
    "text",
    [
        'userName eq "ada"',
        'externalId eq "1"',
        'emails[value eq "ada@example.com"]',
        'emails[type eq "work" and value eq "ada@example.com"]',
        'emails.value eq "ada@example.com"',
    ],
)
def test_users_are_found_by_the_filters_that_must_be_supported(client: httpx.Client, text: str) -> None:
    ada = a_user(client, "ada", externalId="1", emails=[{"type": "work", "value": "ada@example.com"}])
    a_user(client, "ben", externalId="2", emails=[{"type": "home", "value": "ben@example.com"}])

    assert found(client, "Users", text) == [ada]


def test_groups_are_found_by_the_filters_that_must_be_supported(client: httpx.Client) -> None:
    ada, ben = a_user(client, "ada"), a_user(client, "ben")
    team, _ = a_group(client, "Team", (ada,)), a_group(client, "Other", (ben,))
    patched(client, f"Groups/{team}", {"op": "add", "path": "externalId", "value": "g-1"})

    for text in (
        'displayName eq "Team"',
        'externalId eq "g-1"',
        f'members[value eq "{ada}"]',
        f'members.value eq "{ada}"',
    ):
        assert found(client, "Groups", text) == [team], text


def test_fifty_and_more_membership_operations_fit_in_one_patch(client: httpx.Client) -> None:
    users = [a_user(client, f"user-{number}") for number in range(60)]
    group = a_group(client, members=tuple(users[:30]))
    removed = [{"op": "remove", "path": f'members[value eq "{user}"]'} for user in users[:30]]
    added = [{"op": "add", "path": "members", "value": [{"value": user}]} for user in users[30:]]

    response = patched(client, f"Groups/{group}", *removed, *added)

    assert response.status_code == 204
    members = client.get(f"Groups/{group}").json()["members"]
    assert {member["value"] for member in members} == set(users[30:])


def test_no_page_has_more_than_1000_resources(client: httpx.Client) -> None:
    config = client.get("ServiceProviderConfig").json()

    assert config["filter"]["maxResults"] <= 1000
    assert config["pagination"]["maxPageSize"] <= 1000


def test_bulk_requests_are_supported(client: httpx.Client) -> None:
    config = client.get("ServiceProviderConfig").json()

    assert config["bulk"]["supported"] is True
    assert config["bulk"]["maxOperations"] >= 50


def test_an_error_says_nothing_about_what_is_inside(client: httpx.Client) -> None:
    answers = [
        client.get("Users", params={"filter": "userName xx"}),
        client.post("Users", content=b"{"),
        client.get("Users/nobody"),
        client.put("Users", json={}),
    ]

    for answer in answers:
        assert answer.status_code in range(400, 500)
        for word in ("Traceback", ".py", "sqlite", "psycopg", "SELECT", "sqlalchemy", "pydantic", "uvicorn"):
            assert word not in answer.text
        assert "server" not in answer.headers


def test_every_write_is_kept_with_what_became_of_it(server: Server, client: httpx.Client) -> None:
    user = a_user(client, "ada", password="Secret-1")
    client.put(f"Users/{user}", json={"userName": "ada", "title": "x"})
    patched(client, f"Users/{user}", {"op": "replace", "path": "active", "value": "False"})
    client.post("Users", json={"userName": "ADA", "active": True})
    client.post("Users", json={"userName": ""})
    client.delete(f"Users/{user}")

    with server.bridge.database.read() as tx:
        source = tx.execute(select(requests.c.source).where(requests.c.resource_id == user)).scalars().first()
        kept = (
            tx.execute(select(requests).where(requests.c.source == source).order_by(requests.c.number)).mappings().all()
        )

    assert [(each["method"], each["status"]) for each in kept] == [
        ("POST", 201),
        ("PUT", 200),
        ("PATCH", 200),
        ("POST", 200),
        ("POST", 400),
        ("DELETE", 204),
    ]
    assert kept[2]["understood"] == 'replace active "False": deactivate'
    assert all(each["at"] and each["applied"] for each in kept)
    assert "Secret-1" not in str(kept)
