"""Searches that would keep the database busy are refused: 400 ``tooMany`` (RFC 7644 §3.12)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, delete, insert, literal, select

from scimbridge.store import allowance
from scimbridge.store.allowance import Expected
from scimbridge.store.database import Database
from scimbridge.store.filters import Filter
from scimbridge.store.id_lists import these
from scimbridge.store.schema import identities, memberships
from tests.scim.conftest import Service, a_group, a_user, patched
from tests.scim.hostility import Attacker

VALUE_PATHS = " or ".join(f'emails[type eq "work" and value co "x{number}"]' for number in range(49))
UNINDEXED = " or ".join(f'name.familyName co "x{number}"' for number in range(99))
SELECTED = " or ".join(f'display co "x{number}"' for number in range(99))
EXCLUDED = [f"name.x{number}" for number in range(55_000)]
EMAILS = [{"type": "work", "value": f"{number}@example.com"} for number in range(250)]

COSTLY: dict[str, tuple[str, str, dict[str, Any]]] = {
    "value paths": ("GET", "Users", {"filter": VALUE_PATHS}),
    "conditions": ("GET", "Users", {"filter": UNINDEXED}),
    "a total alone": ("GET", "Users", {"filter": UNINDEXED, "count": 0}),
    "a cursor": ("GET", "Users", {"filter": VALUE_PATHS, "cursor": ""}),
    "an order": ("GET", "Users", {"filter": UNINDEXED, "sortBy": "title", "startIndex": 10**9}),
    "a search": ("POST", "Users/.search", {"filter": VALUE_PATHS}),
    "all resource types": ("POST", ".search", {"filter": UNINDEXED}),
    "members of groups": ("GET", "Groups", {"filter": f"members[{SELECTED}]"}),
}


@contextmanager
def crowd(database: Database, user_id: str, count: int) -> Iterator[list[str]]:
    """Have a User as often as that for a while, all with the same document; yields the ids."""
    with database.write() as tx:
        ids = copies(tx, user_id, count)
    yield ids
    with database.write() as tx:
        tx.execute(delete(memberships).where(memberships.c.member_id.in_(ids)))
        tx.execute(delete(identities).where(identities.c.id.in_(ids)))


def copies(tx: Connection, user_id: str, count: int) -> list[str]:
    """Store a User as often as that; returns the ids."""
    ids = [f"crowd-{number:030}" for number in range(count)]
    new_id = these(tx, ids).as_rows()
    columns = [new_id if each.name in {"id", "user_name_key"} else each for each in identities.columns]
    model = select(*columns).where(identities.c.id == user_id, new_id != identities.c.id)
    tx.execute(insert(identities).from_select(list(identities.columns), model))
    return ids


@pytest.fixture
def people(service: Service, client: httpx.Client) -> Iterator[str]:
    """Three hundred Users in a Group, whose id it is."""
    ada = a_user(client, name={"familyName": "Byron"}, emails=EMAILS[:3])
    group = a_group(client, members=(ada,))
    with crowd(service.database, ada, 300) as ids:
        with service.database.write() as tx:
            join(tx, group, ids)
        yield group


@pytest.fixture
def nothing_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a search cost nothing: whatever is more than a few hundred steps of the database is too much."""
    for name in ("MOST_CPU", "MOST_TIME"):
        monkeypatch.setattr(allowance, name, 0)


def join(tx: Connection, group: str, ids: Iterable[str]) -> None:
    rows = select(literal(group), these(tx, ids).as_rows(), literal("User"))
    tx.execute(insert(memberships).from_select(["group_id", "member_id", "kind"], rows))


def sent(client: httpx.Client, method: str, path: str, asked: dict[str, Any]) -> httpx.Response:
    if method == "GET":
        return client.get(path, params=asked)
    return client.request(method, path, json=asked)


@pytest.mark.usefixtures("people", "nothing_allowed")
def test_a_search_that_costs_too_much_is_refused(client: httpx.Client) -> None:
    for name, (method, path, asked) in COSTLY.items():
        answer = sent(client, method, path, asked)

        assert (answer.status_code, answer.json().get("scimType")) == (400, "tooMany"), name
        assert "userName, externalId, id, emails.value and meta.lastModified" in answer.json()["detail"]


