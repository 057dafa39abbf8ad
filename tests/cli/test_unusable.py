"""A target whose connector cannot be used: commands say so, and go on with the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Terminal
from tests.packages import FITS, install
from tests.services.bench import Bench

DESK = """
[targets.desk]
connector = "desk"
mode = "enforce"
granted_by = ["Desk"]
base_url = "https://desk.example.com/api"
"""
NEWER = "written for contract 9, and this scimbridge knows 1; upgrade scimbridge"
BREAKS = """
    @classmethod
    def able(cls, config):
        raise LookupError("secret")
"""
BREAKS_LATER = """
    @classmethod
    def lacks(cls, config, actions):
        raise LookupError("secret")
"""


@pytest.fixture
def desk(site: Path, terminal: Terminal) -> Terminal:
    """A terminal where a connector of another contract is configured beside two good ones."""
    install(site, "scimbridge-desk", FITS.replace("contract = 1", "contract = 9"))
    terminal.config.write_text(terminal.config.read_text() + DESK)
    return terminal


def test_a_check_of_the_configuration_fails(desk: Terminal) -> None:
    said = desk.run("config", "check", code=2).stderr.splitlines()

    assert len([line for line in said if line.startswith("targets.desk.connector: ") and line.endswith(NEWER)]) == 1
    answer = desk.read("config", "check", code=2)
    assert [problem["path"] for problem in answer["problems"]] == ["targets.desk.connector"]


def test_a_check_of_everything_names_it_and_asks_the_others(bench: Bench, desk: Terminal) -> None:
    assert bench.wakeups == []

    found = {each["name"]: each for each in desk.read("check", code=1)["checks"]}

    assert found["targets.desk"]["message"].endswith(NEWER)
    assert "start scimbridge again" in found["targets.desk"]["next_step"]
    assert "cannot be used" not in found["targets.crm"]["message"]
    assert found["targets.desk.connector"]["verdict"] == "warning"


def test_lists_show_it_and_other_commands_work(bench: Bench, desk: Terminal) -> None:
    ada = bench.join("ada")
    bench.leave(ada)

    shown = {each["name"]: each["unusable"] for each in desk.read("targets", "list")}
    (plan,) = desk.read("plan", "ada")

    assert shown["crm"] is None
    assert shown["desk"].endswith(NEWER)
    assert "cannot be used" in desk.run("targets", "list").stdout
    assert "warning: targets.desk.connector: " in desk.run("cases", "list").stderr
    assert plan["unusable"]["desk"].endswith(NEWER)
    assert desk.run("targets", "accounts", "desk", code=1).stderr.count(NEWER) == 2  # once as a warning


@pytest.mark.parametrize("source", [BREAKS, BREAKS_LATER])
def test_code_that_breaks_while_the_table_is_read_stops_no_other(site: Path, terminal: Terminal, source: str) -> None:
    fits = FITS.replace("config_type = TargetConfig", "config_type = DeskConfig")
    config = "\n\nclass DeskConfig(TargetConfig):\n    base_url: str\n"
    install(site, "scimbridge-desk", fits.replace("TargetConfig\n", f"TargetConfig\n{config}", 1) + source)
    terminal.config.write_text(terminal.config.read_text() + DESK)

    said = terminal.run("config", "check", code=2).stderr

    assert 'the connector "desk" broke while its table was read (LookupError); ask whoever made it' in said
    assert "secret" not in said


def test_what_all_targets_have_is_still_checked(desk: Terminal) -> None:
    desk.config.write_text(desk.config.read_text() + 'concurrency = "many"\n')

    said = desk.run("cases", "list", code=2).stderr

    assert "targets.desk.concurrency: " in said
