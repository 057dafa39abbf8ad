"""Groups of a hundred thousand members, and answers of many megabytes: no request takes the server 32 MB for them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection
from starlette.types import Message

from scimbridge.domain import resource
from scimbridge.domain.resource import Members
from scimbridge.scim import media, rendering
from scimbridge.scim.media import written_response
from scimbridge.store import members, prepared
from tests.counting import counted
from tests.processes.serving import database_beside, served
from tests.scim.conftest import Service, a_group, a_user, patched
from tests.scim.hostility import Attacker
from tests.scim.test_costly_searches import copies, join

MEMBERS = 100_000
MOST_MEMORY = 32 * 1024 * 1024
"""Bytes by which the server may grow: half of what any request may take."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def asking(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Attacker, str]]:
    """A server that has answered nothing large yet, and the id of a large Group."""
    folder = tmp_path_factory.mktemp("large")
    url = f"sqlite:///{folder}/bridge.db"
    if request.param == "sqlite":
        with served(folder, url) as server:
            yield from _with_large_group(Attacker(server))
        return
    beside = database_beside(request.getfixturevalue("postgresql_url"), "large")
    with beside as url, served(folder, url) as server:
        yield from _with_large_group(Attacker(server))


def _with_large_group(attacker: Attacker) -> Iterator[tuple[Attacker, str]]:
    ada = a_user(attacker.client)
    group = a_group(attacker.client, members=(ada,))
    with attacker.server.bridge.database.write() as tx:
        join(tx, group, copies(tx, ada, MEMBERS - 1))
    yield attacker, group
    attacker.client.close()


ANSWERS: Mapping[str, tuple[str, str, dict[str, Any] | None]] = {
    "a Group": ("GET", "/Groups/{}", None),
    "parts of the members": ("GET", "/Groups/{}?attributes=members.value,members.display", None),
    "a list": ("GET", "/Groups", None),
    "a search": ("POST", "/.search", {"filter": 'displayName eq "Engineers"'}),
    "a PUT": ("PUT", "/Groups/{}", {"displayName": "Engineers"}),
    "a PATCH": (
        "PATCH",
        "/Groups/{}?excludedAttributes=externalId",
        {"Operations": [{"op": "replace", "path": "displayName", "value": "Engineers"}]},
    ),
}


@pytest.mark.parametrize(("method", "path", "content"), ANSWERS.values(), ids=ANSWERS)
def test_a_large_group_is_answered_within_half_of_what_a_request_may_take(
    asking: tuple[Attacker, str], method: str, path: str, content: dict[str, Any] | None
) -> None:
    attacker, group = asking

    ordeal = attacker.send(method, path.format(group), content)

    assert ordeal.cost.memory <= MOST_MEMORY
    (found,) = ordeal.answer.json().get("Resources", [ordeal.answer.json()])
    assert len({member["value"] for member in found["members"]}) == MEMBERS


def test_a_bulk_request_reads_nobody_whom_it_does_not_show(asking: tuple[Attacker, str]) -> None:
    attacker, group = asking
    put = {"method": "PUT", "path": f"/Groups/{group}", "data": {"displayName": "Engineers"}}

    answer = attacker.send("POST", "/Bulk", {"Operations": [put] * 50}).answer

    assert {operation["status"] for operation in answer.json()["Operations"]} == {"200"}


# -- in pieces ----------------------------------------------------------------


