"""What holds for every command."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from scimbridge.cli.app import app

ROOT = typer.main.get_command(app)

EXPECTED = {
    *("up", "serve", "worker", "sweeper", "demo", "drill", "check", "plan"),
    *("token create", "token list", "token revoke"),
    *("client create", "client list", "client revoke"),
    *("sources list", "sources show", "sources requests"),
    *("rules list", "rules show", "rules diff", "rules draft", "rules check", "rules replay", "rules activate"),
    "rules discard",
    *("cases list", "cases show", "cases cancel", "cases retry", "cases restore", "tasks link", "tasks done"),
    *("cases approve", "cases expedite", "cases find", "cases unapprove"),
    *(
        "targets list",
        "targets check",
        "targets accounts",
        "targets pause",
        "targets resume",
        "targets arm",
        "targets disarm",
    ),
    *("guard list", "guard show", "guard release", "guard cancel"),
    *("groups stale", "groups stamp", "groups status"),
    *("hold place", "hold lift", "hold list", "exclusion add", "exclusion end", "exclusion list"),
    *("cases request", "cases requested", "cases withdraw", "operator create", "operator list", "operator revoke"),
    *("operator role", "operator password", "operator sign-in", "operator readmit"),
    *("operator token create", "operator token list", "operator token revoke"),
    *("inquiries list", "inquiries confirm", "inquiries dismiss"),
    *("connectors list", "connectors new"),
    *("evidence verify", "evidence export", "evidence key", "reconcile", "erase"),
    *("report status", "report leavers"),
    *("config example", "config check", "config schema", "db upgrade"),
}
CHANGING = {
    *("token create", "token revoke", "client create", "client revoke", "operator create", "operator revoke"),
    *("operator token create", "operator token revoke"),
    *("operator role", "operator password", "operator sign-in", "operator readmit"),
    *("cases restore", "cases withdraw", "cases retry", "cases unapprove", "tasks done"),
    *(
        "targets pause",
        "targets resume",
        "targets arm",
        "targets disarm",
        "hold lift",
        "exclusion add",
        "exclusion end",
    ),
    *("rules discard", "inquiries confirm", "inquiries dismiss", "connectors new", "db upgrade", "evidence export"),
}
"""What changes something, and has nothing to tell that a program would read."""

WRITTEN_OUT = {"config example", "config schema", "evidence key"}
"""What prints a document that a program reads as it is."""

PROCESSES = {"up", "serve", "worker", "sweeper", "demo", "drill"}

NEEDING_NONE = {"demo", "drill", "config example", "config schema", "connectors list", "connectors new"}
"""No configuration."""


def walk(command: Any = ROOT, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, inner in command.commands.items():
        if hasattr(inner, "commands"):
            yield from walk(inner, (*path, name))
        else:
            yield " ".join((*path, name)), inner


COMMANDS = dict(walk())


def test_every_command_is_there_and_no_other() -> None:
    assert set(COMMANDS) == EXPECTED


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_command_says_what_it_does(name: str) -> None:
    result = CliRunner().invoke(app, [*name.split(), "--help"])

    assert result.exit_code == 0
    assert COMMANDS[name].help
    assert not result.stdout.isascii() or "\x1b" not in result.stdout


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_option_says_what_it_does(name: str) -> None:
    assert [one.name for one in COMMANDS[name].params if not one.help] == []


@pytest.mark.parametrize("name", sorted(EXPECTED - CHANGING - WRITTEN_OUT - PROCESSES))
def test_every_command_that_reads_answers_in_json(name: str) -> None:
    assert "--json" in {option for one in COMMANDS[name].params for option in one.opts}


@pytest.mark.parametrize("name", sorted(EXPECTED - NEEDING_NONE))
def test_every_command_that_needs_a_configuration_can_be_told_where_it_is(name: str) -> None:
    assert "--config" in {option for one in COMMANDS[name].params for option in one.opts}


def test_short_help_is_not_cut_at_80_columns() -> None:
    groups = [[], *([name] for name, command in ROOT.commands.items() if hasattr(command, "commands"))]  # type: ignore[attr-defined]

    shown = "".join(CliRunner().invoke(app, [*group, "--help"], terminal_width=80).stdout for group in groups)

    assert "..." not in shown.replace("[ARGS]...", "")


def test_wrong_usage_is_2() -> None:
    assert CliRunner().invoke(app, ["nonsense"]).exit_code == 2
    assert CliRunner().invoke(app, ["cases", "list", "--state", "nonsense"]).exit_code == 2


def test_help_is_plain_ascii_and_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom scimbridge.cli import main\nsys.argv = ['scimbridge', '--help']\n"
        "try:\n    main()\nexcept SystemExit: pass\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & "
        "{'sqlalchemy', 'alembic', 'scim2_models', 'pydantic', 'redis', 'rq', 'prometheus_client', 'jinja2', "
        "'starlette', 'httpx', 'rich'}))"
    )

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert shown.endswith("\n[]\n")
    assert shown.isascii()
    assert "token" in shown


def test_the_version_is_the_installed_one() -> None:
    from importlib.metadata import version

    assert CliRunner().invoke(app, ["--version"]).stdout == f"scimbridge {version('scimbridge')}\n"
