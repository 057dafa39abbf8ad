"""Lists page by page: by index (RFC 7644 §3.4.2.4) and by cursor (RFC 9865), in any order (RFC 7644 §3.4.2.3)."""

from __future__ import annotations

import base64
import json
import random
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import event

from scimbridge.services.cursors import TIMEOUT
from scimbridge.store import listing
from tests.scim.conftest import Service, a_group, a_user, on_any_store, patched

TITLES = ["b", "A", None, "a", "B", None, "c"]


@pytest.fixture
def people(client: httpx.Client) -> list[str]:
    return [a_user(client, f"u{number}", **({"title": title} if title else {})) for number, title in enumerate(TITLES)]


def listed(client: httpx.Client, _path: str = "Users", /, **query: Any) -> dict[str, Any]:
    response = client.get(_path, params=query)
    assert response.status_code == 200, response.text
    return dict(response.json())


def refused(client: httpx.Client, **query: Any) -> str:
    response = client.get("Users", params=query)
    assert response.status_code == 400, response.text
    return str(response.json()["scimType"])


def names(page: dict[str, Any]) -> list[str]:
    return [each["userName"] for each in page["Resources"]]


def walked(client: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    """Return all pages."""
    pages = [listed(client, **{"cursor": "", **query})]
    while "nextCursor" in pages[-1]:
        pages.append(listed(client, **{**query, "cursor": pages[-1]["nextCursor"]}))
    return pages


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, (1, 7)),
        ({"startIndex": 3, "count": 2}, (3, 2)),
        ({"startIndex": 0}, (1, 7)),
        ({"startIndex": -5, "count": 1}, (1, 1)),
        ({"startIndex": 7, "count": 5}, (7, 1)),
        ({"startIndex": 8}, (8, 0)),
        ({"startIndex": 10**17}, (10**17, 0)),
        ({"count": 0}, (1, 0)),
        ({"count": -1}, (1, 0)),
        ({"count": 10**9}, (1, 7)),
        ({"count": "", "startIndex": ""}, (1, 7)),
    ],
)
def test_a_page_by_index(client: httpx.Client, people: list[str], query: dict[str, Any], expected: Any) -> None:
    page = listed(client, **query)

    assert (page["startIndex"], page["itemsPerPage"]) == expected
    assert page["totalResults"] == 7
    assert len(page["Resources"]) == page["itemsPerPage"]
    assert "nextCursor" not in page


@pytest.mark.parametrize("filter_", [None, 'userName sw "u"', 'userName eq "u3"', 'userName eq "nobody"'])
@pytest.mark.parametrize("query", [{}, {"count": 0}, {"count": 3}, {"count": 3, "startIndex": 6}, {"startIndex": 9}])
def test_the_total_does_not_depend_on_the_page(
    client: httpx.Client, people: list[str], filter_: str | None, query: dict[str, Any]
) -> None:
    expected = {None: 7, 'userName sw "u"': 7, 'userName eq "u3"': 1, 'userName eq "nobody"': 0}[filter_]

    page = listed(client, **query, **({"filter": filter_} if filter_ else {}))

    assert page["totalResults"] == expected


@pytest.mark.parametrize(
    "query", [{"count": "ten"}, {"startIndex": "1.5"}, {"count": "٣"}, {"count": "9" * 40}, {"sortOrder": "up"}]
)
def test_a_parameter_that_makes_no_sense_is_refused(client: httpx.Client, query: dict[str, str]) -> None:
    assert refused(client, **query) == "invalidValue"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"sortBy": "title"}, "u1 u3 u0 u4 u6 u2 u5"),
        ({"sortBy": "TITLE", "sortOrder": "Ascending"}, "u1 u3 u0 u4 u6 u2 u5"),
        ({"sortBy": "title", "sortOrder": "descending"}, "u5 u2 u6 u4 u0 u3 u1"),
        ({"sortBy": "userName", "sortOrder": "descending"}, "u6 u5 u4 u3 u2 u1 u0"),
        ({"sortBy": "meta.lastModified"}, "u0 u1 u2 u3 u4 u5 u6"),
        ({"sortOrder": "descending"}, "u0 u1 u2 u3 u4 u5 u6"),  # of nothing
    ],
)
def test_a_list_is_sorted(client: httpx.Client, people: list[str], query: dict[str, str], expected: str) -> None:
    assert names(listed(client, **query)) == expected.split()
    assert [name for page in walked(client, count=2, **query) for name in names(page)] == expected.split()


