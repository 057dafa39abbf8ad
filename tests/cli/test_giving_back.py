"""`scimbridge cases restore`: who gets what back, and what is refused."""

from __future__ import annotations

from tests.cli.conftest import Terminal
from tests.cli.test_cases import a_leaver
from tests.services.bench import Bench


def test_what_a_case_has_taken_is_given_back(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)
    bench.run("7d")
    said = terminal.run("cases", "restore", case, "--reason", "a mistake", "--by", "eve").stdout

    assert "gives back:\n" in said
    assert "  restore at crm\n" in said
    assert "tells how far it is" in said


def test_an_unknown_target_is_named(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)

    said = terminal.run("cases", "restore", case, "--reason", "a mistake", "--target", "nowhere", code=1).stderr

    assert "nowhere" in said


def test_a_case_that_took_nothing_is_left_as_it_is(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)

    said = terminal.run("cases", "restore", case, "--reason", "a mistake", code=1).stderr

    assert "has taken nothing that it could give back" in said
    assert [one["id"] for one in terminal.read("cases", "list")] == [case]
