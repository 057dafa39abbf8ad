"""Random requests: whatever they are, the answer is SCIM's, never 5xx, and what is refused changes nothing.

The examples are drawn from words of the protocol, so that they get past the first check, and mixed with nonsense.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.scim.conftest import Service, a_group, a_user
from tests.scim.tables import stored
from tests.scim.wire import JSON as MEDIA_TYPE

pytestmark = pytest.mark.drawn

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"

TEXT = st.text(max_size=12) | st.sampled_from(
    [
        "",
        " ",
        "ada",
        "True",
        "false",
        "\0",
        "\ud800",
        "%",
        "2026-01-01T00:00:00Z",
        "bulkId:1",
        "é",
        "x" * 2000,
        "İ",
        "[]",
    ]
)
NAMES = st.sampled_from(
    [
        *("userName", "USERNAME", "active", "emails", "name", "name.givenName", "members", "displayName", "externalId"),
        *("id", "meta", "groups", "password", "roles", "manager", "schemas", "Operations", "value", "primary", "type"),
        *(ENTERPRISE, f"{ENTERPRISE}:manager", f"{CORE}:active", "urn:x:y", "$ref", "op", "path", "filter", "count"),
        *("startIndex", "attributes", "sortBy", "sortOrder", "method", "bulkId", "data", "failOnErrors", "cursor"),
    ]
)
OPERATORS = st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr", "EQ", "regex", ""])
NUMBERS = st.integers(-(10**20), 10**20) | st.floats()
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=4) | st.dictionaries(NAMES | TEXT, inner, max_size=5)


JSON = st.recursive(SCALARS, containers, max_leaves=12)
LITERALS = SCALARS.map(json.dumps)
COMPARISONS = st.builds(lambda *words: " ".join(words), NAMES, OPERATORS, LITERALS)
FILTERS = (
    st.recursive(
        COMPARISONS,
        lambda inner: (
            st.builds(lambda a, b: f"({a}) and {b}", inner, inner)
            | st.builds(lambda a, b: f"{a} or not ({b})", inner, inner)
            | st.builds(lambda name, a: f"{name}[{a}]", NAMES, inner)
        ),
        max_leaves=5,
    )
    | TEXT
)
PATHS = (
    NAMES
    | st.builds(lambda name, text, sub: f"{name}[{text}]{sub}", NAMES, FILTERS, st.sampled_from(["", ".value"]))
    | TEXT
)
OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "Replace", "remove", "move"])}, optional={"path": PATHS, "value": JSON}
)
PATCHES = st.fixed_dictionaries({"Operations": st.lists(OPERATIONS, max_size=4)})
USERS = st.fixed_dictionaries(
    {"userName": TEXT}, optional={"active": SCALARS, "emails": JSON, "name": JSON, "roles": JSON}
)
GROUPS = st.fixed_dictionaries({"displayName": TEXT}, optional={"members": JSON, "externalId": SCALARS})
SEARCHES = st.fixed_dictionaries(
    {}, optional={"filter": FILTERS, "count": SCALARS, "attributes": JSON, "sortBy": NAMES}
)
BULKS = st.fixed_dictionaries(
    {
        "Operations": st.lists(
            st.fixed_dictionaries(
                {
                    "method": st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "GET"]),
                    "path": st.just("/Users") | TEXT,
                },
                optional={"bulkId": TEXT, "data": USERS | JSON, "version": TEXT},
            ),
            max_size=3,
        )
    },
    optional={"failOnErrors": SCALARS},
)
BODIES = JSON | PATCHES | USERS | GROUPS | SEARCHES | BULKS
METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
PLACES = st.sampled_from(
    [
        *("/Users", "/Users/{user}", "/Groups", "/Groups/{group}", "/Users/{group}", "/.search", "/Users/.search"),
        *("/Groups/.search", "/Bulk", "/Me", "/Schemas", f"/Schemas/{CORE}", "/ResourceTypes", "/ResourceTypes/User"),
        *("/ServiceProviderConfig", "/x", "/Users/{user}/name", "//", "/Users//"),
    ]
) | TEXT.map(lambda text: "/Users/" + quote(text.encode("utf-8", "replace")))
QUERIES = st.dictionaries(
    st.sampled_from(
        ["filter", "startIndex", "count", "attributes", "excludedAttributes", "sortBy", "sortOrder", "cursor", "x"]
    ),
    FILTERS | NAMES | NUMBERS.map(str),
    max_size=3,
)
HEADERS = st.dictionaries(
    st.sampled_from(["If-Match", "If-None-Match", "Accept", "Prefer", "Content-Type", "X-Odd"]),
    st.sampled_from(
        ["*", 'W/"v1"', '"', "application/json", "text/plain", "x" * 300, ",,,", "application/scim+json;q=0"]
    ),
    max_size=2,
)

fuzzed = settings(
    max_examples=80,
    derandomize=True,  # a failure in CI is the same at one's desk
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),  # the service is shared by all examples, and filled by them
)


def text_of(body: Any) -> bytes:
    """Return what a careless client would send: JSON, with NaN and halves of surrogate pairs in it."""
    return json.dumps(body).encode()


def sent(service: Service, method: str, path: str, **more: Any) -> httpx.Response:
    """Send a request about the User and the Group that are there, or were."""
    with service.client() as client:
        found = [client.get(kind).json()["Resources"] for kind in ("Users", "Groups")]
        user = found[0][0]["id"] if found[0] else a_user(client, "somebody")
        group = found[1][0]["id"] if found[1] else a_group(client, "some")
        before = stored(service.database)
        response = client.request(method, "." + path.replace("{user}", user).replace("{group}", group), **more)
        judge(response, method)
        if response.status_code >= 400:
            assert stored(service.database) == before
    return response


def judge(response: httpx.Response, method: str) -> None:
    """Check that an answer is SCIM's, whatever was asked."""
    assert response.status_code < 500 or response.status_code == 501, response.text
    if not response.content:
        assert method == "HEAD" or response.status_code in {204, 304}
        return
    assert response.headers["content-type"] == MEDIA_TYPE
    body = response.json()
    if response.status_code >= 400:
        assert (body["schemas"], body["status"]) == ([ERROR], str(response.status_code))


