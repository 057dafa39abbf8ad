"""Tokens: shown once, and in such a way that a script can take them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from scimbridge.domain.access import Grant
from scimbridge.services.tokens import Tokens
from scimbridge.store.database import Database
from tests.cli.conftest import Terminal
from tests.clock import FakeClock


def source_of(config: Path, token: str, clock: FakeClock) -> str | None:
    database = Database(f"sqlite:///{config.parent / 'data' / 'bridge.db'}")
    tokens = Tokens(database)
    try:
        found = tokens.identify(token, clock())
    finally:
        tokens.close()
        database.close()
    return found.source if isinstance(found, Grant) else None


def test_the_token_is_alone_on_the_last_line_and_lets_its_source_in(config: Path, clock: FakeClock) -> None:
    command = [sys.executable, "-c", "from scimbridge.cli import main; main()", "token", "create", "okta"]

    done = subprocess.run(command, cwd=config.parent, capture_output=True, text=True, check=True)

    assert re.fullmatch(r"scb_[A-Za-z0-9_-]{43}\n", done.stdout)
    assert source_of(config, done.stdout.strip(), clock) == "okta"
    assert done.stdout.strip() not in done.stderr
    assert "http://127.0.0.1:8085/scim/v2" in done.stderr


def test_a_token_can_be_made_before_anything_was_started(terminal: Terminal) -> None:
    assert terminal.run("token", "create", "okta").stdout.startswith("scb_")


def test_tokens_are_listed_without_what_signs_in(terminal: Terminal) -> None:
    token = terminal.run("token", "create", "okta").stdout.strip()

    (listed,) = terminal.read("token", "list")

    times = {"created_at", "last_used_at", "expires_at", "revoked_at"}
    assert set(listed) == {"id", "source", "hint", "is_live"} | times
    assert (listed["source"], listed["hint"], listed["created_at"]) == (
        "okta",
        token[:8] + "…",
        "2026-03-02T09:00:00.000Z",
    )
    assert token not in terminal.run("token", "list").stdout


def test_a_revoked_token_lets_nobody_in(terminal: Terminal, config: Path, clock: FakeClock) -> None:
    token = terminal.run("token", "create", "okta").stdout.strip()
    (listed,) = terminal.read("token", "list")

    terminal.run("token", "revoke", listed["id"])

    assert source_of(config, token, clock) is None
    assert terminal.read("token", "list")[0]["revoked_at"] == "2026-03-02T09:00:00.000Z"


def test_revoking_what_is_not_there_is_a_failure_in_one_sentence(terminal: Terminal) -> None:
    terminal.run("token", "create", "okta")

    result = terminal.run("token", "revoke", "nonsense", code=1)

    assert result.stderr == "Error: no live token 'nonsense'\n"


def test_a_name_that_is_none_is_wrong_usage(terminal: Terminal, config: Path) -> None:
    result = terminal.run("token", "create", "bad name", code=2)

    assert "no source can have this name" in result.stderr
    assert not (config.parent / "data").exists(), "nothing was opened"


def test_a_source_that_the_configuration_does_not_name_is_worth_a_note(terminal: Terminal) -> None:
    assert "no [sources.otka]" in terminal.run("token", "create", "otka").stderr


def test_a_token_lives_as_long_as_it_is_told(terminal: Terminal) -> None:
    shown = terminal.run("token", "create", "okta", "--expires", "90d")
    terminal.run("token", "create", "okta", "--expires", "never")

    assert "expires on 2026-05-31 09:00 UTC" in shown.stderr
    assert [token["expires_at"] for token in terminal.read("token", "list")] == ["2026-05-31T09:00:00.000Z", None]


def test_the_configuration_may_say_how_long_tokens_live(terminal: Terminal, config: Path) -> None:
    config.write_text(config.read_text().replace("[sources.okta]", '[sources.okta]\ntoken_lifetime = "10d"'))

    terminal.run("token", "create", "okta")
    terminal.run("token", "create", "okta", "--expires", "never")

    assert [token["expires_at"] for token in terminal.read("token", "list")] == ["2026-03-12T09:00:00.000Z", None]


@pytest.mark.parametrize("expires", ["soon", "0s", "", "99999999d"])
def test_what_is_no_lifetime_is_wrong_usage(terminal: Terminal, config: Path, expires: str) -> None:
    terminal.run("token", "create", "okta", "--expires", expires, code=2)

    assert not (config.parent / "data").exists(), "nothing was opened"


def test_a_third_token_is_refused_with_the_command_that_makes_room(terminal: Terminal) -> None:
    for _ in range(2):
        terminal.run("token", "create", "okta")

    result = terminal.run("token", "create", "okta", code=1)

    assert "okta has 2 live tokens already" in result.stderr
    assert "`scimbridge token revoke ID`" in result.stderr
    assert result.stdout == ""


def test_the_list_shows_expiry_and_warns_when_it_is_near(terminal: Terminal, clock: FakeClock) -> None:
    terminal.run("token", "create", "okta", "--expires", "30d")
    assert terminal.run("token", "list").stderr == ""
    clock.advance("10d")

    listed = terminal.run("token", "list")
    assert "2026-04-01 09:00 UTC" in listed.stdout
    assert "expires in 20d: make another one" in listed.stderr

    clock.advance("20d")
    assert "expired" in terminal.run("token", "list").stdout
    assert not terminal.read("token", "list")[0]["is_live"]
