"""Discovery says what is true (RFC 7644 §4)."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import httpx
import pytest

from scimbridge.domain.source import NameCase, SourceProfile
from scimbridge.scim.call import Call
from scimbridge.scim.discovery import Discovery
from scimbridge.services.cursors import MAX_COUNT
from tests.scim.conftest import BASE, Service

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
LIFECYCLE = "urn:scimbridge:params:scim:schemas:extension:lifecycle:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
A_CALL = Call(
    source="okta",
    method="GET",
    path="/ServiceProviderConfig",
    resource_id="",
    query={},
    conditions={},
    body={},
    now=datetime(2026, 3, 1, tzinfo=UTC),
)


def test_what_is_there_is_announced_and_nothing_else(client: httpx.Client) -> None:
    config = client.get("ServiceProviderConfig").json()

    supported = {name for name, value in config.items() if isinstance(value, dict) and value.get("supported")}
    assert supported == {"patch", "bulk", "filter", "etag", "sort"}
    assert config["pagination"]["cursor"] is True
    assert config["pagination"]["cursorTimeout"] == 24 * 60 * 60
    assert config["pagination"]["defaultPaginationMethod"] == "index"
    assert config["filter"]["maxResults"] == config["pagination"]["maxPageSize"] == MAX_COUNT
    assert config["bulk"] == {"supported": True, "maxOperations": 500, "maxPayloadSize": 4 * 1024 * 1024}
    assert config["authenticationSchemes"][0]["type"] == "oauthbearertoken"


def test_documentation_is_announced_where_there_is_some(client: httpx.Client) -> None:
    discovery = Discovery(BASE, documentation_url="https://wiki.example.com/scimbridge")

    config = json.loads(bytes(discovery.config(A_CALL).body))

    assert config["documentationUri"] == "https://wiki.example.com/scimbridge"
    assert "documentationUri" not in client.get("ServiceProviderConfig").json()


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
    assert attributes[USER]["profileUrl"]["referenceTypes"] == ["external"]
    assert (attributes[USER]["profileUrl"]["type"], attributes[USER]["profileUrl"]["caseExact"]) == ("reference", True)
    manager = {each["name"]: each for each in attributes[ENTERPRISE]["manager"]["subAttributes"]}
    assert (manager["$ref"]["type"], manager["$ref"]["referenceTypes"]) == ("reference", ["User"])
    assert (manager["displayName"]["mutability"], manager["value"]["caseExact"]) == ("readOnly", True)
    members = {each["name"]: each["mutability"] for each in attributes[GROUP]["members"]["subAttributes"]}
    assert members == {"value": "immutable", "$ref": "immutable", "type": "immutable", "display": "readOnly"}
    assert "voluntary" in attributes[LIFECYCLE]["leaverKind"]["canonicalValues"]
    assert client.get(f"Schemas/{ENTERPRISE}").json()["meta"]["location"] == f"{BASE}/Schemas/{ENTERPRISE}"


def test_every_attribute_is_described(client: httpx.Client) -> None:
    """RFC 7643 §7 wants it."""
    listed = client.get("Schemas").json()["Resources"]

    attributes = [attribute for schema in listed for attribute in schema["attributes"]]
    inner = [part for attribute in attributes for part in attribute.get("subAttributes", ())]
    assert [each["name"] for each in attributes + inner if not each.get("description", "").strip()] == []


@pytest.mark.parametrize("path", ["Schemas", f"Schemas/{USER}"])
def test_whether_the_case_of_a_user_name_counts_is_said_to_each_source(service: Service, path: str) -> None:
    service.profiles["entra"] = SourceProfile(user_name_case=NameCase.EXACT)

    def is_exact(token: str) -> bool:
        answer = service.client(token).get(path).json()
        user = answer["Resources"][0] if "Resources" in answer else answer
        return bool(user["attributes"][0]["caseExact"])

    assert [is_exact(token) for token in ("token-of-okta", "token-of-entra", "token-of-okta")] == [False, True, False]


@pytest.mark.parametrize("path", ["ResourceTypes/Nothing", "Schemas/urn:nothing"])
def test_what_does_not_exist_is_not_found(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", [f"Schemas/{USER.upper()}", f"Schemas/{LIFECYCLE.lower()}", "ResourceTypes/user"])
def test_what_is_discovered_is_found_in_any_case(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["ServiceProviderConfig", "ResourceTypes", "ResourceTypes/User", "Schemas", "Bulk"])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_what_cannot_be_written_says_what_can_be_done(client: httpx.Client, path: str, method: str) -> None:
    response = client.request(method, path, json={})

    assert response.status_code == 405
    assert response.headers["allow"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_there_is_no_me(client: httpx.Client, method: str) -> None:
    response = client.request(method, "Me", content=b"{" if method == "POST" else b"")

    assert response.status_code == 501
    assert response.headers["content-type"] == "application/scim+json"
    assert response.json()["status"] == "501"


@pytest.mark.parametrize("path", ["ServiceProviderConfig", "ResourceTypes", "Schemas", f"Schemas/{USER}"])
def test_discovery_takes_no_filter(client: httpx.Client, path: str) -> None:
    assert client.get(path, params={"filter": "id pr"}).status_code == 403
