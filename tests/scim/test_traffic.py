"""What identity providers send, and what they need to be answered."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.processes.serving import Server
from tests.scim.conftest import BASE, at_any_server, on_any_store
from tests.scim.replay import Replay, scenarios


@on_any_store
@pytest.mark.parametrize("scenario", scenarios(), ids=lambda path: path.stem)
def test_scenario(client: httpx.Client, scenario: Path) -> None:
    del client.headers["authorization"]

    Replay(client, BASE, "token-of-okta").run(json.loads(scenario.read_text()))


@at_any_server
@pytest.mark.parametrize("scenario", scenarios(), ids=lambda path: path.stem)
def test_scenario_over_a_socket(server: Server, scenario: Path) -> None:
    with httpx.Client(timeout=60, verify=False) as client:
        Replay(client, server.base, server.new_source()).run(json.loads(scenario.read_text()))


def test_every_scenario_is_played() -> None:
    played = {path.stem for path in scenarios()}

    assert len(played) == 67
    assert {name.partition("-")[0] for name in played} == {
        "auth0",
        "authentik",
        "bridge",
        "entra",
        "google",
        "hostile",
        "ipsie",
        "jumpcloud",
        "keycloak",
        "microsoft",
        "okta",
        "onelogin",
        "ping",
        "rfc",
        "sailpoint",
    }
