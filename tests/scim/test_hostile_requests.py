"""Addresses, headers and connections of somebody who means harm; and other people's ids."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.processes.serving import Server
from tests.scim.conftest import a_group, a_user, besieged_anywhere, patched
from tests.scim.hostility import Attacker, assert_refused
from tests.scim.wire import JSON, Wire, written

IDS = {
    "path traversal": "..%2f..%2f..%2fetc%2fpasswd",
    "dots": "%2e%2e",
    "NUL": "%00",
    "a line break and a header": "x%0d%0aSet-Cookie:%20a=b",
    "a line break": "%0a",
    "a byte that is no UTF-8": "%ff",
    "a slash": "a%2fb",
    "a quotation mark": "%27%20OR%201=1",
    "markup": "%3Cscript%3E",
    "a line separator": "%E2%80%A8",
    "3 000 characters": "x" * 3000,
    "a template": "{{7*7}}${7*7}",
    "percent signs": "%25%32%65",
}
WRITTEN = {
    "GET": None,
    "PUT": {"userName": "x", "displayName": "x"},
    "PATCH": {"Operations": [{"op": "add", "path": "externalId", "value": "x"}]},
    "DELETE": None,
}


@pytest.mark.parametrize("resource_id", IDS.values(), ids=IDS)
@pytest.mark.parametrize("method", WRITTEN)
def test_an_id_that_is_none_leads_nowhere(attacker: Attacker, method: str, resource_id: str) -> None:
    before = attacker.server.rows()

    answers = {
        resource: attacker.send(method, f"/{resource}/{resource_id}", WRITTEN[method]).answer
        for resource in ("Users", "Groups", "Schemas", "ResourceTypes")
    }

    for resource, answer in answers.items():
        assert_refused(answer, answer.status, None)
        assert answer.status in ({404} if resource in {"Users", "Groups"} else {404, 405})
        assert {name.lower() for name in answer.headers} <= {"content-type", "content-length", "date", "allow"}
    assert attacker.server.rows() == before


# -- other people's ids -------------------------------------------------------


@pytest.fixture
def other(attacker: Attacker) -> Iterator[httpx.Client]:
    """Another source of the same server."""
    with attacker.server.client() as client:
        yield client


@pytest.mark.parametrize("method", WRITTEN)
@pytest.mark.parametrize("resource", ["Users", "Groups"])
def test_what_is_another_sources_is_not_there(
    attacker: Attacker, other: httpx.Client, resource: str, method: str
) -> None:
    foreign = a_user(other) if resource == "Users" else a_group(other)

    attacker.refused(method, f"/{resource}/{foreign}", WRITTEN[method], status=404)

    assert other.get(f"{resource}/{foreign}").status_code == 200


def test_what_is_another_sources_is_in_no_list(attacker: Attacker, other: httpx.Client) -> None:
    foreign = a_user(other, "ada", externalId="1")

    for text in (None, f'id eq "{foreign}"', 'userName eq "ada"', 'externalId eq "1"', "id pr", 'not (id eq "x")'):
        found = attacker.client.get("Users", params={"filter": text} if text else {}).json()
        assert (found["totalResults"], found["Resources"]) == (0, []), text


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_what_is_another_sources_is_nobodys_member(attacker: Attacker, other: httpx.Client, method: str) -> None:
    group_id, foreign = a_group(attacker.client), a_user(other)
    members = [{"value": foreign, "$ref": f"{attacker.server.base}/Users/{foreign}"}]
    operation = {"op": "add", "path": "members", "value": members}
    content = {"Operations": [operation]} if method == "PATCH" else {"displayName": "New", "members": members}

    attacker.refused(
        method,
        "/Groups" if method == "POST" else f"/Groups/{group_id}",
        content,
        status=400,
        scim_type="invalidValue",
    )


def test_removing_another_sources_member_removes_nobody(attacker: Attacker, other: httpx.Client) -> None:
    foreign = a_user(other)
    foreign_group = a_group(other, members=(foreign,))
    mine = a_group(attacker.client)

    patched(attacker.client, f"Groups/{mine}", {"op": "remove", "path": f'members[value eq "{foreign}"]'})

    assert [member["value"] for member in other.get(f"Groups/{foreign_group}").json()["members"]] == [foreign]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_bulk_request_reaches_nothing_of_another_source(attacker: Attacker, other: httpx.Client, method: str) -> None:
    foreign = a_user(other)
    before = attacker.server.rows()
    operation: dict[str, Any] = {"method": method, "path": f"/Users/{foreign}"}
    if WRITTEN[method]:
        operation["data"] = WRITTEN[method]
    schemas = ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"]

    answer = attacker.send("POST", "/Bulk", {"schemas": schemas, "Operations": [operation]}).answer

    assert [each["status"] for each in answer.json()["Operations"]] == ["404"]
    assert attacker.server.rows() == before


def test_an_external_id_is_never_an_id(attacker: Attacker, other: httpx.Client) -> None:
    foreign = a_user(other)
    mine = a_user(attacker.client, "eve", externalId=foreign, id=foreign)

    assert mine != foreign
    assert attacker.client.get(f"Users/{foreign}").status_code == 404
    assert other.get(f"Users/{foreign}").json()["userName"] == "ada@example.com"


# -- names that look alike ----------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ada", "ADA"),
        ("ada@example.com", "ADA@EXAMPLE.COM"),
        ("zoë", "ZOË"),
        ("zo\u00eb", "zoe\u0308"),
        ("å", "\u212b"),
    ],
)
def test_a_name_in_another_spelling_is_the_same_name(attacker: Attacker, first: str, second: str) -> None:
    a_user(attacker.client, first)

    attacker.refused("POST", "/Users", {"userName": second}, status=409, scim_type="uniqueness")

    found = attacker.client.get("Users", params={"filter": f'userName eq "{second}"'}).json()
    assert [user["userName"] for user in found["Resources"]] == [first]


@pytest.mark.parametrize(("first", "second"), [("ali", "al\u0131"), ("ada", "a\u0501a"), ("ada", "\u0430da")])
def test_a_name_that_only_looks_the_same_is_another_name(attacker: Attacker, first: str, second: str) -> None:
    a_user(attacker.client, first)

    answer = attacker.send("POST", "/Users", {"userName": second}).answer

    assert answer.status == 201
    found = attacker.client.get("Users", params={"filter": f'userName eq "{second}"'}).json()
    assert [user["userName"] for user in found["Resources"]] == [second]


def test_letters_of_full_width_are_the_same_letters(attacker: Attacker) -> None:
    a_user(attacker.client, "ada")

    attacker.refused("POST", "/Users", {"userName": "\uff41\uff44\uff41"}, status=409, scim_type="uniqueness")


# -- preconditions ------------------------------------------------------------


@pytest.mark.parametrize("resource", ["Users", "Groups"])
def test_of_eight_writers_on_one_etag_exactly_one_wins(attacker: Attacker, resource: str) -> None:
    target = a_user(attacker.client) if resource == "Users" else a_group(attacker.client)
    version = attacker.client.get(f"{resource}/{target}").headers["etag"]
    together = threading.Barrier(8)

    def write(number: int) -> int:
        operations = {"Operations": [{"op": "replace", "path": "externalId", "value": str(number)}]}
        with attacker.server.client(attacker.token) as client:
            together.wait()
            return client.patch(f"{resource}/{target}", json=operations, headers={"If-Match": version}).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = Counter(pool.map(write, range(8)))

    assert statuses[412] == 7
    assert statuses[200] + statuses[204] == 1


@pytest.mark.parametrize(
    "tag",
    [
        'W/"v0"',
        'W/"v-1"',
        "v0",
        '"',
        "W/",
        'W/"v99999999999999999999"',
        'W/"v٣"',
        "x" * 5000,
        ",".join(['W/"v7"'] * 2000),
    ],
    ids=lambda tag: tag[:20],
)
def test_an_etag_that_is_none_matches_nothing(attacker: Attacker, tag: str) -> None:
    user_id = a_user(attacker.client)
    content = {"Operations": [{"op": "add", "path": "title", "value": "x"}]}
    header = tag.encode().decode("latin-1")

    attacker.refused("PATCH", f"/Users/{user_id}", content, headers={"If-Match": header}, status=412)


# -- headers ------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic Og==",
        "Bearer a b",
        "Bearer " + "x" * 20_000,
        "Bearer \xe9",
        "Negotiate",
        "x" * 9000,
    ],
    ids=lambda value: value[:12],
)
def test_a_stranger_learns_nothing(attacker: Attacker, authorization: str) -> None:
    user_id = a_user(attacker.client)
    before = attacker.server.rows()

    answers = [
        attacker.send(method, path, {"x": 1}, headers={"Authorization": authorization}).answer
        for method, path in (("GET", f"/Users/{user_id}"), ("GET", "/Users/nobody"), ("POST", "/Bulk"), ("GET", "/x"))
    ]

    assert {answer.status for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert all(answer.headers["WWW-Authenticate"] for answer in answers)
    assert attacker.server.rows() == before


def test_every_wrong_token_gets_the_same_answer(attacker: Attacker) -> None:
    token = attacker.token
    wrong = [
        token[:-1] + ("a" if token[-1] != "a" else "b"),
        token[:8],
        token * 2,
        token.upper(),
        "x",
        "x" * len(token),
    ]

    answers = [attacker.send("GET", "/Users", headers={"Authorization": f"Bearer {each}"}).answer for each in wrong]

    assert {answer.status for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(value for name, value in answer.headers.items() if name != "date") for answer in answers}) == 1


@besieged_anywhere
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example.com"},
        {"X-Forwarded-Host": "evil.example.com", "X-Forwarded-Proto": "gopher"},
        {"Forwarded": "host=evil.example.com"},
        {"X-Original-URL": "/scim/v2/Groups", "X-Rewrite-URL": "/scim/v2/Groups"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_no_header_changes_where_we_are(attacker: Attacker, headers: dict[str, str]) -> None:
    answer = attacker.send("POST", "/Users", {"userName": "ada"}, headers=headers).answer

    assert answer.status == 201
    assert answer.headers["Location"] == answer.json()["meta"]["location"]
    assert answer.headers["Location"].startswith(f"{attacker.server.base}/Users/")


@besieged_anywhere
@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_header_is_no_method(attacker: Attacker, name: str) -> None:
    user_id = a_user(attacker.client)

    answer = attacker.send("GET", f"/Users/{user_id}", headers={name: "DELETE"}).answer

    assert answer.status == 200
    assert attacker.client.get(f"Users/{user_id}").status_code == 200


@besieged_anywhere
def test_a_thousand_headers_are_within_the_budget(attacker: Attacker) -> None:
    headers = {f"X-Header-{number}": "x" * 40 for number in range(1000)}

    answer = attacker.send("GET", "/Users", headers=headers).answer

    assert answer.status in {200, 400, 431}


@besieged_anywhere
@pytest.mark.parametrize("method", ["TRACE", "OPTIONS", "CONNECT", "PROPFIND", "get", "X" * 20])
def test_other_methods_are_refused(attacker: Attacker, method: str) -> None:
    answer = attacker.send(method, "/Users").answer

    assert answer.status in {400, 401, 405}


@besieged_anywhere
@pytest.mark.parametrize(
    "raw",
    [
        b"POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{    }",
        b"POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nx",
        b"GET /scim/v2/Users HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET /scim/v2/Users\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=["both lengths", "negative length", "two lengths", "huge chunk", "no colon", "NUL", "TLS", "HTTP/2"],
)
def test_what_is_no_http_is_nobodys_request(besieged: Server, raw: bytes) -> None:
    before = besieged.rows()

    with Wire(besieged.url) as wire:
        wire.send(raw)
        answer = wire.answer()

    assert 400 <= answer.status < 500
    assert httpx.get(f"{besieged.url}/healthz").status_code == 200
    assert besieged.rows() == before


def test_requests_that_never_end_keep_nobody_else_waiting(attacker: Attacker) -> None:
    head = written("POST", "/scim/v2/Users", {"Authorization": f"Bearer {attacker.token}", "Content-Type": JSON})
    half_a_head = [Wire(attacker.server.url) for _ in range(150)]
    half_a_body = [Wire(attacker.server.url) for _ in range(150)]
    for wire in half_a_head:
        wire.send(head[:60])
    for wire in half_a_body:
        wire.send(head[:-2] + b"Content-Length: 500\r\n\r\n" + b'{"userName": "a')

    status = attacker.send("POST", "/Users", {"userName": "ada"}).answer.status

    assert status == 201
    assert not any(wire.has_answer for wire in half_a_head + half_a_body)
    for wire in half_a_head + half_a_body:
        wire.close()


def test_an_answer_nobody_reads_keeps_nobody_else_waiting(attacker: Attacker) -> None:
    content = json.dumps({"userName": "big", "title": "x" * 500_000}).encode()
    user_id = attacker.send("POST", "/Users", content).answer.json()["id"]
    request = written("GET", f"/scim/v2/Users/{user_id}", {"Authorization": f"Bearer {attacker.token}"})
    deaf = [Wire(attacker.server.url) for _ in range(10)]
    for wire in deaf:
        wire.send(request * 20)

    status = attacker.client.get("Users", params={"count": 0}).status_code

    assert status == 200
    for wire in deaf:
        wire.close()


def test_whoever_wants_to_speak_something_else_gets_the_usual_answer(attacker: Attacker) -> None:
    wish = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }

    assert attacker.send("GET", "/Users", headers=wish).answer.status == 200
