"""The report: the numbers of the board and the charts, as text and as JSON."""

from __future__ import annotations

from tests.cli.conftest import Terminal
from tests.services.bench import Bench


def test_where_everything_stands_and_what_is_ahead(bench: Bench, terminal: Terminal) -> None:
    bench.leave(bench.join("ada"))
    bench.run("7d")
    bench.leave(bench.join("bob"))
    bench.clock.advance("5m")

    said = terminal.run("report", "status").stdout
    assert "2 people began to leave: 2 deactivated." in said
    assert "crm     suspend  1" in said
    assert "cannot be undone" in said

    told = terminal.read("report", "status", "--days", "3")
    assert told["cases"]["grace"] == 2
    assert sum(told["leavers"]["deactivated"].values()) == 1
    assert sum(day["irreversible"] for day in told["ahead"]) > 0
    assert [each["action"] for each in told["time_to_revoke"]] == ["suspend"]


def test_where_nothing_has_happened_it_says_so(bench: Bench, terminal: Terminal) -> None:
    said = terminal.run("report", "status").stdout

    assert "0 people began to leave." in said
    assert "The coming 90 days: 0 tasks fall due" in said


def test_who_left_is_listed_with_how_far_it_is(bench: Bench, terminal: Terminal) -> None:
    bench.leave(bench.join("=ada"))
    bench.run("7d")

    said = terminal.run("report", "leavers").stdout
    (told,) = terminal.read("report", "leavers", "--source", "idp")
    csv = terminal.run("report", "leavers", "--csv").stdout

    assert "=ada" in said
    assert "1 of 2" in said
    assert (told["trigger"], told["state"], told["late"]) == ("deactivated", "open", 0)
    assert [(stage["number"], stage["finished"], stage["tasks"]) for stage in told["stages"]] == [(1, 2, 2), (2, 0, 2)]
    assert told["stages"][0]["finished_at"] == told["revoked_at"]
    assert told["time_to_revoke_seconds"] >= 0
    assert ",'=ada,idp,deactivated," in csv
    assert terminal.read("report", "leavers", "--until", "2020-01-01", "--since", "2019-01-01") == []
