"""All settings as they count, with where they come from, and without secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from scimbridge.config import load
from scimbridge.config.listing import HIDDEN, Listed, Origin

WRITTEN = """
[store]
url = "postgresql+psycopg://bridge:secret-one@db.example.com/bridge"
[queue]
url = "redis://:secret-two@redis.example.com"
[sources.okta]
basic = { username = "okta", password = "secret-three-secret" }
[targets.directory]
connector = "ldap"
url = "ldaps://directory.example.com"
bind_dn = "cn=scimbridge,dc=example,dc=com"
bind_password = { env = "DIRECTORY_PASSWORD" }
base_dn = "dc=example,dc=com"
[targets.legacy]
connector = "command"
allow_program = true
program = ["/opt/legacy", "--token=secret-four"]
actions = ["suspend", "restore"]
environment = { PIN = "secret-five" }
[[rules]]
name = "employees"
when = ["deactivated"]
  [[rules.stages]]
  after = "36h"
  do = ["suspend"]
[notify]
smtp = "smtp://localhost:25"
from = "scimbridge@example.com"
user = "bridge"
password = { file = "smtp-password" }
"""


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Listed]:
    monkeypatch.setenv("DIRECTORY_PASSWORD", "secret-six")
    (tmp_path / "smtp-password").write_text("secret-seven")
    path = tmp_path / "scimbridge.toml"
    path.write_text(WRITTEN)
    settings = load(path, {"SCIMBRIDGE_SERVER__LISTEN": "127.0.0.1:9000"})
    return {each.path: each for each in settings.listed()}


def test_each_setting_says_where_it_comes_from(listed: dict[str, Listed]) -> None:
    said = {
        path: (one.value, one.origin, one.variable)
        for path, one in listed.items()
        if path
        in {
            "server.listen",
            "server.max_body",
            "targets.directory.url",
            "targets.directory.mode",
            "rules[0].stages[0].after",
            "rules[0].stages[0].approvers",
            "evidence.key_file",
        }
    }

    assert said == {
        "server.listen": ("127.0.0.1:9000", Origin.ENVIRONMENT, "SCIMBRIDGE_SERVER__LISTEN"),
        "server.max_body": ("1048576", Origin.DEFAULT, ""),
        "targets.directory.url": ("ldaps://directory.example.com", Origin.FILE, ""),
        "targets.directory.mode": ("observe", Origin.DEFAULT, ""),
        "rules[0].stages[0].after": ("36h", Origin.FILE, ""),
        "rules[0].stages[0].approvers": ("1", Origin.DEFAULT, ""),
        "evidence.key_file": ("", Origin.DEFAULT, ""),
    }


def test_nothing_that_is_secret_is_listed(listed: dict[str, Listed]) -> None:
    text = "\n".join(f"{one.path} {one.value} {one.variable}" for one in listed.values())

    assert "secret-" not in text
    assert {path for path, one in listed.items() if one.value == HIDDEN} == {
        "store.url",
        "queue.url",
        "sources.okta.basic.password",
        "targets.directory.bind_password",
        "targets.legacy.environment.PIN",
        "notify.password",
    }
    assert listed["targets.legacy.program"].value == '["/opt/legacy", "--token=hidden"]'


def test_a_secret_that_is_elsewhere_says_where(listed: dict[str, Listed]) -> None:
    assert listed["targets.directory.bind_password"].variable == "DIRECTORY_PASSWORD"
    assert listed["notify.password"].variable == "smtp-password"
