"""Floods at the command line."""

from __future__ import annotations

import pytest

from scimbridge.bridge import Bridge
from scimbridge.config import load
from scimbridge.domain.action import GuardClass
from scimbridge.domain.case import CaseState
from scimbridge.domain.hold import Scope
from scimbridge.domain.rule import Ruleset
from scimbridge.services import flooding
from scimbridge.services.guarding import Guarding
from tests.cli.conftest import Terminal
from tests.clock import FakeClock
from tests.services.bench import Bench, MemoryTarget, a_rule, a_stage
from tests.services.flooded import a_guard, a_limit, leave_all, people, the_flood

WHY = ("--reason", "payroll import", "--yes")


@pytest.fixture
def flooded(bench: Bench, clock: FakeClock) -> Bench:
    """Two people were suspended at once; four more are held."""
    return Bench(
        bench.database,
        clock,
        Ruleset((a_rule(a_stage(), name="employees"),)),
        {"crm": MemoryTarget(), "directory": MemoryTarget()},
        guard=a_guard(a_limit(2)),
    )


@pytest.fixture
def everyone(flooded: Bench) -> list[str]:
    found = people(flooded, 6)
    leave_all(flooded, found[:2])
    flooded.run()
    leave_all(flooded, found[2:])
    return found


def test_without_a_flood_there_is_nothing_to_decide(bench: Bench, terminal: Terminal) -> None:
    assert bench.wakeups == []

    assert terminal.run("guard", "list").stdout == "The guard holds nothing.\n"
    assert terminal.read("guard", "list") == []
    assert terminal.run("guard", "list", "--decided").stdout == "Nobody has decided about a flood yet.\n"
    assert terminal.run("guard", "show", "nope", code=1).stderr == (
        "Error: no flood 'nope' (`scimbridge guard list` shows what there is)\n"
    )


@pytest.mark.usefixtures("everyone")
def test_a_flood_is_listed_and_needs_a_person(flooded: Bench, terminal: Terminal) -> None:
    flood = the_flood(flooded)

    (listed,) = terminal.read("guard", "list", code=3)

    assert (listed["id"], listed["scope"], listed["subject"], listed["class"]) == (flood.id, "overall", None, "all")
    assert (listed["cases"], listed["held"], listed["started"], listed["decision"]) == (6, 4, 2, None)
    assert flood.id in terminal.run("guard", "list", code=3).stdout


@pytest.mark.usefixtures("everyone")
def test_a_flood_is_told_with_whom_it_holds_and_what_had_started(flooded: Bench, terminal: Terminal) -> None:
    flood = the_flood(flooded)

    said = terminal.run("guard", "show", flood.id, code=3).stdout
    shown = terminal.read("guard", "show", flood.id, code=3)

    assert "6 cases belong to it; it holds 4, and 2 had started." in said
    assert "suspend at crm: done; suspend at directory: done" in said
    assert f"`scimbridge guard release {flood.id} --reason TEXT`" in said
    assert {each["user_name"] for each in shown["holds"]} == {"p2", "p3", "p4", "p5"}
    assert {each["user_name"] for each in shown["tasks_started"]} == {"p0", "p1"}


def test_a_held_case_says_so_and_what_lets_it_go_on(flooded: Bench, terminal: Terminal, everyone: list[str]) -> None:
    flood, case = the_flood(flooded), flooded.case(everyone[5])

    said = terminal.run("cases", "show", case.id).stdout

    assert f"It is held by the guard since 2026-03-02 09:00 UTC: {flood.reason}." in said
    assert f"`scimbridge guard release {flood.id}` lets all of the flood go on" in said


def test_a_flood_is_one_line_among_the_holds(flooded: Bench, terminal: Terminal, everyone: list[str]) -> None:
    flooded.holding.place(Scope.IDENTITY, everyone[0], reason="audit", by="ops", now=flooded.clock())
    flood = the_flood(flooded)

    listed = terminal.read("hold", "list")

    assert [(each["scope"], each["id"]) for each in listed[1:]] == [("flood", flood.id)]
    assert len(terminal.run("hold", "list").stdout.splitlines()) == 3


def test_a_released_flood_goes_on(flooded: Bench, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flooding, "RELEASED_AT_ONCE", 4)
    leave_all(flooded, people(flooded, 6))
    flood = the_flood(flooded)

    result = terminal.run("guard", "release", flood.id, *WHY)
    flooded.run()

    assert result.stdout == f"Released flood {flood.id}: 6 cases. What is due is let go by the next sweep.\n"
    assert result.stderr == "2 cases left\n"
    assert len(flooded.systems["crm"].writes) == 6
    terminal.run("guard", "list")
    (decided,) = terminal.read("guard", "list", "--decided")
    assert (decided["decision"], decided["closed_by"], decided["closing_reason"]) == (
        *("released", "olga", "payroll import"),
    )


def test_a_canceled_flood_takes_nothing_more(flooded: Bench, terminal: Terminal, everyone: list[str]) -> None:
    flood = the_flood(flooded)

    said = terminal.run("guard", "cancel", flood.id, *WHY).stdout
    flooded.run()

    assert said == f"Canceled flood {flood.id}.\nWhat 2 cases had begun stays as it is.\n"
    assert flooded.case(everyone[5]).state is CaseState.CANCELED
    assert flooded.systems["crm"].is_suspended("p0")
    terminal.run("guard", "release", flood.id, *WHY, code=1)


@pytest.mark.usefixtures("everyone")
def test_a_canceled_flood_gives_back_what_it_had_taken(flooded: Bench, terminal: Terminal) -> None:
    flood = the_flood(flooded)

    canceled = terminal.read("guard", "cancel", flood.id, "--restore", *WHY)
    flooded.run()

    assert (canceled["decision"], canceled["gives_back"], canceled["held"]) == ("canceled", True, 0)
    assert not flooded.systems["crm"].is_suspended("p0")


@pytest.mark.usefixtures("everyone")
def test_nothing_is_decided_without_a_yes(flooded: Bench, terminal: Terminal) -> None:
    flood = the_flood(flooded)

    for command in ("release", "cancel"):
        terminal.run("guard", command, flood.id, "--reason", "x", code=2)

    assert the_flood(flooded) == flood


def test_the_default_guard_stands_without_a_table(terminal: Terminal, bench: Bench) -> None:
    assert bench.wakeups == []
    limits = load(terminal.config).guard
    limit, of_groups = limits.limits

    assert (of_groups.guard_class, of_groups.count) == (GuardClass.GROUPS, 50)
    assert (limit.count, limit.percent, limit.window.total_seconds(), limits.floor(limit)) == (100, 20, 86400, 50)
    assert isinstance(Bridge(load(terminal.config)).planner._guarding, Guarding)
