"""Schedules, windows, freezes and dates that were moved in a target, on both stores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.rule import Rule, Ruleset, Stage, Terms
from scimbridge.domain.schedule import Freeze
from scimbridge.domain.task import Task, TaskState
from scimbridge.domain.trigger import Trigger
from scimbridge.sdk import AccountState, RetryableError
from scimbridge.services.timing import Timing
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import FEW_ACTIONS, Bench, MemoryConnector, a_rule, a_stage

NIGHT = "0 22 * * *"
"""The clock stands at 2026-03-02 09:00 UTC, a Monday."""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def with_terms(stage: Stage, **terms: Any) -> Stage:
    return replace(stage, terms=Terms(**terms))


def nightly(**terms: Any) -> Rule:
    return a_rule(with_terms(a_stage("1d"), schedule=NIGHT, **terms))


def a_bench(database: Database, clock: FakeClock, *rules: Rule, **settings: Any) -> Bench:
    return Bench(database, clock, Ruleset(rules), **settings)


def the_task(bench: Bench, user: str, action: Action = Action.SUSPEND) -> Task:
    (found,) = (task for task in bench.tasks(bench.case(user)) if task.action is action)
    return found


def postponements(bench: Bench, user: str) -> int:
    return bench.events(bench.case(user)).count("task postponed")


def test_a_task_with_a_schedule_is_due_at_its_first_instant(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, nightly())
    ada = bench.join("ada")

    bench.leave(ada)

    assert the_task(bench, ada).due_at == at("2026-03-03 22:00")


@pytest.mark.parametrize(
    ("now", "done"), [("2026-03-03 21:59", False), ("2026-03-03 22:00", True), ("2026-03-04 03:00", True)]
)
def test_it_is_released_then_or_later_if_nobody_was_there(
    database: Database, clock: FakeClock, now: str, done: bool
) -> None:
    bench = a_bench(database, clock, nightly())
    ada = bench.join("ada")
    bench.leave(ada)

    clock.now = at(now)
    bench.run()

    assert bench.systems["crm"].is_suspended("ada") is done


def test_what_a_clock_that_ran_ahead_has_released_waits_for_its_date_if_it_cannot_be_undone(
    database: Database, clock: FakeClock
) -> None:
    bench = a_bench(database, clock, a_rule(a_stage("0s"), a_stage("90d", Action.DELETE)), actions=FEW_ACTIONS)
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run()
    clock.advance("91d")
    bench.sweep()
    clock.now -= timedelta(days=91)

    bench.run()

    task = the_task(bench, ada, Action.DELETE)
    assert (task.state, task.due_at) == (TaskState.PLANNED, at("2026-05-31 09:00"))
    assert task.reason == "it is not due yet: the clock was ahead when it was released; due at 2026-05-31 09:00 UTC"
    assert "native-ada" in bench.systems["crm"].accounts
    bench.run("90d")
    assert "native-ada" not in bench.systems["crm"].accounts


def test_without_grace_it_waits_for_its_schedule_too(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_rule(with_terms(a_stage(), schedule=NIGHT)))
    ada = bench.join("ada")

    bench.leave(ada)
    bench.run()

    assert not bench.systems["crm"].is_suspended("ada")


def test_a_window_that_has_passed_moves_it_to_the_next_instant_once(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, nightly(window=timedelta(hours=2)))
    ada = bench.join("ada")
    bench.leave(ada)

    clock.now = at("2026-03-04 00:01")
    bench.run()
    bench.run()

    task = the_task(bench, ada)
    assert (task.state, task.due_at) == (TaskState.PLANNED, at("2026-03-04 22:00"))
    assert task.reason == "its window has passed; next at 2026-03-04 22:00 UTC"
    assert postponements(bench, ada) == 1


@pytest.mark.parametrize(("now", "done"), [("2026-03-04 00:00", True), ("2026-03-04 23:00", True)])
def test_within_the_window_it_is_released(database: Database, clock: FakeClock, now: str, done: bool) -> None:
    bench = a_bench(database, clock, nightly(window=timedelta(hours=2)))
    ada = bench.join("ada")
    bench.leave(ada)

    clock.now = at(now)
    bench.run()

    assert bench.systems["crm"].is_suspended("ada") is done


def test_what_was_released_and_never_started_waits_for_the_next_window(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, nightly(window=timedelta(hours=2)))
    ada = bench.join("ada")
    bench.leave(ada)
    clock.now = at("2026-03-03 23:00")
    bench.sweep()

    clock.now = at("2026-03-04 09:00")
    bench.work()

    task = the_task(bench, ada)
    assert not bench.systems["crm"].is_suspended("ada")
    assert (task.state, task.due_at) == (TaskState.PLANNED, at("2026-03-04 22:00"))


def test_what_has_begun_is_tried_again_outside_of_its_window(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, nightly(window=timedelta(hours=2)))
    ada = bench.join("ada")
    bench.leave(ada)
    clock.now = at("2026-03-03 23:59")
    bench.fail(RetryableError("503", retry_after=timedelta(hours=1)))
    bench.run()

    bench.run("1h")

    assert bench.systems["crm"].is_suspended("ada")


def test_a_schedule_hangs_on_a_clock_on_a_wall(database: Database, clock: FakeClock) -> None:
    clock.now = at("2026-03-28 09:00")  # the night in which the clocks of Berlin go from two to three
    night = with_terms(a_stage(), schedule="30 2 * * *", timezone="Europe/Berlin")
    bench = a_bench(database, clock, a_rule(night))
    ada = bench.join("ada")

    bench.leave(ada)

    assert the_task(bench, ada).due_at == at("2026-03-29 01:00")


def test_a_leap_day_is_a_day_of_the_schedule(database: Database, clock: FakeClock) -> None:
    leap = with_terms(a_stage(), schedule="0 0 29 2 *")
    bench = a_bench(database, clock, a_rule(leap))
    ada = bench.join("ada")

    bench.leave(ada)

    assert the_task(bench, ada).due_at == at("2028-02-29 00:00")


def test_each_target_has_its_own_grace_before_the_schedule(database: Database, clock: FakeClock) -> None:
    from tests.services.bench import MemoryTarget

    stage = replace(with_terms(a_stage("1d"), schedule=NIGHT), grace={"dir": timedelta(days=3)})
    bench = a_bench(database, clock, a_rule(stage), systems={"crm": MemoryTarget(), "dir": MemoryTarget()})
    ada = bench.join("ada")

    bench.leave(ada)

    due = {task.target: task.due_at for task in bench.tasks(bench.case(ada))}
    assert due == {"crm": at("2026-03-03 22:00"), "dir": at("2026-03-05 22:00")}


def test_a_later_fact_brings_it_forward_to_an_earlier_instant(database: Database, clock: FakeClock) -> None:
    slow = a_rule(with_terms(a_stage("10d"), schedule=NIGHT), name="slow", when=frozenset({Trigger.DEACTIVATED}))
    fast = a_rule(a_stage("1d"), name="fast", when=frozenset({Trigger.DELETED}))
    bench = a_bench(database, clock, slow, fast)
    ada = bench.join("ada")
    bench.leave(ada)
    bench.delete(ada)
    assert the_task(bench, ada).due_at == at("2026-03-03 09:00")

    bench.run("1d")
    assert the_task(bench, ada).due_at == at("2026-03-03 22:00")
    bench.run("13h")

    assert bench.systems["crm"].is_suspended("ada")


def test_a_later_fact_that_wants_more_approvers_gets_them(database: Database, clock: FakeClock) -> None:
    free = a_rule(a_stage(), a_stage("30d", Action.DELETE), name="free", when=frozenset({Trigger.DEACTIVATED}))
    asked = with_terms(a_stage("10d", Action.DELETE), approvers=2)
    strict = a_rule(a_stage(), asked, name="strict", when=frozenset({Trigger.DELETED}))
    bench = a_bench(database, clock, free, strict)
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run()
    bench.delete(ada)

    bench.run("40d")

    assert the_task(bench, ada, Action.DELETE).state is TaskState.PLANNED
    assert bench.approving.stages(bench.case(ada).id)[1].missing == 2


def test_an_irreversible_stage_keeps_its_distance_and_its_schedule(database: Database, clock: FakeClock) -> None:
    last = a_stage("3d", Action.HIDE_FROM_DIRECTORY, Action.DELETE)
    deleting = with_terms(last, schedule=NIGHT, window=timedelta(hours=1))
    bench = a_bench(database, clock, a_rule(a_stage("1d"), deleting))
    ada = bench.join("ada")
    bench.leave(ada)

    bench.run("2d")  # the sweeper was down: suspended on the 4th at nine

    assert the_task(bench, ada, Action.DELETE).due_at == at("2026-03-06 22:00")
    assert the_task(bench, ada, Action.HIDE_FROM_DIRECTORY).due_at == at("2026-03-05 22:00")


def test_who_returns_before_the_night_keeps_everything(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, nightly())
    ada = bench.join("ada")
    bench.leave(ada)
    clock.now = at("2026-03-03 21:00")

    bench.come_back(ada)
    bench.run("2h")

    assert bench.systems["crm"].writes == []


# -- freezes

FREEZE = Freeze(at("2026-03-10 00:00"), at("2026-03-20 00:00"), "year-end closing")
FROZEN = Timing(freezes=(FREEZE,))


def deleting(**terms: Any) -> Rule:
    return a_rule(a_stage(), with_terms(a_stage("9d", Action.DELETE), **terms))


def is_deleted(bench: Bench) -> bool:
    return "native-ada" not in bench.systems["crm"].accounts


def test_what_cannot_be_undone_waits_for_the_end_of_a_freeze(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, deleting(), timing=FROZEN)
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run()

    bench.run("9d")

    task = the_task(bench, ada, Action.DELETE)
    assert (task.state, task.due_at) == (TaskState.PLANNED, FREEZE.end)
    assert task.reason == "frozen until 2026-03-20 00:00 UTC: year-end closing"
    bench.run("1d")
    assert postponements(bench, ada) == 1
    clock.now = FREEZE.end
    bench.run()
    assert is_deleted(bench)


def test_what_can_be_undone_goes_on_in_a_freeze(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_rule(a_stage("9d")), timing=FROZEN)
    ada = bench.join("ada")
    bench.leave(ada)

    bench.run("9d")

    assert bench.systems["crm"].is_suspended("ada")


def test_after_a_freeze_the_schedule_counts(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, deleting(schedule=NIGHT), timing=FROZEN)
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run()

    bench.run("10d")

    assert the_task(bench, ada, Action.DELETE).due_at == at("2026-03-20 22:00")


@pytest.mark.parametrize("moment", ["before claim", "before read", "before confirm"])
def test_a_freeze_that_begins_stops_what_was_released(database: Database, clock: FakeClock, moment: str) -> None:
    bench = a_bench(database, clock, a_rule(a_stage(), a_stage("1d", Action.DELETE)), timing=FROZEN)
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run()
    bench.clock.now = at("2026-03-09 23:59")
    bench.sweep()
    bench.work()  # groups are left before an account is deleted
    bench.sweep()
    assert the_task(bench, ada, Action.DELETE).state is TaskState.READY

    def freeze() -> None:
        bench.systems["crm"].before_read = lambda: None
        clock.now = FREEZE.start

    if moment == "before claim":
        freeze()
    elif moment == "before read":
        bench.systems["crm"].before_read = freeze
    else:
        _before_confirm(bench, freeze)
    bench.work()

    task = the_task(bench, ada, Action.DELETE)
    assert not is_deleted(bench)
    assert (task.state, task.due_at, task.attempts) == (TaskState.PLANNED, FREEZE.end, 0)


def _before_confirm(bench: Bench, happens: Callable[[], object]) -> None:
    confirm = bench.claiming.confirm

    def first(claim: Any, _now: Any, state: Any = None) -> None:
        happens()
        confirm(claim, bench.clock(), state)

    bench.claiming.confirm = first  # type: ignore[method-assign, assignment]  # it has the time from its own clock


# -- deadlines


def test_a_deadline_counts_from_the_due_date_and_moves_with_it(database: Database, clock: FakeClock) -> None:
    timing = Timing(deadlines={Action.SUSPEND: timedelta(minutes=5)})
    bench = a_bench(database, clock, nightly(window=timedelta(hours=2)), timing=timing)
    ada = bench.join("ada")
    bench.leave(ada)
    assert the_task(bench, ada).deadline_at == at("2026-03-03 22:05")

    clock.now = at("2026-03-04 09:00")
    bench.run()

    assert the_task(bench, ada).deadline_at == at("2026-03-04 22:05")


def test_the_stages_own_deadline_counts_more(database: Database, clock: FakeClock) -> None:
    timing = Timing(deadlines={Action.SUSPEND: timedelta(minutes=5)})
    bench = a_bench(database, clock, a_rule(with_terms(a_stage(), deadline=timedelta(hours=1))), timing=timing)
    ada = bench.join("ada")

    bench.leave(ada)

    assert the_task(bench, ada).deadline_at == clock.now + timedelta(hours=1)


def test_without_one_there_is_none(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_rule())
    ada = bench.join("ada")

    bench.leave(ada)

    assert the_task(bench, ada).deadline_at is None


def test_retrying_ends_at_the_stages_deadline(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_rule(with_terms(a_stage(), deadline=timedelta(hours=1))))
    ada = bench.join("ada")
    bench.leave(ada)
    bench.systems["crm"].fails.extend(RetryableError("503") for _ in range(200))
    bench.run()

    for _ in range(12):
        bench.run("5m")

    task = the_task(bench, ada)
    assert task.state is TaskState.FAILED
    assert task.reason == "gave up after 1h: 503"


def test_the_last_try_is_at_the_deadline_unless_the_target_asks_for_more_time(
    database: Database, clock: FakeClock
) -> None:
    bench = a_bench(database, clock, a_rule(with_terms(a_stage(), deadline=timedelta(milliseconds=100))))
    ada, bob = bench.join("ada"), bench.join("bob")
    bench.leave(ada)
    bench.fail(RetryableError("503"))
    bench.work()
    bench.leave(bob)
    bench.fail(RetryableError("503", retry_after=timedelta(hours=1)))
    bench.work()

    assert the_task(bench, ada).not_before == clock.now + timedelta(milliseconds=100)
    assert the_task(bench, bob).not_before == clock.now + timedelta(hours=1)


def test_a_deadline_of_an_action_alone_ends_nothing(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_rule(), timing=Timing(deadlines={Action.SUSPEND: timedelta(minutes=5)}))
    ada = bench.join("ada")
    bench.leave(ada)
    bench.fail(*(RetryableError("503") for _ in range(3)))
    for _ in range(3):
        bench.run("1h")

    bench.run("1h")

    assert bench.systems["crm"].is_suspended("ada")


# -- a date that was moved in the target


@pytest.fixture
def stamped(monkeypatch: pytest.MonkeyPatch) -> dict[str, datetime | None]:
    """The date in the mark of each account, by native id."""
    dates: dict[str, datetime | None] = {}
    read = MemoryConnector.read

    def read_more(connector: MemoryConnector, account_id: str) -> AccountState:
        state = read(connector, account_id)
        return replace(state, stamped_until=dates.get(state.id))

    monkeypatch.setattr(MemoryConnector, "read", read_more)
    return dates


def test_a_date_that_was_moved_later_in_the_target_extends(
    database: Database, clock: FakeClock, stamped: dict[str, datetime | None]
) -> None:
    bench = a_bench(database, clock, deleting())
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run()
    stamped["native-ada"] = at("2026-04-01 00:00")

    bench.run("9d")

    task = the_task(bench, ada, Action.DELETE)
    assert not is_deleted(bench)
    assert (task.state, task.due_at) == (TaskState.PLANNED, at("2026-04-01 00:00"))
    assert task.reason == "extended in crm until 2026-04-01 00:00 UTC"
    assert postponements(bench, ada) == 1
    clock.now = at("2026-04-01 00:00")
    bench.run()
    assert is_deleted(bench)


def test_the_date_that_the_bridge_itself_has_left_extends_nothing(
    database: Database, clock: FakeClock, stamped: dict[str, datetime | None]
) -> None:
    from sqlalchemy import update

    from scimbridge.store.schema import snapshots

    bench = a_bench(database, clock, deleting())
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run()
    stamped["native-ada"] = at("2026-04-01 00:00")
    left = AccountState(id="native-ada", name="ada", suspended=True, stamped_until=at("2026-04-01 00:00"))
    with database.write() as tx:
        tx.execute(update(snapshots).values(left_state=left.to_json()))

    bench.run("9d")

    assert is_deleted(bench)


@pytest.mark.parametrize("date", [None, at("2026-03-03 00:00")])
def test_no_date_and_an_early_one_make_nothing_due(
    database: Database, clock: FakeClock, stamped: dict[str, datetime | None], date: datetime | None
) -> None:
    bench = a_bench(database, clock, deleting())
    ada = bench.join("ada")
    bench.leave(ada)
    stamped["native-ada"] = date

    bench.run()
    bench.run("8d")
    assert not is_deleted(bench)
    bench.run("1d")

    assert is_deleted(bench)


def test_what_can_be_undone_does_not_wait_for_a_date(
    database: Database, clock: FakeClock, stamped: dict[str, datetime | None]
) -> None:
    bench = a_bench(database, clock, a_rule())
    ada = bench.join("ada")
    stamped["native-ada"] = at("2026-04-01 00:00")

    bench.leave(ada)
    bench.run()

    assert bench.systems["crm"].is_suspended("ada")
