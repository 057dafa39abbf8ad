"""What to know before work is let go."""

from __future__ import annotations

import re

from scimbridge.cli.preflight import check_plans
from scimbridge.config import load
from tests.cli.conftest import Terminal
from tests.clock import FakeClock

MORE = """
[targets.sample]
connector = "sample"
file = "sample.db"

[[rules]]
name = "careful"
when = ["ended"]

  [[rules.stages]]
  after = "0s"
  do = ["suspend", "stamp"]
  schedule = "0 22 * * 1-5"

[[freeze]]
from = "2026-03-01"
until = "2026-03-08"
reason = "year end"

[[freeze]]
from = "2026-06-01"
until = "2026-06-08"
reason = "audit"

[guard]
suspend = { count = 50, percent = 5, window = "1h" }
"""


def findings(terminal: Terminal, clock: FakeClock) -> list[str]:
    settings = load(terminal.config)
    found = check_plans(settings, settings.ruleset.rules, clock())
    return [f"{one.verdict} {one.name}: {one.message}" for one in found]


def test_what_a_target_cannot_do_and_when_a_schedule_is_next_is_said(terminal: Terminal, clock: FakeClock) -> None:
    terminal.config.write_text(terminal.config.read_text() + MORE)

    said = findings(terminal, clock)

    assert said[0] == ("warning rules.careful.stage 1: stamp is left out at crm, directory: the connector cannot do it")
    assert said[1] == 'ok rules.careful.stage 1: schedule "0 22 * * 1-5" (UTC): next at 2026-03-02 22:00 UTC (in 13h)'


def test_freezes_that_stand_or_come_and_the_limits_of_the_guard_are_said(terminal: Terminal, clock: FakeClock) -> None:
    terminal.config.write_text(terminal.config.read_text() + MORE)

    said = findings(terminal, clock)

    assert said[2:4] == [
        "warning freeze: stands until 2026-03-09 00:00 UTC: year end; what cannot be undone waits for its end",
        "ok freeze: begins 2026-06-01 00:00 UTC: audit; what cannot be undone waits for its end",
    ]
    assert re.fullmatch(r"ok guard: .*suspend at all sources and targets: 50 or 5% within 1h.*", said[4])


def test_check_says_them_too(terminal: Terminal) -> None:
    assert (
        "ok       guard: all at all sources and targets: 100 or 20% within 1d" in terminal.run("check", code=1).stdout
    )


def test_contradictions_and_an_unset_container_are_refused_with_the_reason(terminal: Terminal) -> None:
    bad = """
[targets.sample]
connector = "sample"
file = "sample.db"

[[rules]]
name = "wrong"
when = ["ended"]

  [[rules.stages]]
  after = "7d"
  do = ["delete"]

  [[rules.stages]]
  after = "9d"
  do = ["suspend", "move"]
"""
    terminal.config.write_text(terminal.config.read_text() + bad)

    said = terminal.run("config", "check", code=2).stderr

    assert re.search(r'rules\[1\]\.stages\[1\]\.do: "suspend" comes after "delete"', said)
    assert "targets.sample.leavers_container: is missing, and a rule moves accounts there" in said
    assert "problem" in said.splitlines()[-1]
