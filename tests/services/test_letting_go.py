"""A target that comes back is let go gradually, over all processes; and loses nothing while it is away."""

from __future__ import annotations

from scimbridge.domain.action import Action
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.task import TaskState
from scimbridge.sdk import TargetUnusableError
from scimbridge.services.claiming import FULL, Claim
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import Bench, a_rule, a_stage


def pause(bench: Bench) -> None:
    bench.operating.pause("crm", reason="upgrade", by="olga", now=bench.clock())


def resume(bench: Bench) -> None:
    assert bench.operating.resume("crm", by="olga", now=bench.clock())


def leavers(bench: Bench, count: int) -> list[str]:
    """People who leave; returns the ids of their accounts."""
    people = [bench.join(f"p{number}") for number in range(count)]
    bench.run()
    for person in people:
        bench.leave(person)
    return [bench.account(person).id for person in people]


def started(bench: Bench, *accounts: str) -> list[bool]:
    """Whether each account is claimed when a worker asks for it now."""
    return [isinstance(bench.claiming.claim(account, bench.clock()), Claim) for account in accounts]


def test_a_backlog_starts_one_at_a_time_and_one_more_every_thirty_seconds(database: Database, clock: FakeClock) -> None:
    one, other = Bench(database, clock, concurrency=3), Bench(database, clock, concurrency=3)
    pause(one)
    first, second, third, fourth = leavers(one, 4)
    resume(one)

    assert started(one, first) == [True]
    assert started(other, second, third, fourth) == [False, False, False]
    clock.advance("30s")
    assert started(other, second, third) == [True, False]
    clock.advance("30s")
    assert started(one, third, fourth) == [True, False]


def test_without_a_backlog_nothing_is_slowed_down(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, concurrency=3)
    pause(bench)
    resume(bench)

    assert started(bench, *leavers(bench, 3)) == [True, True, True]


def test_a_target_that_the_bridge_paused_is_let_go_gradually_too(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, concurrency=3)
    accounts = leavers(bench, 3)
    bench.fail(TargetUnusableError("401: the token is refused"))
    bench.work()
    resume(bench)

    assert started(bench, *accounts) == [True, False, False]


def test_a_target_that_is_let_go_is_full_for_the_rest_of_its_queue(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, concurrency=3)
    pause(bench)
    first, second = leavers(bench, 2)
    resume(bench)
    assert started(bench, first) == [True]

    assert bench.claiming.claim(second, clock()) is FULL


def test_a_second_pause_begins_anew(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, concurrency=3)
    pause(bench)
    accounts = leavers(bench, 3)
    resume(bench)
    clock.advance("1h")
    pause(bench)
    clock.advance("1h")
    resume(bench)

    assert started(bench, *accounts) == [True, False, False]


def test_a_weekend_without_the_target_burns_no_attempts_and_keeps_the_distance_to_the_delete(
    database: Database, clock: FakeClock
) -> None:
    rules = Ruleset((a_rule(a_stage("1d"), a_stage("2d", Action.DELETE)),))
    bench = Bench(database, clock, rules)
    pause(bench)
    for number in range(4):
        bench.leave(bench.join(f"p{number}"))
    cases = [bench.case(account) for account in _people(bench)]
    for _ in range(3 * 24):
        bench.run("1h")
    assert {task.attempts for case in cases for task in bench.tasks(case)} == {0}
    assert bench.systems["crm"].writes == []

    resume(bench)
    for _ in range(12):
        bench.run("1h")
    suspended = [what for what, _ in bench.systems["crm"].writes]
    bench.run("1d")

    assert suspended == ["suspend"] * 4
    assert [what for what, _ in bench.systems["crm"].writes] == ["suspend"] * 4 + ["delete"] * 4
    assert {state for case in cases for state in bench.states(case).values()} == {TaskState.DONE}


def _people(bench: Bench) -> list[str]:
    from sqlalchemy import select

    from scimbridge.store.schema import identities

    with bench.database.read() as tx:
        return list(tx.execute(select(identities.c.id)).scalars())