@pytest.fixture
def teams(client: httpx.Client) -> list[str]:
    """Groups of five, none and one member."""
    people = [a_user(client, f"user-{number}") for number in range(5)]
    return [a_group(client, "five", tuple(people)), a_group(client, "none"), a_group(client, "one", (people[0],))]


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything be in pieces that is done in pieces."""
    for module, name in (
        (resource, "_PACKED_TOGETHER"),
        (members, "_READ_TOGETHER"),
        (rendering, "_WRITTEN_TOGETHER"),
    ):
        monkeypatch.setattr(module, name, 2)
    monkeypatch.setattr(media, "_MOST_AT_ONCE", 100)


PATHS = [
    "Groups/{}",
    "Groups/{}?attributes=members.display",
    "Groups/{}?attributes=displayName",
    "Groups/{}?excludedAttributes=members.type,displayName",
    "Groups",
    "Groups?count=1&startIndex=2",
    "Groups?count=1&cursor=",
    "Groups?filter=displayName eq null",
    "Users?attributes=groups",
    "",
]


@pytest.mark.parametrize("path", PATHS)
def test_an_answer_in_parts_is_the_same_as_one_at_once(
    client: httpx.Client, teams: list[str], path: str, request: pytest.FixtureRequest
) -> None:
    at_once = client.get(path.format(teams[0]))

    request.getfixturevalue("small_pieces")
    in_parts, head = client.get(path.format(teams[0])), client.head(path.format(teams[0]))

    assert _without_cursor(in_parts.json()) == _without_cursor(at_once.json())
    assert in_parts.headers["Content-Length"] == str(len(in_parts.content))
    assert {*in_parts.headers.items()} ^ {*at_once.headers.items()} <= {("content-length", str(len(at_once.content)))}
    assert {*head.headers.items()} == {*in_parts.headers.items()} - {("content-length", str(len(in_parts.content)))}
    assert head.content == b""


def _without_cursor(body: dict[str, Any]) -> dict[str, Any]:
    """Leave out when the cursor was issued."""
    return {name: value for name, value in body.items() if name != "nextCursor"}


def test_members_are_listed_in_order_and_with_their_names(client: httpx.Client, teams: list[str]) -> None:
    found = client.get(f"Groups/{teams[0]}", params={"attributes": "members"}).json()["members"]

    assert [member["display"] for member in found] == [f"user-{number}" for number in range(5)]
    assert {member["type"] for member in found} == {"User"}
    assert [member["$ref"].rpartition("/")[2] for member in found] == sorted(member["value"] for member in found)


def test_a_part_waits_until_the_one_before_has_gone_out() -> None:
    sent: list[bytes] = []

    async def answered() -> None:
        loop, waiting = asyncio.get_running_loop(), list[Message]()

        async def send(message: Message) -> None:
            assert not waiting, "a part is made before the one before is on its way"
            if message.get("more_body"):
                waiting.append(message)
                loop.call_soon(waiting.clear)
            sent.append(message.get("body", b""))

        async def receive() -> Message:
            await loop.create_future()
            raise AssertionError

        await written_response([b"x" * media._MOST_AT_ONCE] * 3)({"type": "http", "method": "GET"}, receive, send)

    asyncio.run(answered())

    assert b"".join(sent) == b"x" * media._MOST_AT_ONCE * 3


# -- of one moment ------------------------------------------------------------


@pytest.mark.parametrize("path", ["Groups/{}", 'Groups?filter=id eq "{}"'])
def test_the_version_is_that_of_the_members(
    service: Service, client: httpx.Client, teams: list[str], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = a_user(client, "late")
    read = members.members_of

    def somebody_joins(tx: Connection, group_ids: Sequence[str]) -> Mapping[str, Members]:
        patched(service.client(), f"Groups/{teams[2]}", {"op": "add", "path": "members", "value": [{"value": late}]})
        return read(tx, group_ids)

    monkeypatch.setattr(members, "members_of", somebody_joins)
    body = client.get(path.format(teams[2])).json()
    (before,) = body.get("Resources", [body])
    monkeypatch.undo()
    after = client.get(f"Groups/{teams[2]}").json()

    assert (before["meta"]["version"], len(before["members"])) == ('W/"v1"', 1)
    assert (after["meta"]["version"], len(after["members"])) == ('W/"v2"', 2)


# -- nobody who is not shown --------------------------------------------------

ANOTHER = 'W/"v7"'

UNREAD: Mapping[str, tuple[str, str, dict[str, str], int]] = {
    "known": ("GET", "Groups/{}", {"If-None-Match": 'W/"v1"'}, 304),
    "of another version": ("GET", "Groups/{}", {"If-Match": ANOTHER}, 412),
    "by parts": ("GET", "Groups/{}?attributes=displayName", {}, 200),
    "without members": ("GET", "Groups/{}?excludedAttributes=members", {}, 200),
    "head": ("HEAD", "Groups/{}", {}, 200),
    "head of members": ("HEAD", "Groups/{}?attributes=members", {}, 200),
    "head, known": ("HEAD", "Groups/{}", {"If-None-Match": "*"}, 304),
    "list by parts": ("GET", "Groups?attributes=displayName", {}, 200),
    "list without members": ("GET", "Groups?excludedAttributes=members", {}, 200),
    "list of everything": ("GET", "?attributes=displayName&filter=displayName pr", {}, 200),
    "head of a list": ("HEAD", "Groups", {}, 200),
    "head of everything": ("HEAD", "?filter=displayName pr", {}, 200),
    "patch": ("PATCH", "Groups/{}", {"If-Match": 'W/"v1"'}, 204),
    "patch by parts": ("PATCH", "Groups/{}?attributes=displayName", {"If-Match": f'W/"v1", {ANOTHER}'}, 200),
    "patch of another version": ("PATCH", "Groups/{}", {"If-Match": ANOTHER}, 412),
    "patch of a ruled out version": ("PATCH", "Groups/{}", {"If-None-Match": 'W/"v1"'}, 412),
    "delete of another version": ("DELETE", "Groups/{}", {"If-Match": ANOTHER}, 412),
    "delete of a ruled out version": ("DELETE", "Groups/{}", {"If-None-Match": "*"}, 412),
}


@pytest.fixture
def questions(service: Service, teams: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the store is asked, by SQLAlchemy and past it, once the teams are there."""
    executed = prepared._executed
    with counted(service.database) as asked:

        def noted(tx: Connection, by: Any, statement: str, parameters: Any) -> Any:
            asked.append(statement)
            return executed(tx, by, statement, parameters)

        monkeypatch.setattr(prepared, "_executed", noted)
        yield asked


def _about_members(questions: Sequence[str]) -> list[str]:
    """Return those that read who is in a group; in which groups somebody is, is another question."""
    return [each for each in questions if "memberships" in each and "memberships.member_id =" not in each]


@pytest.mark.parametrize(("method", "path", "headers", "status"), UNREAD.values(), ids=UNREAD)
def test_nobody_is_read_who_is_not_shown(
    client: httpx.Client,
    teams: list[str],
    questions: list[str],
    method: str,
    path: str,
    headers: dict[str, str],
    status: int,
) -> None:
    rename = {"op": "replace", "path": "displayName", "value": "New"}

    answer = client.request(method, path.format(teams[0]), headers=headers, json={"Operations": [rename]})

    assert (answer.status_code, _about_members(questions)) == (status, [])


@pytest.mark.parametrize("path", ["Groups/{}", "Groups", ""])
def test_whoever_is_shown_is_read(client: httpx.Client, teams: list[str], questions: list[str], path: str) -> None:
    client.get(path.format(teams[0]), headers={"If-None-Match": ANOTHER}).raise_for_status()

    assert _about_members(questions) != []
