"""The configuration: mistakes are all told at once, on standard error, with exit code 2."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from tests.cli.conftest import Terminal

FIVE_MISTAKES = """
[server]
lsten = "127.0.0.1:8085"

[queue]
url = "http://redis"

[targets.crm]
connector = "scmi"

[[rules]]
name = "employees"
when = ["deactivated"]
match = "userType eq"

  [[rules.stages]]
  after = "soon"
  do = ["suspend"]
"""


@pytest.mark.parametrize("command", [("config", "check"), ("up",), ("serve",), ("check",), ("cases", "list")])
def test_five_mistakes_are_five_lines_and_nothing_is_started(terminal: Terminal, command: tuple[str, ...]) -> None:
    terminal.config.write_text(FIVE_MISTAKES)

    result = terminal.run(*command, code=2)

    lines = result.stderr.splitlines()
    assert {line.partition(":")[0] for line in lines[:-1]} == {
        *("server.lsten", "queue.url", "targets.crm.connector", "rules[0].match", "rules[0].stages[0].after")
    }
    assert lines[5:] == ["5 problems; nothing was started"]
    assert result.stdout == ""
    assert not (terminal.config.parent / "data").exists()


def test_mistakes_come_as_json_too(terminal: Terminal) -> None:
    terminal.config.write_text(FIVE_MISTAKES)

    answer = terminal.read("config", "check", code=2)

    assert answer["ok"] is False
    assert len(answer["problems"]) == 5
    assert {key for problem in answer["problems"] for key in problem} == {"path", "message"}


def test_a_good_configuration_is_called_good(terminal: Terminal) -> None:
    assert terminal.run("config", "check").stdout == "The configuration is good: 1 source, 2 targets, 1 rule.\n"
    assert terminal.read("config", "check") == {"ok": True, "problems": [], "warnings": []}


def test_warnings_go_to_standard_error(terminal: Terminal) -> None:
    terminal.config.write_text(terminal.config.read_text().replace('{ env = "CRM_TOKEN" }', '"s3cret"', 1))

    result = terminal.run("config", "check")

    assert "warning: targets.crm.token: holds a secret in the file itself" in result.stderr
    assert "warning" not in result.stdout
    assert "s3cret" not in result.stderr


def test_a_file_that_is_not_there_is_wrong_usage(terminal: Terminal) -> None:
    result = terminal.run("config", "check", "--config", "nope.toml", code=2)

    assert result.stderr == "nope.toml: cannot be read: No such file or directory\n1 problem; nothing was started\n"


def test_the_file_can_be_named_by_the_environment(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    terminal.config.rename(tmp_path / "elsewhere.toml")
    monkeypatch.setenv("SCIMBRIDGE_CONFIG", str(tmp_path / "elsewhere.toml"))

    terminal.run("config", "check")


def test_the_example_is_toml_and_the_schema_is_json(empty_folder: Path) -> None:
    terminal = Terminal(empty_folder)

    assert "targets" in tomllib.loads(terminal.run("config", "example").stdout)
    assert json.loads(terminal.run("config", "schema").stdout)["title"] == "scimbridge.toml"


def test_separate_processes_are_refused_the_embedded_queue(terminal: Terminal) -> None:
    for process in ("serve", "worker", "sweeper"):
        assert terminal.run(process, code=2).stderr.startswith("queue.url: ")
