"""Strangers learn nothing, on any address."""

from __future__ import annotations

import httpx
import pytest

from scimbridge.errors import StoreBusyError
from tests.scim.conftest import TOKENS, Service, on_any_store

pytestmark = on_any_store


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "Users"),
        ("POST", "Users"),
        ("GET", "Users/x"),
        ("DELETE", "Users/x"),
        ("GET", "Groups"),
        ("GET", "ServiceProviderConfig"),
        ("POST", "Bulk"),
        ("POST", ".search"),
        ("PATCH", "Schemas"),
        ("GET", "nothing/here?access_token=token-of-okta"),
    ],
)
@pytest.mark.parametrize("token", ["", "Bearer wrong", "Bearer token-of-oktax"])
def test_without_a_token_there_is_nothing_to_see(service: Service, method: str, path: str, token: str) -> None:
    client = service.client()
    client.headers["authorization"] = token

    response = client.request(method, path, json={"userName": "ada"})

    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert response.headers["content-type"] == "application/scim+json"
    assert response.json()["status"] == "401"


def test_the_scheme_is_compared_without_case(client: httpx.Client) -> None:
    response = client.get("Users", headers={"Authorization": "bEARER token-of-okta"})

    assert response.status_code == 200


def test_two_credentials_are_none(client: httpx.Client) -> None:
    headers = [("Authorization", "Bearer token-of-okta"), ("Authorization", "Bearer token-of-entra")]

    assert client.build_request("GET", "Users", headers=headers).headers.get_list("authorization") != []
    response = httpx.Client(transport=client._transport, base_url=client.base_url).get("Users", headers=headers)

    assert response.status_code == 401


def test_a_store_that_cannot_say_who_it_is_lets_nobody_in(service: Service) -> None:
    def busy(_token: str) -> str:
        raise StoreBusyError("the database is busy")

    service.authenticate = busy

    response = service.client().get("Users")

    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert TOKENS["token-of-okta"] not in response.text
