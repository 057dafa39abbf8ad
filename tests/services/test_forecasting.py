"""By when work will be done, and what is late: on both stores."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.hold import Scope
from scimbridge.domain.rule import Rule, Ruleset, Terms
from scimbridge.domain.task import TaskState
from scimbridge.sdk import RetryableError
from scimbridge.services.forecasting import Forecast
from scimbridge.services.story import Stories
from scimbridge.services.timing import Timing
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import Bench, a_rule, a_stage

FIVE_MINUTES = timedelta(minutes=5)
TIMING = Timing(deadlines={Action.SUSPEND: FIVE_MINUTES, Action.DELETE: FIVE_MINUTES})


def a_bench(database: Database, clock: FakeClock, *rules: Rule, **settings: Any) -> Bench:
    return Bench(database, clock, Ruleset(rules or (a_rule(),)), timing=TIMING, **settings)


def forecast(bench: Bench, user: str, action: Action = Action.SUSPEND) -> Forecast:
    story = Stories(bench.database, bench.fleet).of(bench.case(user).id, bench.clock())
    (task,) = (task for task in story.tasks if task.action is action)
    return story.forecasts[task.id]


def test_what_is_planned_is_done_when_it_is_due(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_rule(a_stage("1d")))
    ada = bench.join("ada")

    bench.leave(ada)

    found = forecast(bench, ada)
    assert found == Forecast(bench.at("1d"), bench.at("1d") + FIVE_MINUTES)
    assert found.late_by == timedelta()


def test_what_is_tried_again_says_how_late_it_will_be_before_it_is(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    ada = bench.join("ada")
    bench.leave(ada)
    bench.fail(RetryableError("503", retry_after=timedelta(minutes=20)))

    bench.work()

    found = forecast(bench, ada)
    assert found.at == bench.at("20m")
    assert found.late_by == timedelta(minutes=15)


def test_a_place_in_a_queue_takes_as_long_as_the_target_is_slow(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    for name in ("a", "b", "c"):  # three in fifteen minutes
        bench.leave(bench.join(name))
        bench.work()
    clock.advance("1m")
    first = bench.join("first")
    last = bench.join("last")
    bench.leave(first)
    clock.advance("1s")
    bench.leave(last)

    assert forecast(bench, first).at == clock.now
    assert forecast(bench, last).at == clock.now + timedelta(minutes=10)


def test_nobody_can_tell_where_a_target_does_nothing(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    first, last = bench.join("first"), bench.join("last")
    bench.leave(first)
    clock.advance("1s")
    bench.leave(last)

    assert forecast(bench, last) == Forecast(None, clock.now + FIVE_MINUTES)


@pytest.mark.parametrize("why", ["held", "unapproved"])
def test_nobody_can_tell_when_people_decide(database: Database, clock: FakeClock, why: str) -> None:
    deleting = replace(a_stage("1d", Action.DELETE), terms=Terms(approvers=1 if why == "unapproved" else 0))
    bench = a_bench(database, clock, a_rule(a_stage(), deleting))
    ada = bench.join("ada")
    bench.leave(ada)
    if why == "held":
        bench.holding.place(Scope.IDENTITY, ada, reason="wait", by="ops", now=clock())

    assert forecast(bench, ada, Action.DELETE).at is None


def test_what_comes_after_something_on_an_account_is_not_done_before_it(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_rule(a_stage(), a_stage("1m", Action.DELETE)))
    ada = bench.join("ada")
    bench.leave(ada)
    bench.fail(RetryableError("503", retry_after=timedelta(minutes=20)))
    bench.work()

    assert forecast(bench, ada, Action.DELETE).at == bench.at("20m")


# -- what is late


def late(bench: Bench) -> int:
    return bench.deadlines.run(bench.clock())


def test_what_is_late_is_noted_once(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    ada = bench.join("ada")
    bench.leave(ada)

    clock.advance(FIVE_MINUTES - timedelta(microseconds=1))
    assert late(bench) == 0
    clock.advance(timedelta(microseconds=1))

    assert [late(bench), late(bench)] == [1, 0]
    assert bench.events(bench.case(ada)).count("deadline missed") == 1


def test_what_waits_for_an_approval_is_not_late_and_then_has_its_time(database: Database, clock: FakeClock) -> None:
    stage = replace(a_stage(), terms=Terms(approvers=1))
    bench = a_bench(database, clock, a_rule(stage))
    ada = bench.join("ada")
    bench.leave(ada)
    clock.advance("10d")
    assert late(bench) == 0

    bench.approving.approve(bench.approving.propose(bench.case(ada).id, 1, clock()), by="eve", now=clock())
    assert late(bench) == 0
    clock.advance(FIVE_MINUTES)

    assert late(bench) == 1


def test_what_waits_for_the_stage_before_is_not_late(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_rule(a_stage(), a_stage("1d", Action.DELETE)))
    ada = bench.join("ada")
    bench.leave(ada)
    bench.fail(*(RetryableError("503", retry_after=timedelta(days=3)) for _ in range(1)))
    bench.work()
    clock.advance("2d")

    assert late(bench) == 1  # the suspension alone
    assert next(task.state for task in bench.tasks(bench.case(ada))) is TaskState.WAITING


def test_another_hold_that_was_lifted_gives_no_more_time(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    ada, bob = bench.join("ada"), bench.join("bob")
    hold = bench.holding.place(Scope.IDENTITY, bob, reason="wait", by="ops", now=clock()).hold
    bench.leave(ada)
    clock.advance("10m")
    bench.holding.lift(hold.id, by="ops", now=clock())

    assert late(bench) == 1
