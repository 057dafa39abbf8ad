"""Which attributes an answer has (RFC 7644 §3.9), on every operation."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from scimbridge.scim.projection import Projection
from tests.scim.conftest import a_group, a_user, patched

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
RESOURCE: dict[str, Any] = {
    "schemas": [CORE, ENTERPRISE],
    "id": "1",
    "userName": "ada",
    "name": {"givenName": "Ada", "familyName": "L"},
    "emails": [{"value": "a@example.com", "type": "work"}, {"type": "home"}],
    ENTERPRISE: {"department": "Audit", "manager": {"value": "2", "displayName": "Ben"}},
    "meta": {"resourceType": "User"},
}
ALWAYS = {"schemas": RESOURCE["schemas"], "id": "1"}


@pytest.mark.parametrize(
    ("names", "more"),
    [
        ("userName", {"userName": "ada"}),
        (" USERNAME ,, ", {"userName": "ada"}),
        (f"{CORE.upper()}:userName", {"userName": "ada"}),
        ("name.GivenName", {"name": {"givenName": "Ada"}}),
        ("name,name.givenName", {"name": RESOURCE["name"]}),
        ("name.givenName,name", {"name": RESOURCE["name"]}),
        ("emails.type", {"emails": [{"type": "work"}, {"type": "home"}]}),
        (ENTERPRISE.lower(), {ENTERPRISE: RESOURCE[ENTERPRISE]}),
        (f"{ENTERPRISE}:department", {ENTERPRISE: {"department": "Audit"}}),
        (f"{ENTERPRISE}:manager.value", {ENTERPRISE: {"manager": {"value": "2"}}}),
        ("nobodyKnows,urn:example:x:y", {}),
        ("id", {}),
    ],
)
def test_only_what_is_asked_for_is_returned(names: str, more: dict[str, Any]) -> None:
    assert Projection.of({"attributes": names}).apply(RESOURCE) == ALWAYS | more


@pytest.mark.parametrize(
    ("names", "changes"),
    [
        ("userName", {"userName": None}),
        ("ID,schemas,nobodyKnows", {}),
        ("name.givenName", {"name": {"familyName": "L"}}),
        ("emails.value", {"emails": [{"type": "work"}, {"type": "home"}]}),
        (ENTERPRISE.upper(), {ENTERPRISE: None}),
        (f"{ENTERPRISE}:manager", {ENTERPRISE: {"department": "Audit"}}),
        ("meta,name", {"meta": None, "name": None}),
    ],
)
def test_what_is_excluded_is_not_returned(names: str, changes: dict[str, Any]) -> None:
    expected = {name: value for name, value in (RESOURCE | changes).items() if value is not None}

    assert Projection.of({"excludedAttributes": names}).apply(RESOURCE) == expected


def test_a_password_is_never_returned() -> None:
    assert "password" not in Projection.of({"attributes": "password"}).apply({**RESOURCE, "password": "x"})
    assert "password" not in Projection.of({}).apply({**RESOURCE, "password": "x"})


@pytest.mark.parametrize(
    ("kind", "query", "names"),
    [
        ("Users", {"attributes": "title"}, {"schemas", "id", "title"}),
        ("Users", {"excludedAttributes": "meta,active,userName,id,externalId"}, {"schemas", "id", "title"}),
        ("Groups", {"attributes": "displayName"}, {"schemas", "id", "displayName"}),
        ("Groups", {"excludedAttributes": "members,meta,externalId"}, {"schemas", "id", "displayName"}),
    ],
)
def test_every_operation_answers_with_what_is_asked_for(
    client: httpx.Client, kind: str, query: dict[str, str], names: set[str]
) -> None:
    user = {"userName": "ada", "title": "x"}
    body = user if kind == "Users" else {"displayName": "Team", "members": [{"value": a_user(client)}]}
    created = client.post(kind, params=query, json=body)
    path = created.headers["location"]

    answers = [
        created,
        client.get(path, params=query),
        client.put(path, params=query, json=body),
        client.patch(path, params=query, json={"Operations": [{"op": "add", "path": "externalId", "value": "x"}]}),
    ]

    assert [set(answer.json()) for answer in answers] == [names] * 4


def test_a_patch_of_a_group_says_nothing_unless_it_is_asked(client: httpx.Client) -> None:
    operation = {"op": "add", "path": "externalId", "value": "x"}

    assert client.patch(f"Groups/{a_group(client)}", json={"Operations": [operation]}).status_code == 204


def test_head_answers_as_get_without_a_body(client: httpx.Client) -> None:
    user_id = a_user(client)
    for path in (f"Users/{user_id}", "Users", "Users/nobody", ""):
        get, head = client.get(path), client.head(path)

        assert head.status_code == get.status_code
        # What is known only of a body that was made may be left out (RFC 9110 §9.3.2).
        assert {*head.headers.items()} == {*get.headers.items()} - {("content-length", get.headers["content-length"])}
        assert head.content == b""


def test_a_resource_that_the_client_has_is_not_sent_again(client: httpx.Client) -> None:
    for path in (f"Users/{a_user(client)}", f"Groups/{a_group(client)}"):
        version = client.get(path).headers["etag"]

        assert client.get(path, headers={"If-None-Match": version}).status_code == 304
        assert client.head(path, headers={"If-None-Match": f'"other", {version}'}).status_code == 304
        assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200

    patched(client, path, {"op": "replace", "path": "displayName", "value": "New"})
    assert client.get(path, headers={"If-None-Match": version}).status_code == 200


@pytest.mark.parametrize(
    "accept", ["application/json", "application/scim+json, application/json;q=0.9", "*/*", "text/html", "nonsense", ""]
)
def test_whatever_a_client_accepts_it_gets_scim(client: httpx.Client, accept: str) -> None:
    response = client.get("Users", headers={"Accept": accept})

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/scim+json"
