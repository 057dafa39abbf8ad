"""A rehearsal says what would happen, and touches nothing."""

from __future__ import annotations

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.trigger import Trigger
from scimbridge.errors import NotFoundError
from scimbridge.sdk import Mode
from scimbridge.services.rehearsal import Rehearsing
from scimbridge.services.rehearsal.words import after, notes
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import FEW_ACTIONS, Bench, MemoryTarget, a_rule, a_stage, an_exclusion
from tests.services.test_intake import everything

RULES = Ruleset(
    (a_rule(a_stage("7d"), a_stage("30d", Action.DELETE), match='userType eq "Employee"'),),
    (an_exclusion('title eq "Chief"', "the board decides"),),
)


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    systems = {"crm": MemoryTarget(), "dir": MemoryTarget()}
    return Bench(database, clock, RULES, systems, modes={"dir": Mode.OBSERVE}, actions=FEW_ACTIONS)


@pytest.fixture
def rehearsing(bench: Bench) -> Rehearsing:
    return Rehearsing(bench.database, bench.fleet, RULES)


def test_a_rehearsal_says_what_would_happen_and_when(bench: Bench, rehearsing: Rehearsing) -> None:
    bench.join("ada", userType="Employee")
    bench.run()

    (found,) = rehearsing.rehearse("ADA", Trigger.DEACTIVATED, bench.clock())

    said = [(task.action, task.target, task.due_at) for stage in found.stages for task in stage.tasks]
    assert said == [
        (action, target, bench.at(after))
        for action, after in ((Action.SUSPEND, "7d"), (Action.DELETE, "30d"))
        for target in ("crm", "dir")
    ]
    assert (found.rule, found.excluded) == ("leavers", None)
    planned = [task for stage in found.stages for task in stage.tasks]
    assert {task.target: (task.account, task.observed) for task in planned} == {
        "crm": ("ada", False),
        "dir": ("ada", True),
    }
    assert [(task.action, task.target) for task in planned if task.takes_snapshot] == [(Action.SUSPEND, "crm")]


def test_what_nobody_uses_is_rehearsed_where_a_target_says_what_that_is(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, RULES, actions=FEW_ACTIONS, stale_after="90d")
    bench.join("ada", userType="Employee")
    fleets = (bench.fleet, Bench(database, clock, RULES, actions=FEW_ACTIONS).fleet)

    found = [Rehearsing(database, fleet, RULES).rehearse("ada", Trigger.STALE, bench.clock())[0] for fleet in fleets]

    assert [[task.target for stage in each.stages for task in stage.tasks] for each in found] == [["crm", "crm"], []]
    asked = "Before each of them, the target is asked whether somebody has signed in since; then it is called off."
    assert [list(after(each)) for each in found] == [[asked], []]


def test_a_rehearsal_says_who_would_be_spared(bench: Bench, rehearsing: Rehearsing) -> None:
    bench.join("ada", userType="Employee", title="Chief")
    bench.join("bob", userType="Employee")
    bench.holding.exclude(an_exclusion('userName eq "bob"', "needed"), by="ops", now=bench.clock())

    said = [rehearsing.rehearse(name, Trigger.DELETED, bench.clock())[0].excluded for name in ("ada", "bob")]

    assert said == ["the board decides", "needed"]


def test_a_rehearsal_says_that_no_rule_matches(bench: Bench, rehearsing: Rehearsing) -> None:
    bench.join("ada", userType="Contractor")

    (found,) = rehearsing.rehearse("ada", Trigger.DELETED, bench.clock())

    assert (found.rule, found.excluded, found.stages) == (None, None, ())


def test_a_name_that_two_sources_know_is_rehearsed_twice(bench: Bench, rehearsing: Rehearsing) -> None:
    bench.join("ada", userType="Employee")
    bench.join("ada", source="hr", everywhere=False)

    assert len(rehearsing.rehearse("ada", Trigger.DELETED, bench.clock())) == 2


def test_an_unknown_name_is_said_to_be_unknown(bench: Bench, rehearsing: Rehearsing) -> None:
    gone = bench.join("gone")
    bench.delete(gone)

    for name in ("nobody", "gone"):
        with pytest.raises(NotFoundError):
            rehearsing.rehearse(name, Trigger.DELETED, bench.clock())


def test_a_rehearsal_touches_nothing(bench: Bench, rehearsing: Rehearsing) -> None:
    ada = bench.join("ada", userType="Employee")
    bench.join("bob", userType="Employee", title="Chief")
    bench.run()
    bench.leave(ada)
    before = everything(bench)
    messages = list(bench.wakeups)

    for name in ("ada", "bob"):
        for trigger in Trigger:
            rehearsing.rehearse(name, trigger, bench.clock.advance("1d"))

    assert everything(bench) == before
    assert bench.wakeups == messages
    assert bench.systems["crm"].writes == []


def test_until_when_a_deletion_can_be_taken_back_is_said_where_the_target_keeps_accounts(
    database: Database, clock: FakeClock
) -> None:
    bench = Bench(database, clock, RULES)
    bench.join("ada", userType="Employee")

    (found,) = Rehearsing(database, bench.fleet, RULES).rehearse("ada", Trigger.DEACTIVATED, clock())

    said = {task.action: list(notes(stage, task)) for stage in found.stages for task in stage.tasks}
    assert [note for note in said[Action.DELETE] if "back" in note] == [
        f"can be brought back until {bench.at('60d'):%Y-%m-%d %H:%M} UTC"
    ]
    assert not any("back" in note for note in said[Action.SUSPEND])
