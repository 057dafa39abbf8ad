"""The commands that notices name are taken as they are spelled."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scimbridge.cli.app import app
from scimbridge.notices import commands

ID = "0193753c-5e00-7b6c-8d20-1f0a5c3b9e11"


@pytest.mark.parametrize(
    "command",
    [
        commands.hold_case(ID),
        commands.cancel_case(ID),
        commands.show_case(ID),
        commands.check_target("crm"),
        commands.resume_target("crm"),
        commands.release_flood(ID),
        commands.cancel_flood(ID),
        commands.compare_rules(4, 3),
        commands.draft_rules_of(3),
        commands.check(),
    ],
)
def test_a_command_can_be_pasted(command: str, tmp_path: Path) -> None:
    program, *words = shlex.split(command)
    nowhere = ["--config", str(tmp_path / "none.toml")]
    # Whoever pastes it is asked; nobody is here.
    sure = ["--yes"] if words[:2] == ["cases", "cancel"] else []

    read = CliRunner().invoke(app, [*words, *sure, *nowhere])

    # All of it is understood; then there is no configuration.
    assert program == "scimbridge"
    assert "none.toml: cannot be read" in read.output
    assert "cannot be read" not in CliRunner().invoke(app, [*words, "--not-an-option", *nowhere]).output
