"""Bodies that somebody wrote to do harm."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest

from scimbridge.scim.app import MAX_BODY
from scimbridge.scim.dialect import CORE_USER, ENTERPRISE
from tests.scim.conftest import a_group, a_user, besieged_anywhere
from tests.scim.hostility import Attacker, assert_refused
from tests.scim.wire import Wire, written

DEEP = {
    "objects": '{"userName":"a","name":' + '{"a":' * 100_000 + "1" + "}" * 100_001,
    "lists": '{"userName":"a","emails":' + "[" * 200_000 + "]" * 200_000 + "}",
    "objects that never close": '{"a":' * 150_000,
    "lists that never close": "[" * 500_000,
    "an extension": '{"userName":"a","urn:example:x":' + '{"a":' * 40 + "1" + "}" * 41,
}
NO_JSON = {
    "nothing": "",
    "a list": "[]",
    "a string": '"userName"',
    "NaN": '{"userName": NaN}',
    "Infinity": '{"userName": "a", "title": Infinity}',
    "-Infinity": '{"userName": "a", "x": {"y": [-Infinity]}}',
    "a number of 5 000 digits": '{"userName": "a", "title": ' + "9" * 5000 + "}",
    "a number of 900 000 digits": '{"userName": "a", "title": ' + "9" * 900_000 + "}",
    "a comma too many": '{"userName": "a",}',
    "a comment": '{"userName": "a" /* b */}',
    "two objects": '{"userName": "a"}{"userName": "b"}',
    "the same name twice": '{"userName": "a", "userName": "b"}',
    "the same name twice below": '{"userName": "a", "name": {"givenName": "a", "givenName": "b"}}',
    "the same name twice, once escaped": '{"userName": "a", "user\\u004eame": "b"}',
}
NO_UTF8 = {
    "half a character": b'{"userName": "\xc3"}',
    "an overlong slash": b'{"userName": "\xc0\xaf"}',
    "UTF-16": '{"userName": "a"}'.encode("utf-16"),
    "UTF-32": '{"userName": "a"}'.encode("utf-32"),
    "a surrogate in bytes": b'{"userName": "\xed\xa0\x80"}',
    "bytes": bytes(range(256)) * 1000,
}
UNSTORABLE = {
    "NUL": '{"userName": "a\\u0000b"}',
    "NUL in a name": '{"userName": "a", "\\u0000": 1}',
    "NUL in an unknown attribute": '{"userName": "a", "x": {"y": ["\\u0000"]}}',
    "the first half of a pair": '{"userName": "\\ud800"}',
    "the second half of a pair": '{"userName": "a", "title": "\\udc00x"}',
    "the halves in the wrong order": '{"userName": "a", "emails": [{"value": "\\udc00\\ud800"}]}',
}


@besieged_anywhere
@pytest.mark.parametrize("content", DEEP.values(), ids=DEEP)
def test_deep_json_is_refused(attacker: Attacker, content: str) -> None:
    attacker.refused("POST", "/Users", content, status=400, scim_type="invalidSyntax")


@besieged_anywhere
@pytest.mark.parametrize("content", NO_JSON.values(), ids=NO_JSON)
def test_what_is_not_one_plain_json_object_is_refused(attacker: Attacker, content: str) -> None:
    attacker.refused("POST", "/Users", content, status=400, scim_type="invalidSyntax")


@besieged_anywhere
@pytest.mark.parametrize("content", NO_UTF8.values(), ids=NO_UTF8)
def test_what_is_not_utf8_is_refused(attacker: Attacker, content: bytes) -> None:
    attacker.refused("POST", "/Users", content, status=400, scim_type="invalidSyntax")


@pytest.mark.parametrize("content", UNSTORABLE.values(), ids=UNSTORABLE)
def test_a_character_that_cannot_be_stored_is_refused(attacker: Attacker, content: str) -> None:
    attacker.refused("POST", "/Users", content, status=400, scim_type="invalidValue")


@besieged_anywhere
@pytest.mark.parametrize("name", ["USERNAME", "username", "urn:ietf:params:scim:schemas:core:2.0:User:userName"])
def test_an_attribute_under_two_spellings_is_never_two_values(attacker: Attacker, name: str) -> None:
    answer = attacker.send("POST", "/Users", {"userName": "one", name: "two"}).answer

    assert answer.status in {201, 400}
    found = attacker.client.get("Users").json()
    assert found["totalResults"] == (1 if answer.status == 201 else 0)
    assert [user["userName"] for user in found["Resources"]] in ([], ["one"])


@besieged_anywhere
@pytest.mark.parametrize(
    "member",
    [
        {"active": 1e308},
        {"active": -0.0},
        {"active": 10**400},
        {"userName": 10**400},
        {"userName": 1e308},
        {"externalId": 12345678901234567890},
    ],
    ids=repr,
)
def test_a_number_in_place_of_something_else_is_refused(attacker: Attacker, member: dict[str, Any]) -> None:
    attacker.refused("POST", "/Users", {"userName": "a", **member}, status=400, scim_type="invalidValue")


# -- size ---------------------------------------------------------------------


@besieged_anywhere
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_body_of_10_mb_is_refused(attacker: Attacker, method: str) -> None:
    user_id = a_user(attacker.client)
    content = json.dumps({"userName": "a", "title": "x" * 10 * 1024 * 1024})
    path = "/Users" if method == "POST" else f"/Users/{user_id}"

    attacker.refused(method, path, content, status=413)


@besieged_anywhere
def test_a_body_without_end_is_refused(attacker: Attacker) -> None:
    before = attacker.server.rows()
    head = {"Authorization": f"Bearer {attacker.token}", "Content-Type": "application/json"}
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    sent = 0

    with Wire(attacker.server.url) as wire:
        wire.send(written("POST", "/scim/v2/Users", head | {"Transfer-Encoding": "chunked"}))
        while not wire.has_answer and sent < 64 * MAX_BODY:
            wire.send(chunk)
            sent += len(chunk)
        answer = wire.answer()

    assert_refused(answer, 413, None)
    assert attacker.server.rows() == before


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """What is small, and large once it is unpacked."""
    return gzip.compress(gzip.compress(b'{"userName":"a","title":"' + b"x" * 200_000_000 + b'"}', 1))


@besieged_anywhere
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "GZIP", "identity, gzip", "x"])
def test_a_compressed_body_is_refused_without_being_unpacked(attacker: Attacker, bomb: bytes, encoding: str) -> None:
    assert len(bomb) < MAX_BODY

    attacker.refused("POST", "/Users", bomb, headers={"Content-Encoding": encoding}, status=415)


@besieged_anywhere
def test_compressed_bytes_that_say_they_are_json_are_no_json(attacker: Attacker) -> None:
    attacker.refused("POST", "/Users", zlib.compress(b'{"userName":"a"}'), status=400, scim_type="invalidSyntax")


@besieged_anywhere
@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "text/html",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/scim+json; charset=utf-16",
        "application/json; charset=iso-8859-1",
        "application/json-patch+json",
        "application/scim",
        "",
        "x" * 5000,
        ";;;;",
        "application/json" + ";a=b" * 5000 + ";charset=x",
    ],
    ids=lambda kind: kind[:40],
)
def test_another_media_type_is_refused(attacker: Attacker, kind: str) -> None:
    attacker.refused("POST", "/Users", {"userName": "a"}, headers={"Content-Type": kind}, status=415)


# -- much of everything -------------------------------------------------------


def within(content: dict[str, Any]) -> bytes:
    """Return a body that is just within the limit, so that it is read."""
    raw = json.dumps(content, separators=(",", ":")).encode()
    assert len(raw) <= MAX_BODY
    return raw


MANY = {
    "unknown attributes": {"userName": "a", **{f"x{number}": 1 for number in range(70_000)}},
    "unknown extensions": {"userName": "a", **{f"urn:x:{number}": {"y": 1} for number in range(40_000)}},
    "schemas": {"schemas": [f"urn:{number}" for number in range(80_000)], "userName": "a"},
    "emails": {"userName": "a", "emails": [{"value": f"{number}@example.com"} for number in range(30_000)]},
    "addresses": {"userName": "a", "addresses": [{"type": "x", "locality": str(number)} for number in range(25_000)]},
    "roles that are empty": {"userName": "a", "roles": [{}] * 300_000},
    "nulls": {"userName": "a", "emails": [None] * 200_000},
    "primaries": {"userName": "a", "emails": [{"value": str(n), "primary": True} for n in range(25_000)]},
    "one string": {"userName": "a", "title": "x" * 1_000_000},
    "one name": {"userName": "a", "x" * 1_000_000: 1},
}


@pytest.mark.parametrize("content", MANY.values(), ids=MANY)
def test_much_of_one_thing_is_within_the_budget(attacker: Attacker, content: dict[str, Any]) -> None:
    answer = attacker.send("POST", "/Users", within(content)).answer

    assert answer.status in {201, 400, 413}


@pytest.mark.parametrize("resource", ["Users", "Groups"])
def test_a_patch_of_100_000_operations_is_refused(attacker: Attacker, resource: str) -> None:
    target = a_user(attacker.client) if resource == "Users" else a_group(attacker.client)
    path = "title" if resource == "Users" else "displayName"
    operations = [{"op": "add", "path": path, "value": "x"}] * 100_000
    content = {"Operations": operations}

    attacker.refused("PATCH", f"/{resource}/{target}", content, status=413)


def test_a_patch_with_as_many_operations_as_fit_is_within_the_budget(attacker: Attacker) -> None:
    user_id = a_user(attacker.client)
    operations = [{"op": "add", "path": "title", "value": "x"}] * 22_000

    answer = attacker.send("PATCH", f"/Users/{user_id}", within({"Operations": operations})).answer

    assert_refused(answer, 400, "invalidValue")


UNKNOWN = {f"x{number}": 1 for number in range(30_000)}
NAMES = {
    "a whole resource": {"op": "add", "value": UNKNOWN},
    "an extension": {"op": "add", "path": ENTERPRISE, "value": UNKNOWN},
    "a schema in a schema": {"op": "add", "value": {CORE_USER: {CORE_USER: {CORE_USER: {ENTERPRISE: UNKNOWN}}}}},
    "a complex attribute": {"op": "add", "path": "name", "value": UNKNOWN},
    "entries": {"op": "add", "path": 'emails[type eq "work"]', "value": UNKNOWN},
}


@besieged_anywhere
@pytest.mark.parametrize("operation", NAMES.values(), ids=NAMES)
def test_a_patch_with_too_many_names_is_refused(attacker: Attacker, operation: dict[str, Any]) -> None:
    user_id = a_user(attacker.client)

    attacker.refused(
        "PATCH", f"/Users/{user_id}", within({"Operations": [operation]}), status=400, scim_type="invalidValue"
    )


def _replace(path: str, value: Any = "x") -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


SEARCHED = {
    "entries that are chosen": [_replace(f'emails[value eq "{n}@example.com"].display') for n in range(200)],
    "a part of all entries": [_replace("emails.display", str(n)) for n in range(400)],
    "what a remove lists": [{"op": "remove", "path": "emails", "value": [{"value": f"{n}"}]} for n in range(300)],
    "a long list of what to remove": [
        {"op": "remove", "path": "emails", "value": [{"value": f"{n}", "type": "work", "display": "x"}]}
        for n in range(999)
    ],
    "entries that are created": [_replace(f'roles[type eq "{n}"].display') for n in range(200)],
    "a list of the same request": [
        _replace("roles", [{"value": str(n)} for n in range(400)]),
        *(_replace("roles.display", str(n)) for n in range(200)),
    ],
    "values that are added one by one": [
        {"op": "add", "path": "emails", "value": {"value": f"{n}@example.net"}} for n in range(700)
    ],
    "a filter of many conditions": [
        _replace("emails[" + " or ".join(f'value eq "{n}"' for n in range(300)) + " or value pr].display"),
    ],
}


@besieged_anywhere
@pytest.mark.parametrize("operations", SEARCHED.values(), ids=SEARCHED)
def test_operations_that_search_long_lists_again_and_again_are_refused(
    attacker: Attacker, operations: list[dict[str, Any]]
) -> None:
    user_id = a_user(attacker.client, emails=[{"value": f"{number}@example.com"} for number in range(200)])

    attacker.refused(
        "PATCH", f"/Users/{user_id}", within({"Operations": operations}), status=400, scim_type="invalidValue"
    )


@besieged_anywhere
def test_operations_that_search_long_lists_as_often_as_they_may_are_within_the_budget(attacker: Attacker) -> None:
    user_id = a_user(attacker.client, emails=[{"value": f"{number}@example.com"} for number in range(200)])
    operations = [_replace(f'emails[value eq "{number}@example.com"].display') for number in range(20)]

    answer = attacker.send("PATCH", f"/Users/{user_id}", {"Operations": operations}).answer

    assert answer.status == 200


PATHS = {
    "nested": "emails[" * 5000,
    "parentheses": "emails[" + "(" * 5000 + 'value eq "a"' + ")" * 5000 + "]",
    "negations": "emails[" + "not (" * 2000 + 'value eq "a"' + ")" * 2000 + "]",
    "long": "a" * 900_000,
    "dots": "a." * 100_000,
    "URNs": "urn:" * 100_000,
    "spaces": "title" + " " * 900_000 + "x",
    "quotation marks": 'emails[value eq "' + '\\"' * 200_000,
    "terms": "emails[" + " or ".join(['value eq "a"'] * 20_000) + "].display",
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_a_path_that_somebody_wrote_to_do_harm_is_refused(attacker: Attacker, path: str) -> None:
    user_id = a_user(attacker.client)
    before = attacker.server.rows()
    content = {"Operations": [{"op": "replace", "path": path, "value": "x"}]}

    answer = attacker.send("PATCH", f"/Users/{user_id}", content).answer

    assert answer.status in {200, 400}
    if answer.status == 400:
        assert answer.json()["scimType"] in {"invalidPath", "invalidFilter", "noTarget", "invalidValue"}
    assert attacker.server.rows() == before


# -- members ------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_100_000_members_in_one_request_are_refused(attacker: Attacker, method: str) -> None:
    group_id = a_group(attacker.client)
    members = [{"value": f"{number:036d}"} for number in range(100_000)]
    operations = [{"op": "add", "path": "members", "value": members}]
    content = {"Operations": operations} if method == "PATCH" else {"displayName": "New", "members": members}
    path = "/Groups" if method == "POST" else f"/Groups/{group_id}"

    attacker.refused(method, path, content, status=413)


@pytest.mark.parametrize("op", ["add", "replace", "remove"])
def test_as_many_members_as_fit_are_within_the_budget(attacker: Attacker, op: str) -> None:
    group_id = a_group(attacker.client)
    before = attacker.server.rows()
    members = [{"value": f"{number:036d}"} for number in range(20_000)]
    content = within({"Operations": [{"op": op, "path": "members", "value": members}]})

    answer = attacker.send("PATCH", f"/Groups/{group_id}", content).answer

    # Nobody of them exists, which is an error except where they are to be removed.
    assert answer.status == (204 if op == "remove" else 400)
    assert attacker.server.rows() == before


def test_a_filter_over_20_000_members_is_within_the_budget(attacker: Attacker) -> None:
    group_id = a_group(attacker.client)
    path = "members[" + " or ".join(f'value eq "{number}"' for number in range(20_000)) + "]"

    answer = attacker.send(
        "PATCH", f"/Groups/{group_id}", within({"Operations": [{"op": "remove", "path": path}]})
    ).answer

    assert answer.status in {204, 400}


SELECTED = {
    "looking at all members": (4, 'members[display co "{}"]'),
    "by their values and more": (200, 'members[value eq "{}" and type eq "User"]'),
}


@pytest.mark.parametrize(("most", "path"), SELECTED.values(), ids=SELECTED)
def test_members_are_selected_so_often_and_no_more(attacker: Attacker, most: int, path: str) -> None:
    group_id = a_group(attacker.client, members=(a_user(attacker.client),))
    removes = [{"op": "remove", "path": path.format(number)} for number in range(most + 1)]

    attacker.refused("PATCH", f"/Groups/{group_id}", {"Operations": removes}, status=400, scim_type="invalidValue")
    answer = attacker.send("PATCH", f"/Groups/{group_id}", within({"Operations": removes[:most]})).answer

    assert answer.status == 204
