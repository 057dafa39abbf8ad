"""Strict sources: what is not known is refused instead of left out; all else is as for everybody."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from scimbridge.domain.source import OverInactive, SourceProfile
from tests.scim.conftest import Service, a_group, a_user, patched

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
FOREIGN = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"


@pytest.fixture
def strict(service: Service) -> httpx.Client:
    service.profiles["okta"] = SourceProfile(strict=True)
    return service.client()


@pytest.mark.parametrize(
    "more",
    [
        {"shoeSize": 43},
        {"urn:example:ext:2.0:User": {"a": 1}},
        {"name": {"givenName": "A", "nick": "B"}},
        {"emails": [{"value": "a@example.com"}, {"value": "b@example.com", "color": "red"}]},
        {ENTERPRISE: {"desk": "12"}},
        {ENTERPRISE: {"manager": {"value": "1", "phone": "2"}}},
        {"schemas": [USER, "urn:example:ext:2.0:User"]},
    ],
    ids=repr,
)
def test_unknown_attributes_and_schemas_are_refused(strict: httpx.Client, more: dict[str, Any]) -> None:
    user_id = a_user(strict)
    before = strict.get(f"Users/{user_id}").json()

    answers = [
        strict.post("Users", json={"userName": "ben", **more}),
        strict.put(f"Users/{user_id}", json={"userName": "ada", "active": False, **more}),
    ]

    assert [(each.status_code, each.json()["scimType"]) for each in answers] == [(400, "invalidSyntax")] * 2
    assert strict.get("Users").json()["Resources"] == [before]


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "replace", "path": "shoeSize", "value": 43}, "invalidPath"),
        ({"op": "remove", "path": f"{ENTERPRISE}:desk"}, "invalidPath"),
        ({"op": "add", "path": "urn:example:ext:2.0:User:a", "value": 1}, "invalidPath"),
        ({"op": "replace", "path": 'shoes[type eq "left"].size', "value": 43}, "invalidPath"),
        ({"op": "replace", "value": {"shoeSize": 43}}, "invalidSyntax"),
        ({"op": "replace", "value": {"name.nick": "x"}}, "invalidSyntax"),
        ({"op": "replace", "value": {ENTERPRISE: {"desk": 1}}}, "invalidSyntax"),
        ({"op": "replace", "value": {"not a name": 1}}, "invalidSyntax"),
        ({"op": "replace", "path": "name", "value": {"nick": "x", "givenName": "A"}}, "invalidSyntax"),
        ({"op": "add", "path": "emails", "value": [{"value": "a", "color": "red"}]}, "invalidSyntax"),
        ({"op": "replace", "path": f"{ENTERPRISE}:manager", "value": {"value": "1", "phone": "2"}}, "invalidSyntax"),
    ],
    ids=repr,
)
def test_a_patch_of_what_is_not_known_is_refused_whole(
    strict: httpx.Client, operation: dict[str, Any], scim_type: str
) -> None:
    user_id = a_user(strict)

    response = patched(strict, f"Users/{user_id}", {"op": "replace", "path": "active", "value": False}, operation)

    assert (response.status_code, response.json()["scimType"]) == (400, scim_type)
    assert strict.get(f"Users/{user_id}").json()["active"] is True


def test_groups_are_read_strictly_too(strict: httpx.Client) -> None:
    group_id = a_group(strict)

    answers = [
        strict.post("Groups", json={"schemas": [GROUP, FOREIGN], "displayName": "Team"}),
        strict.post("Groups", json={"displayName": "Team", "owner": "x"}),
        strict.put(f"Groups/{group_id}", json={"displayName": "Team", "members": [{"value": "1", "color": "red"}]}),
        patched(strict, f"Groups/{group_id}", {"op": "replace", "path": "owner", "value": "x"}),
    ]

    assert [each.json()["scimType"] for each in answers] == [*["invalidSyntax"] * 3, "invalidPath"]


def test_what_is_known_is_understood_in_every_dialect(strict: httpx.Client) -> None:
    user_id = a_user(strict, schemas=[], title=None, roles=[{"value": "x", "primary": "True"}])

    response = patched(strict, f"Users/{user_id}", {"op": "Replace", "value": {"ACTIVE": "False", "id": user_id}})

    assert (response.status_code, response.json()["active"]) == (200, False)


def test_what_was_refused_is_kept_with_the_request(service: Service) -> None:
    service.profiles["okta"] = SourceProfile(strict=True)

    service.client().post("Users", json={"userName": "ada", "shoeSize": 43})

    (kept,) = service.requests()
    assert kept["understood"] == "create User, active not said; ignored: shoeSize"
    assert kept["applied"] == "refused: unknown attribute: shoeSize"


def test_one_source_is_strict_and_another_is_not(service: Service) -> None:
    service.profiles["okta"] = SourceProfile(strict=True)
    body = {"userName": "ada", "shoeSize": 43}

    answers = [service.client(token).post("Users", json=body) for token in ("token-of-okta", "token-of-entra")]

    assert [each.status_code for each in answers] == [400, 201]


def test_a_bulk_request_is_as_strict(strict: httpx.Client) -> None:
    operations = [{"method": "POST", "path": "/Users", "data": {"userName": n, n: 1}} for n in ("title", "shoeSize")]

    done = strict.post("Bulk", json={"Operations": operations}).json()["Operations"]

    assert [each["status"] for each in done] == ["400", "400"]
    assert [each["response"]["scimType"] for each in done] == ["invalidValue", "invalidSyntax"]


def test_a_post_over_an_inactive_user_may_be_a_conflict(service: Service) -> None:
    service.profiles["okta"] = SourceProfile(over_inactive=OverInactive.CONFLICT)
    client = service.client()
    user_id = a_user(client, "ada", active=False, externalId="1")

    by_name = client.post("Users", json={"userName": "ADA"})
    by_external_id = client.post("Users", json={"userName": "ada.married", "externalId": "1"})

    assert [(each.status_code, each.json()["scimType"]) for each in (by_name, by_external_id)] == [
        (409, "uniqueness"),
        (409, "uniqueness"),
    ]
    assert "userName" in by_name.json()["detail"]
    assert "externalId" in by_external_id.json()["detail"]
    assert client.get(f"Users/{user_id}").json()["active"] is False
