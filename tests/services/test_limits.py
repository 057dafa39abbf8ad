"""Limits that hold over all processes: concurrency, rate, pause; and observe mode."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import structlog
from prometheus_client import REGISTRY

from scimbridge.domain.action import Action
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.task import TaskState
from scimbridge.errors import NotFoundError
from scimbridge.sdk import LeaseLostError, Mode, ObservingError, RetryableError
from scimbridge.services.claiming import FULL, Claim, LookUp
from scimbridge.services.execution import BUDGET
from scimbridge.services.permit import LONGEST_WAIT
from scimbridge.store.database import Database
from scimbridge.store.snapshots import standing
from tests.clock import FakeClock
from tests.databases import before_commits
from tests.services.bench import FEW_ACTIONS, Bench, MemoryTarget, a_rule, a_stage
from tests.services.test_leases import Killed, a_linked_leaver, kill, nothing


def permit(bench: Bench, *, writes: bool = False) -> None:
    bench.fleet.connector("crm").context.permit(writes=writes)


def test_two_processes_share_one_rate(database: Database, clock: FakeClock) -> None:
    one, other = Bench(database, clock, rate_limit="2/s"), Bench(database, clock, rate_limit="2/s")

    for bench in (one, other, other, one):
        permit(bench)

    assert (one.slept, other.slept) == ([1.5], [0.5, 1.0])


def test_an_idle_target_saves_up_no_calls(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, rate_limit="6/m")
    permit(bench)
    clock.advance("1h")

    permit(bench)
    permit(bench)

    assert bench.slept == [10.0]


def test_a_clock_that_was_set_back_holds_no_calls_up(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, rate_limit="6/m")
    permit(bench)
    permit(bench)
    clock.now -= timedelta(hours=2)

    permit(bench)
    permit(bench)

    assert bench.slept == [10.0, 10.0]


def test_a_slot_that_is_too_far_off_is_left_to_others(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, rate_limit="12/m")
    for _ in range(3):
        permit(bench)

    with pytest.raises(RetryableError) as raised:
        permit(bench)

    assert (str(raised.value), raised.value.retry_after) == ("the rate limit of crm is used up", LONGEST_WAIT)
    assert bench.slept == [5.0, 10.0]
    clock.advance("15s")
    permit(bench)
    assert bench.slept == [5.0, 10.0]


def refuse(bench: Bench, retry_after: timedelta | None = None) -> None:
    bench.fleet.connector("crm").context.throttled(retry_after)


def refusals() -> float:
    return REGISTRY.get_sample_value("scimbridge_target_throttled_total", {"target": "crm"}) or 0


def pace(bench: Bench) -> tuple[float, float]:
    """Return the share of the rate, and how many seconds calls are apart."""
    (status,) = bench.overview.targets(bench.clock())
    return status.pace, status.apart.total_seconds()


def test_a_refusal_slows_all_processes_down_and_fair_weather_ends_that(database: Database, clock: FakeClock) -> None:
    one, other = Bench(database, clock, rate_limit="2/s"), Bench(database, clock, rate_limit="2/s")
    with structlog.testing.capture_logs() as logs:
        refuse(one)
    assert logs == [
        {
            "event": "the target asks for fewer calls; it is called less often for a while",
            "log_level": "warning",
            "action": "target.throttled",
            "target": "crm",
            "rate": "1/s",
        }
    ]

    for bench in (one, other, one):
        permit(bench)

    assert (one.slept, other.slept, pace(other)) == ([2.0], [1.0], (0.5, 1.0))
    clock.advance("15m")
    permit(other)
    permit(other)
    assert (other.slept, pace(other)) == ([1.0, 0.5], (1.0, 0.5))


def test_a_target_without_a_rate_is_paced_from_its_first_refusal_until_the_weather_is_fair(
    database: Database, clock: FakeClock
) -> None:
    one, other = Bench(database, clock), Bench(database, clock)
    permit(one)
    assert pace(one) == (1.0, 0.0)

    refuse(one)
    for bench in (one, one, other):
        permit(bench)

    # The other one learns by a refusal of its own, and then they share what is left.
    assert (one.slept, other.slept, pace(one)) == ([0.04], [], (0.5, 0.04))
    refuse(other)
    permit(other)
    assert (other.slept, pace(one)) == ([0.08], (0.5, 0.04))
    clock.advance("15m")
    for _ in range(3):
        permit(one)
    assert (one.slept, pace(one)) == ([0.04], (1.0, 0.0))
    with before_commits(database, pytest.fail):  # and costs the store nothing again
        permit(one)


def test_what_the_target_asks_to_wait_is_waited_by_all_within_reason(database: Database, clock: FakeClock) -> None:
    one, other = Bench(database, clock, rate_limit="10/s"), Bench(database, clock, rate_limit="10/s")
    counted = refusals()

    refuse(one, timedelta(seconds=3))
    permit(other)
    refuse(one, timedelta(days=1))
    permit(one)

    assert refusals() == counted + 2
    assert (other.slept, one.slept) == ([3.0], [LONGEST_WAIT.total_seconds()])


def test_a_used_up_rate_makes_tasks_wait_and_loses_none(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, rate_limit="6/m")
    people = [bench.join(f"p{number}") for number in range(4)]
    for person in people:
        bench.leave(person)

    for _ in range(40):
        bench.run("30s")

    assert sorted(bench.systems["crm"].writes) == [("suspend", f"native-p{number}") for number in range(4)]


@pytest.mark.parametrize(("spent", "done"), [(BUDGET - timedelta(seconds=1), 2), (BUDGET, 1)])
def test_a_message_takes_no_new_task_once_its_time_is_up(
    database: Database, clock: FakeClock, spent: timedelta, done: int
) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("0s", Action.SUSPEND, Action.REVOKE_SESSIONS)),)))
    account = bench.account(a_linked_leaver(bench)).id
    record = bench.recording.record

    def record_late(*what: Any) -> Any:
        recorded = record(*what)
        clock.advance(spent)
        return recorded

    bench.recording.record = record_late  # type: ignore[method-assign,assignment]

    assert bench.execution.work(account)  # others are not turned away

    assert len(bench.systems["crm"].writes) == done


def test_concurrency_counts_live_attempts_over_processes(database: Database, clock: FakeClock) -> None:
    one, other = Bench(database, clock, concurrency=2), Bench(database, clock, concurrency=2)
    people = [one.join(f"p{number}") for number in range(3)]
    for person in people:
        one.leave(person)
    first, second, third = (one.account(person).id for person in people)

    claims = [one.claiming.claim(first, clock()), other.claiming.claim(second, clock())]

    assert all(isinstance(claim, Claim) for claim in claims)
    assert one.claiming.claim(third, clock()) is FULL
    assert other.claiming.claim(third, clock()) is FULL
    one.run("31s")
    assert len(one.systems["crm"].writes) == 3


def test_look_ups_count_too(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, concurrency=1)
    ada, bob = bench.join("ada"), bench.join("bob")

    assert isinstance(bench.claiming.claim(bench.account(ada).id, clock()), LookUp)

    assert bench.claiming.claim(bench.account(bob).id, clock()) is FULL


def test_an_account_without_work_does_not_say_that_its_target_is_full(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, concurrency=1)
    ada, bob = bench.join("ada"), bench.join("bob")
    bench.run()
    bench.leave(ada)
    bench.claiming.claim(bench.account(ada).id, clock())

    assert bench.claiming.claim(bench.account(bob).id, clock()) is None


def test_an_account_is_claimed_once(database: Database, clock: FakeClock) -> None:
    one, other = Bench(database, clock), Bench(database, clock)
    ada = one.join("ada")
    one.leave(ada)
    account_id = one.account(ada).id

    assert isinstance(one.claiming.claim(account_id, clock()), Claim)

    assert other.claiming.claim(account_id, clock()) is None


def test_two_identities_of_one_native_account_are_never_worked_on_at_once(database: Database, clock: FakeClock) -> None:
    one, other = Bench(database, clock), Bench(database, clock)
    ada = one.join("ada")
    twin = one.join("ada", source="hr", everywhere=False)
    one.run()
    one.leave(ada)
    one.leave(twin, source="hr")

    assert isinstance(one.claiming.claim(one.account(ada).id, clock()), Claim)

    assert other.claiming.claim(one.account(twin).id, clock()) is None


def test_an_account_found_to_be_another_attempts_waits_for_its_end(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock)
    ada = bench.join("ada")
    bench.run()
    twin = bench.join("ada", source="hr", everywhere=False)
    bench.leave(ada)
    bench.leave(twin, source="hr")
    bench.systems["crm"].before_write = kill
    with pytest.raises(Killed):
        bench.execution.work(bench.account(ada).id)
    bench.systems["crm"].before_write = nothing

    bench.execution.work(bench.account(twin).id)

    (task,) = bench.tasks(bench.case(twin))
    assert task.state is TaskState.WAITING
    assert "another attempt" in task.reason
    bench.run("1h")
    assert bench.systems["crm"].writes == [("suspend", "native-ada")]


def test_a_paused_target_does_nothing_and_burns_no_attempts(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, systems={"crm": MemoryTarget(), "dir": MemoryTarget()})
    ada = bench.join("ada")
    bench.leave(ada)
    assert bench.operating.pause("crm", reason="maintenance", by="ops", now=clock())

    bench.run("1d")

    assert bench.systems["crm"].writes == []
    assert bench.systems["dir"].writes == [("suspend", "native-ada")]
    assert {task.attempts for task in bench.tasks(bench.case(ada)) if task.target == "crm"} == {0}


def test_a_resumed_target_goes_on(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock)
    ada = bench.join("ada")
    bench.operating.pause("crm", reason="maintenance", by="ops", now=clock())
    bench.leave(ada)
    bench.run("1d")

    assert bench.operating.resume("crm", by="ops", now=clock())
    bench.run()

    assert bench.systems["crm"].is_suspended("ada")


def test_pausing_and_resuming_say_whether_they_changed_anything(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock)

    said = [
        bench.operating.resume("crm", by="ops", now=clock()),
        bench.operating.pause("crm", reason="maintenance", by="ops", now=clock()),
        bench.operating.pause("crm", reason="again", by="eve", now=clock()),
        bench.operating.resume("crm", by="ops", now=clock()),
    ]

    assert said == [False, True, False, True]


def test_an_unknown_target_can_neither_be_paused_nor_resumed(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock)

    with pytest.raises(NotFoundError):
        bench.operating.pause("moon", reason="", by="ops", now=clock())
    with pytest.raises(NotFoundError):
        bench.operating.resume("moon", by="ops", now=clock())


def test_an_observing_target_refuses_writes_at_the_permit(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, modes={"crm": Mode.OBSERVE})

    permit(bench)
    with pytest.raises(ObservingError, match=r"^crm is in observe mode: nothing is written there$"):
        permit(bench, writes=True)


def test_an_observing_target_is_read_although_it_takes_its_time(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, modes={"crm": Mode.OBSERVE}, rate_limit="12/m")

    permit(bench)
    permit(bench)

    assert bench.slept == [5.0]


def test_a_slot_at_the_end_of_the_longest_wait_is_taken(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, rate_limit="6/m")

    permit(bench)
    permit(bench)

    assert bench.slept == [LONGEST_WAIT.total_seconds()]


def test_a_write_outside_of_an_attempt_is_refused_at_the_permit(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock)

    with pytest.raises(LeaseLostError, match=r"^the lease has run out; the next attempt looks first$"):
        permit(bench, writes=True)


def test_an_observing_target_keeps_no_snapshot(database: Database, clock: FakeClock) -> None:
    bench = Bench(
        database,
        clock,
        Ruleset((a_rule(a_stage(), a_stage("1d", Action.DELETE)),)),
        modes={"crm": Mode.OBSERVE},
        actions=FEW_ACTIONS,
    )
    ada = bench.join("ada")
    bench.leave(ada)

    bench.run("1d")
    bench.run("1d")

    assert set(bench.states(bench.case(ada)).values()) == {TaskState.SKIPPED}
    with database.read() as tx:
        assert standing(tx, "crm", "native-ada") is None


def test_a_stopped_or_paused_worker_takes_no_work(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock)
    ada = bench.join("ada")
    bench.leave(ada)
    bench.halt.is_paused = True
    bench.work()
    assert bench.systems["crm"].writes == []

    bench.halt.is_paused = False
    bench.run()
    assert bench.systems["crm"].is_suspended("ada")

    bench.halt.is_stopped = True
    bench.come_back(ada)
    bench.work()
    assert bench.systems["crm"].is_suspended("ada")


def test_a_message_takes_no_new_task_after_its_budget(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage(timedelta(), Action.SUSPEND, Action.DELETE)),)))
    ada = bench.join("ada")
    bench.run()
    bench.leave(ada)
    bench.sweep()

    def slow() -> None:
        bench.systems["crm"].before_read = lambda: None
        clock.advance("120s")
        bench.leases.renew(clock())

    bench.systems["crm"].before_read = slow
    bench.execution.work(bench.account(ada).id)

    assert bench.states(bench.case(ada)) == {
        "suspend@crm": TaskState.DONE,
        "remove_from_groups@crm": TaskState.READY,
        "delete@crm": TaskState.PLANNED,
    }
