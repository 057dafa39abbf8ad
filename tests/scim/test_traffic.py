"""What identity providers send, and what they need to be answered."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.scim.conftest import BASE
from tests.scim.replay import Replay, scenarios


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda path: path.stem)
def test_scenario(client: httpx.Client, scenario: Path) -> None:
    del client.headers["authorization"]

    Replay(client, BASE, "token-of-okta").run(json.loads(scenario.read_text()))
