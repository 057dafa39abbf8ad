"""Queries by POST (RFC 7644 §3.4.3), and those over all resource types (RFC 7644 §3.4.2.1)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from scimbridge.errors import StoreUnavailableError
from tests.scim.conftest import Service, a_group, a_user, on_any_store

SEARCH_REQUEST = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


@pytest.fixture
def people(client: httpx.Client) -> dict[str, str]:
    ada = a_user(client, "ada", displayName="Same")
    team = a_group(client, "Same", (ada,))
    ben = a_user(client, "ben", title="x")
    return {"ada": ada, "team": team, "ben": ben}


def searched(client: httpx.Client, path: str, **asked: Any) -> dict[str, Any]:
    response = client.post(path, json={"schemas": [SEARCH_REQUEST], **asked})
    assert response.status_code == 200, response.text
    return dict(response.json())


def ids(page: dict[str, Any]) -> list[str]:
    return [each["id"] for each in page["Resources"]]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"filter": 'userName eq "ADA"'},
        {"sortBy": "userName", "sortOrder": "descending"},
        {"startIndex": 2, "count": 1},
        {"cursor": "", "count": 1},
        {"count": 0},
    ],
)
def test_a_search_answers_as_the_query_does(
    client: httpx.Client, people: dict[str, str], asked: dict[str, Any]
) -> None:
    by_get = client.get("Users", params=asked).json()
    by_post = searched(client, "Users/.search", **asked)

    assert {**by_post, "nextCursor": ""} == {**by_get, "nextCursor": ""}


def test_a_search_takes_names_of_attributes_as_a_list_or_with_commas(
    client: httpx.Client, people: dict[str, str]
) -> None:
    for attributes in (["userName", "title"], ["userName,title"], "userName, title"):
        (ada, *_) = searched(client, "Users/.search", attributes=attributes, sortBy="userName")["Resources"]
        assert set(ada) == {"schemas", "id", "userName"}
    (team,) = searched(client, "Groups/.search", excludedAttributes=["members"])["Resources"]
    assert "members" not in team


def test_names_of_parameters_have_no_case_in_a_body(client: httpx.Client, people: dict[str, str]) -> None:
    page = searched(client, "Users/.search", FILTER='userName eq "ada"', Count="5", startindex=None)

    assert ids(page) == [people["ada"]]


@on_any_store
@pytest.mark.parametrize(
    ("body", "scim_type"),
    [
        ({"filter": "userName eq"}, "invalidFilter"),
        ({"filter": "urn:x:y pr"}, "invalidFilter"),
        ({"filter": 5}, "invalidValue"),
        ({"filter": 'password eq "x"'}, "invalidFilter"),
        ({"count": True}, "invalidValue"),
        ({"count": 1.5}, "invalidValue"),
        ({"attributes": [1]}, "invalidValue"),
        ({"attributes": ["a"], "excludedAttributes": ["b"]}, "invalidValue"),
        ({"sortBy": "name"}, "invalidPath"),
        ({"cursor": "x"}, "invalidCursor"),
        ({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]}, "invalidSyntax"),
    ],
)
@pytest.mark.parametrize("path", [".search", "Users/.search", "Groups/.search"])
def test_a_search_that_makes_no_sense_is_refused(
    client: httpx.Client, path: str, body: dict[str, Any], scim_type: str
) -> None:
    response = client.post(path, json=body)

    assert (response.status_code, response.json()["scimType"]) == (400, scim_type)


def test_a_search_is_not_kept_as_a_write(service: Service, people: dict[str, str]) -> None:
    client, kept = service.client(), len(service.requests())

    searched(client, ".search")
    client.post("Users/.search", json={"filter": "nonsense"})

    assert len(service.requests()) == kept


def test_a_search_works_where_nothing_can_be_written(
    service: Service, people: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise StoreUnavailableError("read-only")

    monkeypatch.setattr(service.database, "write", fail)

    assert searched(service.client(), "Users/.search")["totalResults"] == 2
    assert service.client().post(".search", json={"filter": "nonsense"}).status_code == 400


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, "ada team ben"),
        ({"filter": 'displayName eq "SAME"'}, "ada team"),
        ({"filter": 'meta.resourceType eq "Group"'}, "team"),
        ({"filter": 'meta.resourceType eq "User" and displayName eq "same"'}, "ada"),
        ({"filter": 'userName eq "ada" or members pr'}, "ada team"),
        ({"filter": 'userName ne "ada"'}, "team ben"),
        ({"filter": "not (userName pr)"}, "team"),
        ({"filter": "userName eq null"}, "team"),
        ({"filter": 'members[value eq "x"]'}, ""),
        ({"sortBy": "userName"}, "ada ben team"),
        ({"sortBy": "userName", "sortOrder": "descending"}, "team ben ada"),
        ({"sortBy": "meta.lastModified", "sortOrder": "descending"}, "ben team ada"),
        ({"sortBy": "active"}, "ada ben team"),
    ],
)
def test_the_root_has_resources_of_all_types(
    client: httpx.Client, people: dict[str, str], asked: dict[str, str], names: str
) -> None:
    wanted = [people[name] for name in names.split()]

    page = client.get("", params=asked).json()

    assert ids(page) == wanted
    assert page["totalResults"] == len(wanted)
    assert ids(searched(client, ".search", **asked)) == wanted
    by_index = [ids(searched(client, ".search", startIndex=start, count=1, **asked)) for start in (1, 2, 3)]
    assert [each for page_ids in by_index for each in page_ids] == wanted


@pytest.mark.parametrize("asked", [{}, {"sortBy": "displayName"}, {"sortBy": "userName", "sortOrder": "descending"}])
def test_the_root_is_read_by_cursors(client: httpx.Client, people: dict[str, str], asked: dict[str, str]) -> None:
    whole = ids(searched(client, ".search", **asked))
    page = searched(client, ".search", cursor="", count=1, **asked)
    found = ids(page)

    while "nextCursor" in page:
        page = searched(client, ".search", cursor=page["nextCursor"], count=1, **asked)
        found += ids(page)

    assert found == whole
    assert page["totalResults"] == 3
    assert ids(searched(client, ".search", cursor=page["previousCursor"], count=1, **asked)) == whole[1:2]


def test_the_root_refuses_what_no_type_has(client: httpx.Client) -> None:
    assert client.get("", params={"filter": 'nobodyKnows eq "x"'}).json()["scimType"] == "invalidFilter"
    assert client.get("", params={"sortBy": "nobodyKnows"}).json()["scimType"] == "invalidPath"


def test_a_source_finds_its_own_only(service: Service, people: dict[str, str]) -> None:
    assert searched(service.client("token-of-entra"), ".search")["totalResults"] == 0


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", [".search", "Users/.search", "Groups/.search"])
def test_a_search_is_posted_and_is_no_resource(service: Service, method: str, path: str) -> None:
    response = service.client().request(method, path, content=b"{", headers={"Content-Type": "application/json"})

    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert service.requests() == []


@pytest.mark.parametrize(
    ("query", "scim_type"),
    [
        ('filter=userName eq "ada"&filter=userName pr', "invalidFilter"),
        ("count=1&count=100", "invalidValue"),
        ("cursor=&cursor=x", "invalidValue"),
        ("sortBy=userName&sortBy=title", "invalidValue"),
    ],
)
def test_what_is_asked_for_in_two_ways_is_refused(client: httpx.Client, query: str, scim_type: str) -> None:
    for path in ("Users", "Groups", ""):
        response = client.get(f"{path}?{query}")

        assert (response.status_code, response.json()["scimType"]) == (400, scim_type)


def test_lists_of_attributes_may_be_said_in_parts(client: httpx.Client) -> None:
    user_id = a_user(client, title="Dr.", displayName="Ada")

    whole = client.get(f"Users/{user_id}?attributes=title,displayName").json()

    assert client.get(f"Users/{user_id}?attributes=title&attributes=displayName").json() == whole
    assert set(whole) == {"schemas", "id", "title", "displayName"}


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_filter_does_not_find_everybody(client: httpx.Client, text: str) -> None:
    a_user(client)

    answers = [
        client.get("Users", params={"filter": text}),
        client.get("", params={"filter": text}),
        client.post("Users/.search", json={"filter": text}),
        client.post(".search", json={"filter": text}),
    ]

    assert [(answer.status_code, answer.json()["scimType"]) for answer in answers] == [(400, "invalidFilter")] * 4
    assert client.post("Users/.search", json={"filter": None}).json()["totalResults"] == 1


@on_any_store
@pytest.mark.parametrize("name", ["Filter", "FILTER"])
def test_a_filter_whose_name_has_another_case_is_one(client: httpx.Client, name: str) -> None:
    """It would be passed over, and everybody found."""
    for user_name in ("ada", "ben"):
        a_user(client, user_name)
    asked = {name: 'userName eq "ada"'}

    assert client.get("Users", params=asked).json()["totalResults"] == 1
    assert client.get("Users", params={**asked, "filter": "id pr"}).json()["scimType"] == "invalidFilter"
    assert client.get("Schemas", params=asked).status_code == 403


@on_any_store
def test_every_parameter_is_known_in_any_case(client: httpx.Client) -> None:
    for user_name in ("ada", "ben", "cleo"):
        a_user(client, user_name, title="x")
    asked = {"STARTINDEX": "2", "Count": "1", "sortby": "userName", "SORTORDER": "descending", "Attributes": "userName"}

    found = client.get("Users", params=asked).json()["Resources"]

    assert [user["userName"] for user in found] == ["ben"]
    assert set(found[0]) == {"schemas", "id", "userName"}
    assert client.get("Users", params={"count": "1", "COUNT": "2"}).json()["scimType"] == "invalidValue"
    assert "title" not in client.get("Users?excludedattributes=title&EXCLUDEDATTRIBUTES=active").text
