"""Sources: how they write, and what became of what they asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from scimbridge.domain.resource import Received
from scimbridge.services.quirks import Quirks
from scimbridge.services.tokens import Tokens
from tests.cli.conftest import Terminal
from tests.clock import FakeClock
from tests.services.bench import Bench


def received(method: str, path: str, understood: str) -> Received:
    return Received(source="okta", method=method, path=path, body={"active": "False"}, understood=understood)


def inactive(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**stored, "active": False}


@pytest.fixture
def ada(bench: Bench, clock: FakeClock) -> str:
    """Somebody whose deactivation was refused once, and then understood."""
    Tokens(bench.database).create("okta", by="ops", now=clock())
    user, _ = bench.intake.create_user(
        {"userName": "Ada", "active": True}, received("POST", "/Users", "create User"), clock()
    )
    path = f"/Users/{user.identity.id}"
    refusal = received("PATCH", path, "not understood")
    bench.intake.refuse(refusal, 400, "active must be true or false", clock.advance("1m"))
    change = received("PATCH", path, "deactivate")
    bench.intake.change_user(user.identity.id, inactive, change, clock.advance("1m"))
    bench.intake.refuse(received("POST", "/Users", "create User"), 409, "taken", clock.advance("1m"))
    return str(user.identity.id)


def test_sources_are_listed_with_what_they_have(terminal: Terminal, ada: str) -> None:
    listed = next(one for one in terminal.read("sources", "list") if one["name"] == "okta")

    assert (listed["name"], listed["configured"]) == ("okta", True)
    assert (listed["users"], listed["active_users"], listed["groups"]) == (1, 0, 0)
    assert listed["refused_24h"] == {"400": 1, "409": 1}
    assert listed["last_request_at"] == "2026-03-02T09:03:00.000Z"
    assert "okta" in terminal.run("sources", "list").stdout


def test_a_source_that_has_no_token_yet_is_listed(terminal: Terminal, bench: Bench) -> None:
    listed = next(one for one in terminal.read("sources", "list") if one["name"] == "okta")

    assert (listed["name"], listed["tokens"], listed["last_request_at"]) == ("okta", [], None)
    assert "scimbridge token create okta" in terminal.run("sources", "show", "okta").stdout


def test_a_source_is_shown_with_its_quirks_and_tokens(
    terminal: Terminal, ada: str, bench: Bench, clock: FakeClock
) -> None:
    Quirks(bench.database).note("okta", ["string boolean", "unknown attribute shoeSize"], clock())

    shown = terminal.read("sources", "show", "okta")
    said = terminal.run("sources", "show", "okta").stdout

    assert [quirk["name"] for quirk in shown["quirks"]] == ["string boolean", "unknown attribute shoeSize"]
    assert set(shown["tokens"][0]) == {"id", "hint", "created_at", "last_used_at", "expires_at"}
    assert "unknown attribute shoeSize" in said
    assert "400: 1, 409: 1" in said


def test_what_became_of_somebody_is_one_question(terminal: Terminal, ada: str) -> None:
    for name in ("ADA", ada):
        told = terminal.read("sources", "requests", "okta", "--user", name)

        assert told["users"] == [{"id": ada, "user_name": "Ada", "state": "inactive"}]
        assert [(one["status"], one["understood"]) for one in told["requests"]] == [
            (200, "deactivate"),
            (400, "not understood"),
            (201, "create User"),
        ]
        assert told["requests"][1]["applied"] == "refused: active must be true or false"
        assert told["requests"][1]["received"] == {"active": "False"}


def test_requests_are_shown_newest_first_and_not_all(terminal: Terminal, ada: str) -> None:
    told = terminal.read("sources", "requests", "okta", "--refused", "--limit", "1")

    assert [one["status"] for one in told["requests"]] == [409]
    said = terminal.run("sources", "requests", "okta", "--user", "ada").stdout
    assert said.startswith(f"Ada ({ada}) is inactive.")
    assert "refused: active must be true or false" in said


def test_who_was_never_there_is_a_failure_in_one_sentence(terminal: Terminal, ada: str) -> None:
    assert "no User of okta 'ben'" in terminal.run("sources", "requests", "okta", "--user", "ben", code=1).stderr
    assert "no source 'entra'" in terminal.run("sources", "show", "entra", code=1).stderr
    assert "no source 'entra'" in terminal.run("sources", "requests", "entra", code=1).stderr


def test_requests_about_groups_name_their_group(terminal: Terminal, ada: str, bench: Bench, clock: FakeClock) -> None:
    group = bench.group_intake.create_group(
        {"displayName": "Team"}, [ada], received("POST", "/Groups", "create Group"), clock.advance("1m")
    )

    told = terminal.read("sources", "requests", "okta", "--limit", "1")

    assert told["requests"][0]["resource_id"] == group.id
