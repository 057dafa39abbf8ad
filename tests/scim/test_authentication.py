"""Strangers learn nothing, on any address."""

from __future__ import annotations

import httpx
import pytest

from scimbridge.errors import StoreBusyError
from scimbridge.scim.authentication import bearer_token
from tests.scim.conftest import TOKENS, Service


@pytest.mark.parametrize(
    "header", ["Bearer token-of-okta", "bearer token-of-okta", "BEARER  token-of-okta", "Bearer token-of-okta "]
)
def test_a_token_is_found(header: str) -> None:
    assert bearer_token(header) == "token-of-okta"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic eDp5", "token-of-okta", "Bearer tökén", "Bearer " + "x" * 5000]
)
def test_what_is_no_token_is_none(header: str) -> None:
    assert bearer_token(header) is None


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


def test_a_store_that_cannot_say_who_it_is_lets_nobody_in(service: Service) -> None:
    def busy(_token: str) -> str:
        raise StoreBusyError("the database is busy")

    service.authenticate = busy

    response = service.client().get("Users")

    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert TOKENS["token-of-okta"] not in response.text
