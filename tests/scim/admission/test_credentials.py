"""What an Authorization header presents."""

from __future__ import annotations

import base64

import pytest

from scimbridge.domain.access import LONGEST_TOKEN, BearerToken, Login
from scimbridge.scim.admission.credentials import authorization, credential_of


def basic(text: str) -> bytes:
    return b"Basic " + base64.b64encode(text.encode())


@pytest.mark.parametrize("header", [b"Bearer abc", b"bearer abc", b"BEARER  abc", b"Bearer abc "])
def test_a_token_is_found(header: bytes) -> None:
    assert credential_of(header) == BearerToken("abc")


@pytest.mark.parametrize(
    ("text", "login"),
    [
        ("okta:secret", Login("okta", "secret")),
        ("okta:se:cr:et", Login("okta", "se:cr:et")),
        ("ökta:sécret", Login("ökta", "sécret")),
        (":", Login("", "")),
    ],
)
def test_a_login_is_found(text: str, login: Login) -> None:
    assert credential_of(basic(text)) == login


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Bearer",
        b"Bearer ",
        b"abc",
        b"Digest abc",
        "Bearer tökén".encode(),
        b"Bearer " + b"x" * (LONGEST_TOKEN + 1),
        b"Basic",
        b"Basic ###",
        b"Basic b2t0YQ==",  # no colon
        b"Basic /zo=",  # not UTF-8
    ],
)
def test_what_is_no_credential_is_none(header: bytes) -> None:
    assert credential_of(header) is None


def test_secrets_are_not_in_what_is_logged_of_them() -> None:
    assert "abc" not in repr(BearerToken("abc"))
    assert "abc" not in repr(Login("x", "abc"))


def test_of_two_headers_none_counts() -> None:
    one = (b"authorization", b"Bearer a")

    assert authorization({"headers": [(b"host", b"x"), one]}) == b"Bearer a"
    assert authorization({"headers": [one, one]}) is None
    assert authorization({"headers": []}) is None
