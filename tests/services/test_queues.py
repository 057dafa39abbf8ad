"""What operators are told about queues and targets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from scimbridge.domain.action import Action
from scimbridge.domain.hold import Scope
from scimbridge.domain.rule import Ruleset
from scimbridge.queue.watching import Seen, SeenQueue, SeenWorker
from scimbridge.sdk import RejectedError, RetryableError
from scimbridge.services.queues import Queues, QueueStatus
from scimbridge.store import target_work
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.counting import counted
from tests.services.bench import FEW_ACTIONS, Bench, MemoryTarget, a_rule, a_stage


def a_bench(database: Database, clock: FakeClock, *targets: str, **settings: Any) -> Bench:
    return Bench(database, clock, systems={name: MemoryTarget() for name in targets or ("crm",)}, **settings)


def queues(bench: Bench, seen: Seen | None = None) -> Queues:
    return Queues(bench.database, bench.fleet, lambda _targets: seen)


def queue(bench: Bench, target: str = "crm") -> QueueStatus:
    (found,) = (each for each in queues(bench).board(bench.clock()).queues if each.status.name == target)
    return found


def leavers(bench: Bench, names: Sequence[str]) -> None:
    people = [bench.join(name) for name in names]
    bench.run()
    for person in people:
        bench.clock.advance("1s")
        bench.leave(person)


def test_what_waits_is_counted_by_accounts_and_by_how_long(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    bench.run()
    leavers(bench, ("ada", "ben"))
    bench.sweep()
    clock.advance("90s")

    found = queue(bench)

    assert (found.status.runnable, found.waited) == (2, timedelta(seconds=91))
    assert (found.empty_in, found.seen) == (None, None)


def test_held_work_is_not_runnable_and_other_targets_do_not_count(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, "crm", "directory")
    leavers(bench, ("ada", "ben", "cid"))
    bench.sweep()
    bench.holding.place(Scope.TARGET, "crm", reason="audit", by="ops", now=clock())

    assert (queue(bench).status.runnable, queue(bench, "directory").status.runnable) == (0, 3)


def test_how_fast_a_target_is_tells_when_its_queue_is_empty(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    leavers(bench, ("ada", "ben", "cid"))
    bench.run()
    leavers(bench, ("dan",))
    bench.sweep()

    found = queue(bench)

    assert (found.done_lately, found.done_per_minute, found.empty_in) == (3, 0.2, timedelta(minutes=5))
    clock.advance("16m")
    assert queue(bench).done_lately == 0


def test_retries_are_listed_with_their_next_time_and_failures_with_their_reason(
    database: Database, clock: FakeClock
) -> None:
    bench = a_bench(database, clock, "crm", "directory")
    leavers(bench, ("ada", "ben"))
    bench.fail(RetryableError("try later", retry_after=timedelta(minutes=7)), RejectedError("protected <b>account</b>"))
    bench.run()

    board = queues(bench).board(clock())
    crm = queue(bench)

    (retry,), (failure,) = board.retries, board.failures
    assert (retry.user_name, retry.target, retry.attempts, retry.reason) == ("ada", "crm", 1, "try later")
    assert retry.at is not None
    assert retry.at >= clock() + timedelta(minutes=7)
    assert (failure.user_name, failure.reason, failure.has_failed) == ("ben", "protected <b>account</b>", True)
    assert (crm.retrying, crm.next_retry_at, crm.failed, crm.status.needs_person) == (1, retry.at, 1, 1)
    assert queue(bench, "directory").retrying == 0


def test_failures_are_read_page_by_page(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    leavers(bench, [f"p{number}" for number in range(5)])
    bench.fail(*(RejectedError("no") for _ in range(5)))
    bench.run()

    with database.read() as tx:
        first = target_work.asking_at(tx, ["crm"], 3)
        rest = target_work.asking_at(tx, ["crm"], 3, after=first[-1].task_id)

    assert len(first) == 3
    assert [each.user_name for each in (*first, *rest)] == ["p4", "p3", "p2", "p1", "p0"]


def test_an_attempt_under_way_is_shown_with_its_worker(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    leavers(bench, ("ada",))
    seen: list[Any] = []
    bench.systems["crm"].before_write = lambda: seen.extend(queues(bench).board(clock()).attempts)
    bench.run()

    (attempt,) = seen
    assert (attempt.user_name, attempt.target, attempt.action, attempt.worker) == (
        "ada",
        "crm",
        Action.SUSPEND,
        "bench",
    )
    assert attempt.case_id == bench.tasks(attempt.case_id)[0].case_id
    assert queues(bench).board(clock()).attempts == []


def test_when_something_was_last_destroyed_is_known_for_each_target(database: Database, clock: FakeClock) -> None:
    rules = Ruleset((a_rule(a_stage("1d"), a_stage("2d", Action.DELETE)),))
    bench = a_bench(database, clock, "crm", "directory", rules=rules, actions=FEW_ACTIONS)
    person = bench.join("ada", everywhere=False)
    bench.systems["crm"].add("ada")
    bench.leave(person)

    bench.run("1d")
    with database.read() as tx:
        before = target_work.destroyed(tx)
    bench.run("1d")
    with database.read() as tx:
        after = target_work.destroyed(tx)

    assert (before, after) == ({}, {"crm": clock()})


def test_what_redis_shows_stands_beside_what_sql_knows(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    ours = SeenQueue(name="target:crm", target="crm", depth=7, oldest_at=clock(), started=1)
    other = SeenQueue(name="mails", target=None, depth=3, oldest_at=None, started=0)
    worker = SeenWorker(
        name="w1",
        host="h",
        queues=("target:crm",),
        state="busy",
        account_id="a",
        born_at=clock(),
        seen_at=clock(),
        is_gone=False,
    )

    board = queues(bench, Seen(queues=(ours, other), workers=(worker,), more_workers=2)).board(clock())

    assert board.redis_answers
    assert ([each.seen for each in board.queues], board.foreign) == ([ours], [other])
    assert (board.workers, board.more_workers) == ((worker,), 2)


def test_without_redis_what_sql_knows_is_shown_all_the_same(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    leavers(bench, ("ada",))
    bench.sweep()

    board = queues(bench).board(clock())

    assert (board.redis_answers, board.workers, board.queues[0].status.runnable) == (False, (), 1)


def test_many_targets_take_as_many_statements_as_one(database: Database, clock: FakeClock) -> None:
    def cost(*targets: str) -> int:
        bench = a_bench(database, clock, *targets)
        leavers(bench, [f"{targets[-1]}{number}" for number in range(3)])
        bench.sweep()
        with counted(database) as statements:
            queues(bench).board(clock())
        return len(statements)

    assert cost("crm") == cost("crm", "directory", "mail", "erp") == 11
