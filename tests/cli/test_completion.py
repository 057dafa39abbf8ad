"""What a shell is told when somebody presses the tab key."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from scimbridge.cli.app import app


@pytest.fixture(autouse=True)
def _configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scimbridge.toml").write_text("[sources.okta]\n[targets.crm]\n[targets.directory]\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SCIMBRIDGE_CONFIG", raising=False)


def offered(line: str) -> list[str]:
    """Return what bash is told to offer for the last word of a line."""
    words = line.split(" ")
    typed = {"_SCIMBRIDGE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    return CliRunner().invoke(app, [], env=typed, prog_name="scimbridge").stdout.split()


def test_commands_are_offered() -> None:
    assert offered("scimbridge ca") == ["cases"]
    assert "expedite" in offered("scimbridge cases ")


def test_options_and_their_values_are_offered() -> None:
    assert offered("scimbridge cases list --jso") == ["--json"]
    assert "deactivated" in offered("scimbridge cases list --trigger ")


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("scimbridge targets pause ", ["crm", "directory"]),
        ("scimbridge targets pause d", ["directory"]),
        ("scimbridge cases list --target ", ["crm", "directory"]),
        ("scimbridge cases list --source ", ["okta"]),
        ("scimbridge token create ", ["okta"]),
    ],
)
def test_names_of_the_configuration_are_offered(line: str, names: list[str]) -> None:
    assert offered(line) == names


def test_the_configuration_that_the_line_names_counts(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("[targets.mail]\n", encoding="utf-8")

    assert offered("scimbridge targets pause --config other.toml ") == ["mail"]


@pytest.mark.parametrize("text", ["targets = 3", "[targets", "\x00"])
def test_a_broken_configuration_offers_nothing_and_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "scimbridge.toml").write_text(text, encoding="utf-8")

    assert offered("scimbridge targets pause ") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script(shell: str) -> None:
    script = CliRunner().invoke(app, [], env={"_SCIMBRIDGE_COMPLETE": f"source_{shell}"}, prog_name="scimbridge").stdout

    assert "_SCIMBRIDGE_COMPLETE=complete_" + shell in script
