"""Discovery says what is true (RFC 7644 §4)."""

from __future__ import annotations

import httpx
import pytest

from scimbridge.services.cursors import MAX_COUNT
from tests.scim.conftest import BASE

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
LIFECYCLE = "urn:scimbridge:params:scim:schemas:extension:lifecycle:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


def test_what_is_not_there_is_announced_as_such(client: httpx.Client) -> None:
    config = client.get("ServiceProviderConfig").json()

    supported = {name for name, value in config.items() if isinstance(value, dict) and value.get("supported")}
    assert supported == {"patch", "filter", "etag", "sort"}
    assert config["pagination"]["cursor"] is True
    assert config["pagination"]["cursorTimeout"] == 24 * 60 * 60
    assert config["pagination"]["defaultPaginationMethod"] == "index"
    assert config["filter"]["maxResults"] == config["pagination"]["maxPageSize"] == MAX_COUNT
    assert config["authenticationSchemes"][0]["type"] == "oauthbearertoken"


def test_the_resource_types_are_users_and_groups(client: httpx.Client) -> None:
    listed = client.get("ResourceTypes").json()

    assert [(each["id"], each["endpoint"], each["schema"]) for each in listed["Resources"]] == [
        ("User", "/Users", USER),
        ("Group", "/Groups", GROUP),
    ]
    assert listed["Resources"][0]["schemaExtensions"] == [
        {"schema": ENTERPRISE, "required": False},
        {"schema": LIFECYCLE, "required": False},
    ]
    assert client.get("ResourceTypes/User").json() == listed["Resources"][0]


def test_the_schemas_are_those_of_the_models(client: httpx.Client) -> None:
    listed = client.get("Schemas").json()["Resources"]

    attributes = {each["id"]: {attribute["name"]: attribute for attribute in each["attributes"]} for each in listed}
    assert set(attributes) == {USER, ENTERPRISE, LIFECYCLE, GROUP}
    assert attributes[USER]["userName"]["uniqueness"] == "server"
    assert attributes[USER]["password"]["returned"] == "never"
    assert attributes[USER]["groups"]["mutability"] == "readOnly"
    assert attributes[GROUP]["displayName"]["uniqueness"] == "server"
    assert client.get(f"Schemas/{ENTERPRISE}").json()["meta"]["location"] == f"{BASE}/Schemas/{ENTERPRISE}"


@pytest.mark.parametrize("path", ["ResourceTypes/Nothing", "Schemas/urn:nothing"])
def test_what_does_not_exist_is_not_found(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["ServiceProviderConfig", "ResourceTypes", "Schemas", f"Schemas/{USER}"])
def test_discovery_takes_no_filter(client: httpx.Client, path: str) -> None:
    assert client.get(path, params={"filter": "id pr"}).status_code == 403
