from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.scim import ScimConfig
from scimbridge.sdk.secret import SecretSources


def config(**settings: Any) -> ScimConfig:
    return ScimConfig.model_validate(
        {"connector": "scim", "base_url": "https://app.example.com/scim/v2", "token": "t", **settings}
    )


def test_little_is_needed() -> None:
    made = config()

    assert made.match == {"userName": "userName", "externalId": "externalId"}
    assert list(made.match) == ["userName", "externalId"]
    assert (made.dialect, made.update) == ("standard", "auto")


def test_the_token_is_masked() -> None:
    assert "very-secret" not in repr(config(token="very-secret"))


@pytest.mark.parametrize("name", ["Standard", "../standard", ""])
def test_another_dialect_is_refused_and_the_others_are_named(name: str) -> None:
    with pytest.raises(ValidationError, match=r"standard, .*salesforce"):
        config(dialect=name)


@pytest.mark.parametrize(
    "address",
    [
        "app.example.com/scim",
        "ftp://app.example.com",
        "https://",
        "https://:443/scim",
        "https://app.example.com:99999",
        "https://me:pw@app.example.com",
        "https://app.example.com/scim?tenant=1",
        "https://app.example.com/scim#top",
        "https://[",
    ],
)
def test_an_address_that_paths_cannot_be_appended_to_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="base_url"):
        config(base_url=address)


def test_a_slash_at_the_end_of_the_address_means_nothing() -> None:
    assert config(base_url="https://app.example.com/scim/").base_url == "https://app.example.com/scim"


@pytest.mark.parametrize("token", ["line\nend", "two words", "schlüssel", ""])
def test_a_token_that_fits_into_no_header_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(ValidationError, match="printable ASCII") as caught:
        config(token=token)

    assert not token or token not in str(caught.value)


@pytest.mark.parametrize("path", ["", "user name", 'userName eq "x" or userName', "emails[type]", "a.b.c", "userName)"])
def test_a_match_that_is_no_attribute_is_refused(path: str) -> None:
    with pytest.raises(ValidationError, match="not an attribute path"):
        config(match={"userName": path})


@pytest.mark.parametrize(
    "path", ["userName", "emails.value", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber"]
)
def test_a_match_may_name_sub_attributes_and_extensions(path: str) -> None:
    assert config(match={"employeeNumber": path}).match == {"employeeNumber": path}


def test_the_ca_file_lies_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    document = {"connector": "scim", "base_url": "https://app.example.com", "token": "t", "ca_file": "ca.pem"}

    made = ScimConfig.model_validate(document, context=SecretSources(tmp_path))

    assert made.ca_file == tmp_path / "ca.pem"


def test_a_missing_ca_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="there is no file"):
        config(ca_file=str(tmp_path / "none.pem"))


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="tokn"):
        config(tokn="x")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"token": None}, "write how to sign in"),
        ({"username": "u", "password": "p"}, "token and username are two ways"),
        ({"token": None, "username": "u"}, "username and password go together"),
        ({"password": "p"}, "username and password go together"),
        ({"token": None, "username": "a:b", "password": "p"}, "colon"),
        (
            {"token": None, "token_url": "https://login.example.com/token", "client_secret": "s"},
            "token_url and client_id",
        ),
        ({"client_id": "c"}, "token_url and client_id"),
        ({"token": None, "token_url": "https://login.example.com/token", "client_id": "c"}, "token_url needs"),
        ({"token": None, "token_url": "http://login.example.com/token", "client_id": "c"}, "https://"),
        ({"refresh_token": "r"}, "are for token_url"),
        ({"token_header": "X Key"}, "name of the header"),
        ({"token_header": "Content-Length"}, "name of the header"),
        ({"token_scheme": "two words"}, "one word"),
        ({"client_key": __file__}, "client_key needs client_certificate"),
    ],
)
def test_ways_to_sign_in_that_make_no_sense_are_refused(settings: dict[str, str | None], said: str) -> None:
    document = {"connector": "scim", "base_url": "https://app.example.com", "token": "t", **settings}

    with pytest.raises(ValidationError, match=said):
        ScimConfig.model_validate({key: value for key, value in document.items() if value is not None})


@pytest.mark.parametrize("name", ["userName", "ACTIVE", "emails.value", "nick name", ""])
def test_a_mark_stands_in_no_attribute_that_means_something(name: str) -> None:
    with pytest.raises(ValidationError, match="holds a text"):
        config(stamp_attribute=name)
