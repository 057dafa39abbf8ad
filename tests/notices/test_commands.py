"""The commands that notices name are taken as they are spelled."""

from __future__ import annotations

import shlex

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
    ],
)
def test_a_command_can_be_pasted(command: str) -> None:
    program, *words = shlex.split(command)

    # With --help behind it, its words are read and nothing is done.
    read = CliRunner().invoke(app, [*words, "--help"])

    assert program == "scimbridge"
    assert read.exit_code == 0
    assert CliRunner().invoke(app, [*words, "--not-an-option", "--help"]).exit_code == 2
