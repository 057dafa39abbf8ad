"""Plans: what would happen to whom and when."""

from __future__ import annotations

import re

from tests.cli.conftest import Terminal
from tests.services.bench import Bench


def test_a_plan_shows_what_when_where_and_the_point_of_no_return(bench: Bench, terminal: Terminal) -> None:
    bench.join("ada@example.com")
    bench.run()

    lines = terminal.run("plan", "ada@example.com").stdout.splitlines()

    assert lines[:3] == [
        "ada@example.com (source idp), deactivated now:",
        "  rule      employees",
        "  excluded  no",
    ]
    table = "\n".join(lines[4:])
    assert re.search(
        r"2026-03-09 09:00 UTC \(in 7d\)  +suspend  crm +ada@example.com\n"
        r"2026-03-09 09:00 UTC \(in 7d\)  +suspend  directory \(observe\)  ada@example.com\n"
        r"-- point of no return --\n"
        r"2026-05-31 09:00 UTC \(in 90d\)  delete   crm",
        table,
    )
    assert table.count("point of no return") == 1
    assert "read, never written" in table


def test_a_plan_touches_nothing(bench: Bench, terminal: Terminal) -> None:
    user = bench.join("ada@example.com")

    terminal.run("plan", "ADA@example.com")

    assert bench.cases(user) == []
    assert bench.facts(user) == []


def test_an_account_that_is_not_linked_yet_is_said_to_be_so(bench: Bench, terminal: Terminal) -> None:
    bench.join("ada@example.com")

    assert "not linked yet" in terminal.run("plan", "ada@example.com").stdout


def test_somebody_excluded_is_shown_with_the_reason_and_no_stage(bench: Bench, terminal: Terminal) -> None:
    bench.join("robot", userType="Service")

    shown = terminal.run("plan", "robot").stdout
    (answer,) = terminal.read("plan", "robot")

    assert "excluded  yes: owned by platform; nothing is touched" in shown
    assert "suspend" not in shown
    assert (answer["excluded"], answer["stages"]) == ("owned by platform", [])


def test_without_a_rule_nothing_would_happen(bench: Bench, terminal: Terminal) -> None:
    bench.join("ada@example.com")
    terminal.config.write_text(terminal.config.read_text().replace('"deactivated", "deleted"', '"deleted"'))

    assert "none matches" in terminal.run("plan", "ada@example.com").stdout
    assert "employees" in terminal.run("plan", "ada@example.com", "--trigger", "deleted").stdout


def test_everybody_of_the_name_is_planned_in_every_source(bench: Bench, terminal: Terminal) -> None:
    bench.join("ada@example.com")
    bench.join("ada@example.com", source="other", everywhere=False)

    assert [one["source"] for one in terminal.read("plan", "ada@example.com")] == ["idp", "other"]


def test_a_plan_as_json_has_stable_keys(bench: Bench, terminal: Terminal) -> None:
    bench.join("ada@example.com")
    bench.run()

    (answer,) = terminal.read("plan", "ada@example.com")

    assert set(answer) == {
        *("identity_id", "user_name", "source", "active", "trigger", "rule", "excluded", "stages"),
    }
    assert [(stage["after_seconds"], stage["due_at"]) for stage in answer["stages"]] == [
        (604800.0, "2026-03-09T09:00:00.000Z"),
        (7776000.0, "2026-05-31T09:00:00.000Z"),
    ]
    assert answer["stages"][1]["tasks"][1] == {
        "target": "directory",
        "action": "delete",
        "irreversible": True,
        "account": "ada@example.com",
        "observe": True,
    }


def test_somebody_unknown_is_a_failure(bench: Bench, terminal: Terminal) -> None:
    assert bench.wakeups == []
    assert terminal.run("plan", "nobody", code=1).stderr == "Error: no identity with userName 'nobody'\n"


def test_a_file_of_leavers_is_refused_until_it_can_be_planned(terminal: Terminal) -> None:
    assert "later version" in terminal.run("plan", "leavers.CSV", code=2).stderr
