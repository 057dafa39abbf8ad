"""Bodies: what is not plain JSON within limits goes no further."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import httpx
import pytest
from scim2_models import InvalidSyntaxException, InvalidValueException

from scimbridge.scim.body import MAX_DEPTH, most_entries, parsed, text_of
from tests.scim.conftest import Service

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"42",
        b'"text"',
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1, "a": 2}',
        b'{"x": {"a": 1, "a": 1}}',
        b"\xff\xfe",
        b'{"a": "\xe9"}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1),
        b"[" * 100_000,
    ],
)
def test_a_body_that_is_no_plain_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidSyntaxException):
        parsed(text_of(raw))


def test_where_larger_bodies_are_taken_they_may_have_more_entries() -> None:
    raw = b'{"members": [' + b",".join([b'{"value":"a"}'] * 60_000) + b"]}"

    with pytest.raises(InvalidValueException, match="more than 100000 entries"):
        parsed(text_of(raw))
    assert len(parsed(text_of(raw), most_entries(8 << 20))["members"]) == 60_000
    assert most_entries(1024) == 100_000


@pytest.mark.parametrize("raw", [b'{"a": "\\u0000"}', b'{"a": ["\\ud800"]}', b'{"\\u0000": 1}'])
def test_a_string_that_cannot_be_stored_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidValueException):
        parsed(text_of(raw))


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1" + "0" * 400, "-" + "9" * 4000])
def test_a_number_that_not_everybody_can_read_again_is_refused(number: str) -> None:
    with pytest.raises(InvalidValueException, match="out of range"):
        parsed('{"userName": "ada", "x": {"y": [' + number + "]}}")


def test_a_byte_order_mark_is_passed_over() -> None:
    assert parsed(text_of(b'\xef\xbb\xbf{"a": "\xc3\xa9"}')) == {"a": "é"}


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "application/scim+json",
        "application/scim+json; charset=utf-8",
        'Application/JSON;charset="UTF-8"',
    ],
)
def test_json_is_accepted(client: httpx.Client, media_type: str) -> None:
    response = client.post("Users", content=b'{"userName": "ada"}', headers={"Content-Type": media_type})

    assert response.status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=latin-1"},
        {},
    ],
)
def test_another_media_type_is_refused(client: httpx.Client, headers: dict[str, str]) -> None:
    response = client.post("Users", content=b'{"userName": "ada"}', headers=headers)

    assert response.status_code == 415
    assert response.headers["content-type"] == "application/scim+json"
    assert response.json()["status"] == "415"


def test_a_compressed_body_is_refused(client: httpx.Client) -> None:
    raw = gzip.compress(b'{"userName": "ada"}')

    response = client.post("Users", content=raw, headers=JSON | {"Content-Encoding": "gzip"})

    assert response.status_code == 415


def test_a_body_above_the_limit_is_refused(client: httpx.Client) -> None:
    raw = b'{"userName": "ada", "title": "' + b"x" * 1024 * 1024 + b'"}'

    response = client.post("Users", content=raw, headers=JSON)

    assert response.status_code == 413
    assert client.get("Users").json()["totalResults"] == 0


def test_a_body_without_length_is_counted_while_it_arrives(service: Service) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"userName": "ada", "title": "'
        yield from (b"x" * 65536 for _ in range(20))
        yield b'"}'

    headers = JSON | {"Authorization": "Bearer token-of-okta", "Transfer-Encoding": "chunked"}
    response = service.client().post("Users", content=pieces(), headers=headers)

    assert response.status_code == 413


def test_a_body_that_is_refused_is_kept_as_refused(service: Service) -> None:
    service.client().post("Users", content=b"{", headers=JSON)

    (kept,) = service.requests()
    assert (kept["status"], kept["method"], kept["path"]) == (400, "POST", "/Users")
    assert str(kept["applied"]).startswith("refused: the body is not valid JSON")