@pytest.mark.parametrize(
    "by", ["nobodyKnows", "name", 'emails[type eq "work"].value', "password", "x509Certificates.value", "a b", "urn:x"]
)
def test_what_has_no_order_is_refused(client: httpx.Client, by: str) -> None:
    assert refused(client, sortBy=by) == "invalidPath"


def test_the_primary_value_decides_about_the_order_or_else_the_first(client: httpx.Client) -> None:
    a_user(client, "first", emails=[{"value": "b@example.com"}, {"value": "z@example.com"}])
    a_user(client, "primary", emails=[{"value": "z@example.com"}, {"value": "A@example.com", "primary": True}])
    a_user(client, "none")

    assert names(listed(client, sortBy="emails")) == ["primary", "first", "none"]
    assert names(listed(client, sortBy="emails.value", sortOrder="descending")) == ["none", "first", "primary"]


def test_groups_are_sorted_by_their_names_and_members(client: httpx.Client, people: list[str]) -> None:
    a_group(client, "b", (people[1],))
    a_group(client, "A", (people[2], people[0]))
    a_group(client, "c")

    for by in ("displayName", "members.value", "members.display"):
        assert [each["displayName"] for each in listed(client, "Groups", sortBy=by)["Resources"]] == ["A", "b", "c"]


@pytest.mark.parametrize("query", [{}, {"sortBy": "title"}, {"sortBy": "title", "sortOrder": "descending"}])
@pytest.mark.parametrize("filter_", [{}, {"filter": "userName pr"}])
def test_cursors_lead_through_a_list_and_back(
    client: httpx.Client, people: list[str], query: dict[str, str], filter_: dict[str, str]
) -> None:
    whole = names(listed(client, **query))

    forth = walked(client, count=3, **query, **filter_)
    back = [forth[-1]]
    while cursor := back[-1].get("previousCursor"):
        back.append(listed(client, cursor=cursor, **query, **filter_))

    assert [names(page) for page in forth] == [whole[:3], whole[3:6], whole[6:]]
    assert [names(page) for page in back] == [whole[6:], whole[3:6], whole[:3]]
    assert "previousCursor" not in forth[0]
    assert {page["totalResults"] for page in forth} == {7}
    assert not any("startIndex" in page for page in forth)


def test_a_page_neither_loses_nor_repeats_what_stayed(client: httpx.Client) -> None:
    stay = [a_user(client, f"stay{number}", title=f"t{number % 3}") for number in range(12)]
    go = [a_user(client, f"go{number}", title=f"t{number % 3}") for number in range(12)]
    chance = random.Random(7)

    for by in ("title", "userName", "meta.lastModified"):
        seen: list[str] = []
        page = listed(client, cursor="", count=3, sortBy=by)
        while True:
            seen += [each["id"] for each in page["Resources"]]
            if go:
                client.delete(f"Users/{go.pop(chance.randrange(len(go)))}")
            a_user(client, f"new-{by}-{len(seen)}", title=f"t{chance.randrange(3)}")
            if "nextCursor" not in page or len(seen) > 200:
                break
            page = listed(client, cursor=page["nextCursor"], sortBy=by)
        assert len(seen) == len(set(seen))
        assert set(stay) <= set(seen)


def test_a_cursor_of_somebody_who_has_changed_stays_where_it_was(client: httpx.Client, people: list[str]) -> None:
    page = listed(client, cursor="", count=3, sortBy="meta.lastModified")
    patched(client, f"Users/{people[2]}", {"op": "replace", "path": "title", "value": "new"})

    following = listed(client, cursor=page["nextCursor"], sortBy="meta.lastModified")

    assert names(following) == ["u3", "u4", "u5"]


