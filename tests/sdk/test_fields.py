"""Types of settings that connectors share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from scimbridge.sdk import TargetConfig
from scimbridge.sdk.fields import ApiAddress, Email, ExistingFile, RelativePath
from scimbridge.sdk.secret import SecretSources


class Config(TargetConfig):
    searchable = ("userName", "mail")

    root: ApiAddress = "https://api.example.com"
    email: Email = "ops@example.com"
    ca_file: ExistingFile | None = None
    data: RelativePath = Path("data")


def config(context: SecretSources | None = None, **settings: Any) -> Config:
    return Config.model_validate({"connector": "x", **settings}, context=context)


def test_files_are_looked_for_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()

    found = config(SecretSources(tmp_path), ca_file="ca.pem", data="elsewhere/x")

    assert (found.ca_file, found.data) == (tmp_path / "ca.pem", tmp_path / "elsewhere" / "x")
    assert config(data="x").data == Path.cwd() / "x"


@pytest.mark.parametrize(
    "root", ["https://api.example.com/v1/", "http://localhost:1", "http://127.0.0.2:1", "http://[::1]"]
)
def test_the_root_of_an_api_is_encrypted_unless_it_is_on_this_machine(root: str) -> None:
    assert config(root=root).root == root.rstrip("/")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        *(({"root": root}, "begins with https://") for root in ("http://api.example.com", "https://", "ftp://x", "")),
        *(
            ({"root": f"https://api.example.com{end}"}, "begins with https://")
            for end in ("?a=b", "#a", ":0", ":99999")
        ),
        ({"root": "https://me:pw@api.example.com"}, "leave out the user and password"),
        ({"email": "ops"}, "not an e-mail address"),
        ({"email": "o ps@example.com"}, "not an e-mail address"),
        ({"ca_file": "nowhere.pem"}, "there is no file"),
        ({"match": {"userName": "displayName"}}, "'displayName' cannot be searched for; write one of userName, mail"),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_to_write(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        config(**settings)