@fuzzed
@given(method=METHODS, place=PLACES, body=BODIES, query=QUERIES, headers=HEADERS)
def test_any_request_is_answered_in_scim(
    service: Service, method: str, place: str, body: Any, query: dict[str, str], headers: dict[str, str]
) -> None:
    headers = {"Content-Type": MEDIA_TYPE, **headers}

    sent(service, method, place, content=text_of(body), params=encodable(query), headers=headers)


@fuzzed
@given(body=PATCHES)
def test_any_patch_of_a_user_is_answered_in_scim(service: Service, body: Any) -> None:
    sent(service, "PATCH", "/Users/{user}", content=text_of(body), headers={"Content-Type": MEDIA_TYPE})


@fuzzed
@given(body=PATCHES)
def test_any_patch_of_a_group_is_answered_in_scim(service: Service, body: Any) -> None:
    sent(service, "PATCH", "/Groups/{group}", content=text_of(body), headers={"Content-Type": MEDIA_TYPE})


@fuzzed
@given(method=st.sampled_from(["POST", "PUT"]), body=USERS | JSON)
def test_any_user_is_answered_in_scim(service: Service, method: str, body: Any) -> None:
    place = "/Users" if method == "POST" else "/Users/{user}"

    sent(service, method, place, content=text_of(body), headers={"Content-Type": MEDIA_TYPE})


@fuzzed
@given(query=st.fixed_dictionaries({"filter": FILTERS}), place=st.sampled_from(["/Users", "/Groups"]))
def test_any_filter_is_answered_in_scim(service: Service, query: dict[str, str], place: str) -> None:
    sent(service, "GET", place, params=encodable(query))


@fuzzed
@given(raw=st.binary(max_size=60) | BODIES.map(text_of))
def test_any_bytes_are_answered_in_scim(service: Service, raw: bytes) -> None:
    sent(service, "POST", "/Users", content=raw, headers={"Content-Type": MEDIA_TYPE})


def encodable(query: dict[str, str]) -> dict[str, str]:
    """Return a query whose halves of surrogate pairs, which no URL can hold, are question marks."""
    return {name: value.encode("utf-8", "replace").decode() for name, value in query.items()}
