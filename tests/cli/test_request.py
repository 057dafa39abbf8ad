"""``scimbridge cases request``: one person, or a file of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from scimbridge.domain.trigger import Trigger
from tests.cli.conftest import Terminal
from tests.services.bench import Bench

RULE = """
[[rules]]
name = "asked"
when = ["requested"]

  [[rules.stages]]
  after = "0s"
  do = ["suspend"]
"""


@pytest.fixture(autouse=True)
def _rule(config: Path) -> None:
    config.write_text(config.read_text() + RULE)


@pytest.fixture
def ada(bench: Bench) -> str:
    return bench.join("ada")


def a_file(tmp_path: Path, content: str | bytes) -> str:
    path = tmp_path / "leavers.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def test_one_person_is_asked_to_leave(ada: str, bench: Bench, terminal: Terminal) -> None:
    shown = terminal.run("cases", "request", "ada", "--reason", "fired", "--by", "grace")

    case = bench.case(ada)
    assert case.id in shown.stdout
    assert (case.trigger, case.opened_by) == (Trigger.REQUESTED, "grace")


def test_a_file_is_answered_line_by_line(ada: str, bench: Bench, terminal: Terminal, tmp_path: Path) -> None:
    bench.join("bob")
    path = a_file(tmp_path, "\ufeffuserName;reason;Office\r\nada;left;Bonn\r\n\r\nBOB;left;\r\n")

    answer = terminal.read("cases", "request", path)

    assert answer["done"] is True
    assert [(line["line"], line["user_name"], line["outcome"]) for line in answer["lines"]] == [
        (2, "ada", "opened"),
        (4, "bob", "opened"),
    ]
    assert set(answer["lines"][0]) == {
        "line", "person", "outcome", "why", "identity_id", "user_name", "source", "case_id", "due_at",
    }  # fmt: skip
    assert "Office" in terminal.run("cases", "request", path).stderr


def test_one_bad_line_stops_the_file(ada: str, bench: Bench, terminal: Terminal, tmp_path: Path) -> None:
    path = a_file(tmp_path, "userName\nada\nnobody\n")

    shown = terminal.run("cases", "request", path, "--reason", "left", code=1)

    assert "Nothing was done: 1 of 2 lines cannot be" in shown.stderr
    assert "no source knows such a person" in shown.stdout
    assert bench.cases(ada) == []


def test_partial_does_the_rest_and_asks_for_a_person(
    ada: str, bench: Bench, terminal: Terminal, tmp_path: Path
) -> None:
    path = a_file(tmp_path, "userName\nada\nnobody\n")

    shown = terminal.run("cases", "request", path, "--reason", "left", "--partial", code=3)

    assert "1 of 2 lines were not done" in shown.stderr
    assert bench.case(ada).trigger is Trigger.REQUESTED


def test_a_dry_run_touches_nothing(ada: str, bench: Bench, terminal: Terminal) -> None:
    shown = terminal.run("cases", "request", "ada", "--reason", "left", "--dry-run")

    assert "Nothing was done" in shown.stderr
    assert "opened" in shown.stdout
    assert bench.cases(ada) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"Name\nada\n", "has to name the columns"), (b"userName\nzo\xeb\n", "line 2 is not in UTF-8")],
)
def test_a_file_that_cannot_be_read_is_wrong_usage(
    ada: str, terminal: Terminal, tmp_path: Path, content: bytes, message: str
) -> None:
    assert message in terminal.run("cases", "request", a_file(tmp_path, content), "--reason", "x", code=2).stderr


def test_a_file_that_is_not_there_is_wrong_usage(ada: str, terminal: Terminal, tmp_path: Path) -> None:
    missing = str(tmp_path / "none.csv")

    assert "No such file" in terminal.run("cases", "request", missing, "--reason", "x", code=2).stderr


def test_a_later_date_is_listed_and_can_be_withdrawn(ada: str, bench: Bench, terminal: Terminal) -> None:
    assert terminal.run("cases", "requested").stdout == "Nobody is to leave on a later date.\n"
    shown = terminal.run("cases", "request", "ada", "--reason", "retires", "--at", "2099-12-31", "--by", "grace")
    assert "begins at 2100-01-01 00:00 UTC" in shown.stdout

    (row,) = terminal.read("cases", "requested")
    assert (row["user_name"], row["due_at"], row["requested_by"]) == ("ada", "2100-01-01T00:00:00.000Z", "grace")
    assert "retires" in terminal.run("cases", "requested").stdout

    terminal.run("cases", "withdraw", row["id"], "--reason", "stays")
    assert terminal.read("cases", "requested") == []
    assert bench.cases(ada) == []