@pytest.mark.usefixtures("people")
def test_a_search_that_costs_less_is_answered(client: httpx.Client) -> None:
    for name in ("value paths", "all resource types", "members of groups"):
        answer = sent(client, *COSTLY[name])

        assert (answer.status_code, answer.json().get("totalResults")) == (200, 0), name


@pytest.mark.usefixtures("people", "nothing_allowed")
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # PostgreSQL may take a millisecond for anything
def test_what_an_index_finds_costs_next_to_nothing(client: httpx.Client) -> None:
    for asked in (
        {"filter": 'userName eq "ada@example.com"'},
        {"filter": 'externalId eq "x"'},
        {"filter": 'emails.value eq "x"'},
        {"filter": f'id eq "x" and ({UNINDEXED})'},
        {"filter": 'meta.lastModified gt "2030-01-01T00:00:00Z"'},
        {"count": 5},
    ):
        assert client.get("Users", params=asked).status_code == 200, asked


@pytest.mark.usefixtures("nothing_allowed")
def test_members_that_cost_too_much_to_select_stay(service: Service, client: httpx.Client, people: str) -> None:
    answer = patched(client, f"Groups/{people}", {"op": "remove", "path": f"members[{SELECTED}]"})

    assert (answer.status_code, answer.json()["scimType"]) == (400, "tooMany")
    kept = service.requests()[-1]
    assert (kept["status"], kept["applied"]) == (400, f"refused: {answer.json()['detail']}")


LITTLE, FEW, NOTHING = Expected.LITTLE, Expected.FEW, Expected.NOTHING
EXPECTED = {
    'id eq "x"': LITTLE,
    'USERNAME eq "x"': LITTLE,
    '(externalId eq "x")': LITTLE,
    'emails eq "x"': LITTLE,
    'emails.value eq "x"': LITTLE,
    'meta.lastModified gt "2026-01-01T00:00:00Z"': LITTLE,
    'emails[type eq "work" and value eq "x"]': FEW,
    'userName eq "x" and title co "y"': FEW,
    'title co "y" and (externalId eq "x")': FEW,
    'title co "y" and meta.lastModified gt "2026-01-01T00:00:00Z"': NOTHING,
    'meta.lastModified ne "2026-01-01T00:00:00Z"': NOTHING,
    'userName eq "x" or title co "y"': NOTHING,
    'not (userName eq "x")': NOTHING,
    'userName ne "x"': NOTHING,
    'userName co "x"': NOTHING,
    "userName eq null": NOTHING,
    'emails[type eq "work"]': NOTHING,
    'groups[value eq "x"]': NOTHING,
    "userName pr": NOTHING,
}


@pytest.mark.parametrize(("text", "expected"), EXPECTED.items(), ids=EXPECTED)
def test_what_a_filter_costs_is_known_where_an_index_leads_the_way(text: str, expected: Expected) -> None:
    assert Filter(text).expected is expected


@pytest.mark.usefixtures("people", "nothing_allowed")
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_what_takes_long_is_a_busy_database_only_where_an_index_leads_the_way(client: httpx.Client) -> None:
    of_name = 'userName eq "ada@example.com"'
    asked = {
        "filter": ({"filter": of_name}, 200),
        "list": ({}, 200),
        "filter and more": ({"filter": f'{of_name} and title co "x"'}, 503),
        "sorted": ({"sortBy": "title"}, 400),
        "filter, sorted": ({"filter": of_name, "sortBy": "title"}, 400),
    }

    answers = {name: client.get("Users", params=query).status_code for name, (query, _) in asked.items()}

    assert answers == {name: status for name, (_, status) in asked.items()}


def test_a_costly_search_keeps_nobody_waiting_and_leaves_nothing(attacker: Attacker) -> None:
    ada = a_user(attacker.client, emails=EMAILS)

    with crowd(attacker.server.bridge.database, ada, 200):
        attacker.refused("GET", "/Users", query={"filter": VALUE_PATHS}, status=400, scim_type="tooMany")
        # On the connections that are there, and with names that are looked for in each of the Users.
        again = attacker.send("POST", "/Users/.search", {"excludedAttributes": EXCLUDED, "count": 1000}).answer

    assert again.json()["itemsPerPage"] == 201
