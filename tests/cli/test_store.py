"""The store: made when asked for, and plain sentences when it is not as it should be."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from typer.testing import CliRunner

from scimbridge.cli.app import app
from tests.cli.conftest import Terminal


def database(terminal: Terminal) -> Path:
    return terminal.config.parent / "data" / "bridge.db"


def test_without_a_store_reading_says_what_to_run_and_makes_none(terminal: Terminal) -> None:
    result = terminal.run("cases", "list", code=1)

    assert "run `scimbridge up` or `scimbridge db upgrade`" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not database(terminal).exists()


def test_upgrade_makes_the_store_and_twice_changes_nothing(terminal: Terminal) -> None:
    terminal.run("db", "upgrade")
    terminal.run("db", "upgrade")

    assert terminal.run("cases", "list").stdout == "No open cases.\n"


def test_another_version_of_the_schema_is_not_touched(terminal: Terminal) -> None:
    terminal.run("db", "upgrade")
    with sqlite3.connect(database(terminal)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'other'")
    connection.close()

    for command in (("cases", "list"), ("token", "create", "okta")):
        assert "run `scimbridge db upgrade`" in terminal.run(*command, code=1).stderr


def test_a_store_that_cannot_be_opened_is_told_in_one_sentence(terminal: Terminal) -> None:
    database(terminal).mkdir(parents=True)

    result = terminal.run("cases", "list", code=1)

    assert result.stderr == (
        "Error: the database cannot be used: unable to open database file (`scimbridge check` shows what is wrong)\n"
    )


def test_where_an_error_came_from_is_shown_when_debugging(terminal: Terminal) -> None:
    result = CliRunner().invoke(app, ["cases", "list", "--log-level", "debug"])

    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert result.stdout == ""
    assert terminal.config.exists()