def test_a_cursor_belongs_to_its_source_filter_and_order(service: Service, people: list[str]) -> None:
    client, other = service.client(), service.client("token-of-entra")
    query = {"filter": "userName pr", "sortBy": "title"}
    cursor = listed(client, cursor="", count=2, **query)["nextCursor"]

    assert names(listed(client, cursor=cursor, **query)) == ["u0", "u4"]
    assert refused(client, cursor=cursor, sortBy="title") == "invalidCursor"
    assert refused(client, cursor=cursor, filter="userName pr", sortBy="userName") == "invalidCursor"
    assert refused(client, cursor=cursor, sortOrder="descending", **query) == "invalidCursor"
    assert refused(other, cursor=cursor, **query) == "invalidCursor"


def test_a_cursor_belongs_to_its_size_of_page(client: httpx.Client, people: list[str]) -> None:
    cursor = listed(client, cursor="", count=2)["nextCursor"]

    assert refused(client, cursor=cursor, count=3) == "invalidCount"
    assert names(listed(client, cursor=cursor, count=2)) == names(listed(client, cursor=cursor)) == ["u2", "u3"]


def test_a_cursor_ends_after_a_day(service: Service, people: list[str]) -> None:
    client = service.client()
    cursor = listed(client, cursor="", count=2)["nextCursor"]
    service.clock.now += TIMEOUT - timedelta(minutes=1)
    assert client.get("Users", params={"cursor": cursor}).status_code == 200

    service.clock.now += timedelta(minutes=2)

    assert refused(client, cursor=cursor) == "expiredCursor"


def test_a_cursor_has_unreserved_characters_only(client: httpx.Client) -> None:
    for name in ("ä?", "漢/+&=", "😀😀"):
        a_user(client, name)

    for page in walked(client, count=1, sortBy="userName"):
        for cursor in (page.get("nextCursor", ""), page.get("previousCursor", "")):
            assert all(character.isalnum() or character in "-._~" for character in cursor)


def forged(cursor: str, place: int, value: Any) -> str:
    parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    parts[place] = value
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


@on_any_store
@pytest.mark.parametrize("by", ["title", "active", "meta.created"])
@pytest.mark.parametrize(
    ("place", "value"),
    [(0, 2), (1, "x"), (2, "now"), (2, 10**30), (3, 10**6), (3, 0), (4, None), (5, 1), (6, None), (6, "\0"), (7, [])]
    + [(7, value) for value in (5, {"at": "x"}, {"at": 5}, {}, "\0", "\ud800", 10**400)],
)
def test_a_cursor_that_somebody_made_up_is_refused(
    client: httpx.Client, people: list[str], by: str, place: int, value: Any
) -> None:
    cursor = listed(client, cursor="", count=2, sortBy=by)["nextCursor"]

    assert refused(client, sortBy=by, cursor=forged(cursor, place, value)) == "invalidCursor"


@pytest.mark.parametrize("cursor", ["not-a-cursor", "a", "é", "W10", "bnVsbA", "A" * 5000, "' OR 1=1"])
def test_what_is_no_cursor_is_refused(client: httpx.Client, cursor: str) -> None:
    assert refused(client, cursor=cursor) == "invalidCursor"


def test_a_cursor_and_an_index_exclude_each_other(client: httpx.Client) -> None:
    assert refused(client, cursor="", startIndex=1) == "invalidValue"


def test_an_empty_list_has_one_page(client: httpx.Client) -> None:
    page = listed(client, cursor="")

    assert page["Resources"] == []
    assert page["totalResults"] == 0
    assert "nextCursor" not in page


