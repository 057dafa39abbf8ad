"""The drill as a user runs it: ``scimbridge drill``, without any configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.processes import started
from tests.processes.installation import short_folder

pytestmark = pytest.mark.journey


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


def test_the_bridge_survives_and_the_drill_says_so_and_leaves_nothing_behind(folder: Path) -> None:
    with started("drill", "--people", "28", "--seed", "7", "--json", TMPDIR=str(folder), TERM="dumb") as drill:
        code = drill.end()
        assert drill.processes() == []
    assert code == 0, drill.output
    told, _, rest = drill.output.partition("\n{")
    document = json.loads("{" + rest)

    assert "kill -9 of the worker" in told
    assert list(folder.iterdir()) == []
    assert (document["kept"], document["seed"]) == (True, 7)
    assert [promise["kept"] for promise in document["promises"]] == [True] * 5
    blows = {blow["broken"]: blow for blow in document["blows"]}
    assert all((blow["people"], blow["leavers"]) == (7, 4) for blow in blows.values())
    assert blows["429 storm"]["answered_429"] >= 14
    assert blows["Redis flushed"]["messages_lost"] >= 1
    killed = blows["worker killed"]
    assert killed["attempts_cut_off"] == killed["attempts_taken_up"] >= 1
    assert killed["shut_out_after"]["longest"] >= killed["last_taken_up_after"] > 0
    assert blows["directory dead"]["put_off"] >= 1


def test_ctrl_c_ends_the_drill_quietly(folder: Path) -> None:
    with started("drill", TMPDIR=str(folder)) as drill:
        drill.read_until("people and their")
        drill.interrupt()

        code = drill.end()

        assert code == 130, drill.output
        assert drill.processes() == []
        assert "Traceback" not in drill.output
        assert list(folder.iterdir()) == []