@pytest.mark.parametrize("paging", ["index", "cursor"])
def test_the_members_of_a_group_are_read_page_by_page(client: httpx.Client, people: list[str], paging: str) -> None:
    inner = a_group(client, "Inner")
    team = a_group(client, "Team", (*people[:5], inner))
    a_group(client, "Others", tuple(people[4:]))
    client.delete(f"Users/{people[1]}")
    query: dict[str, Any] = {"filter": f'groups.value eq "{team}"', "count": 2, "attributes": "userName"}

    if paging == "cursor":
        pages = walked(client, **query)
    else:
        pages = [listed(client, startIndex=start, **query) for start in (1, 3)]

    assert [names(page) for page in pages] == [["u0", "u2"], ["u3", "u4"]]
    assert {page["totalResults"] for page in pages} == {4}


def test_the_members_of_a_group_of_somebody_else_are_nobodys(service: Service, people: list[str]) -> None:
    team = a_group(service.client(), "Team", tuple(people))

    page = listed(service.client("token-of-entra"), filter=f'groups.value eq "{team}"')

    assert (page["totalResults"], page["Resources"]) == (0, [])


def test_a_list_of_groups_without_members_reads_none(service: Service, people: list[str]) -> None:
    client = service.client()
    team = a_group(client, "Team", tuple(people))
    statements: list[str] = []
    reader = service.database._reader
    event.listen(reader, "before_cursor_execute", lambda *given: statements.append(given[2]))

    for query in ({"excludedAttributes": "members"}, {"attributes": "displayName"}, {"excludedAttributes": " MEMBERS"}):
        assert "members" not in listed(client, "Groups", **query)["Resources"][0]
        client.get(f"Groups/{team}", params=query)
    without = [statement for statement in statements if "memberships" in statement]
    listed(client, "Groups", attributes="members.value")

    assert without == []
    assert any("memberships" in statement for statement in statements)


# -- large resources ----------------------------------------------------------


@pytest.mark.parametrize("path", ["Users", "Groups", ""])
@pytest.mark.parametrize("begin", [{"startIndex": 1}, {"cursor": ""}])
def test_a_page_of_large_resources_has_fewer_and_the_next_one_goes_on(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, path: str, begin: dict[str, Any]
) -> None:
    """RFC 7644 §3.4.2.4: "MAY return fewer results"."""
    users = [a_user(client, f"user-{number}", title="x" * 900) for number in range(5)]
    groups = [a_group(client, f"group-{number}", tuple(users)) for number in range(5)]
    wanted = {"Users": users, "Groups": groups, "": users + groups}[path]
    monkeypatch.setattr(listing, "MOST_BYTES", 2500)

    pages = [client.get(path, params={**begin, "count": 100}).json()]
    while sum(len(page["Resources"]) for page in pages) < len(wanted):
        number = 1 + sum(len(page["Resources"]) for page in pages)
        where = {"cursor": pages[-1]["nextCursor"]} if "cursor" in begin else {"startIndex": number}
        pages.append(client.get(path, params={**where, "count": 100}).json())

    assert [each["id"] for page in pages for each in page["Resources"]] == wanted
    assert {page["totalResults"] for page in pages} == {len(wanted)}
    assert max(len(page["Resources"]) for page in pages) < 5


def test_one_resource_is_answered_however_large_it_is(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [a_user(client, f"user-{number}") for number in range(2)]
    monkeypatch.setattr(listing, "MOST_BYTES", 1)

    page = client.get("Users", params={"cursor": ""}).json()
    after = client.get("Users", params={"cursor": page["nextCursor"], "count": 100}).json()
    back = client.get("Users", params={"cursor": after["previousCursor"], "count": 100}).json()

    assert [[each["id"] for each in one["Resources"]] for one in (page, after, back)] == [ids[:1], ids[1:], ids[:1]]


def test_members_that_are_not_in_the_answer_make_no_page_smaller(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = a_user(client)
    for number in range(3):
        a_group(client, f"group-{number}", (ada,))
    monkeypatch.setattr(listing, "MOST_BYTES", 300)

    assert client.get("Groups", params={"excludedAttributes": "members"}).json()["itemsPerPage"] == 3
    assert client.get("Groups").json()["itemsPerPage"] < 3
