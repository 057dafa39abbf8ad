"""The crew against a real Redis: threads that come and go, and work that is never lost."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from structlog.testing import capture_logs

from scimbridge.domain.wakeup import WakeUp
from scimbridge.domain.wakeup import Work as Queued
from scimbridge.queue import job
from scimbridge.queue.courier import Courier
from scimbridge.queue.crew import Crew
from scimbridge.queue.embedded import EmbeddedRedis
from scimbridge.services.sweeping import Sweeping
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.queue.conftest import PATIENT
from tests.services.bench import Bench

Connecting = Callable[[float], Redis]


class Work:
    """Counts what it is given, and holds on to it until it is let go."""

    def __init__(self, *, blocked: bool = False) -> None:
        self.done: Counter[str] = Counter()
        self.under_way = 0
        self.most = 0
        self._changed = threading.Condition()
        self._blocked = blocked

    def __call__(self, account_id: str) -> bool:
        with self._changed:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: not self._blocked, PATIENT)
            self.under_way -= 1
            self.done[account_id] += 1
            self._changed.notify_all()
        return True

    def let_go(self) -> None:
        with self._changed:
            self._blocked = False
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, PATIENT)


def nothing_to_do(_target: str, _limit: int) -> list[str]:
    return []


def nowhere(_wakeups: Sequence[WakeUp]) -> None:
    raise AssertionError("nothing is given back here")


@contextmanager
def at_work(crew: Crew) -> Iterator[None]:
    job.bind(crew.work, crew.reconcile)
    thread = threading.Thread(target=crew.run)
    thread.start()
    try:
        yield
    finally:
        assert crew.stop(PATIENT)
        thread.join()
        for worker in workers():
            worker.join(PATIENT)


def workers(target: str = "crm") -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == f"worker {target}"]


def a_crew(
    connecting: Connecting,
    work: Callable[[str], bool],
    *,
    concurrency: int = 3,
    submit: Callable[[Sequence[WakeUp]], None] = nowhere,
    runnable: Callable[[str, int], list[str]] = nothing_to_do,
    reconcile: Callable[[str, Callable[[int], None]], None] = lambda _run_id, _beat: None,
) -> Crew:
    return Crew(connecting, {"crm": concurrency}, work, submit, runnable, reconcile)


def test_every_message_is_worked_on(connecting: Connecting, courier: Courier) -> None:
    work = Work()
    accounts = [f"account-{number}" for number in range(20)]

    with at_work(a_crew(connecting, work)):
        courier.submit([WakeUp("crm", account) for account in accounts])
        work.wait_for(lambda: len(work.done) == 20)

    assert work.done == Counter(accounts)


def test_the_crew_grows_up_to_the_targets_concurrency_and_no_further(connecting: Connecting, courier: Courier) -> None:
    work = Work(blocked=True)

    with at_work(a_crew(connecting, work, concurrency=3)):
        courier.submit([WakeUp("crm", f"account-{number}") for number in range(12)])
        work.wait_for(lambda: work.under_way == 3)
        work.let_go()
        work.wait_for(lambda: work.done.total() == 12)

    assert work.most == 3


def test_a_run_of_reconciliation_lives_on_while_leavers_are_worked_on(
    connecting: Connecting, courier: Courier, redis: Any
) -> None:
    work, runs = Work(), Work(blocked=True)

    def reconcile(run_id: str, beat: Callable[[int], None]) -> None:
        beat(1)
        runs(run_id)

    with at_work(a_crew(connecting, work, concurrency=1, reconcile=reconcile)):
        courier.submit([WakeUp("crm", "run", Queued.RECONCILIATION)])
        runs.wait_for(lambda: runs.under_way == 1)
        (message,) = redis.zrange("rq:wip:target:crm", 0, -1)
        assert job.account_of(message.decode().partition(":")[0]) == "run"
        assert courier.queued("crm") == frozenset()
        courier.submit([WakeUp("crm", "account")])
        work.wait_for(lambda: work.done["account"] == 1)
        assert runs.done == Counter()
        runs.let_go()
        runs.wait_for(lambda: runs.done["run"] == 1)


def test_an_idle_target_costs_no_thread(connecting: Connecting, courier: Courier) -> None:
    work = Work()

    with at_work(a_crew(connecting, work)):
        assert workers() == []
        courier.submit([WakeUp("crm", f"account-{number}") for number in range(6)])
        work.wait_for(lambda: work.done.total() == 6)
        for thread in workers():
            thread.join(PATIENT)

        assert workers() == []
        courier.submit([WakeUp("crm", "again")])
        work.wait_for(lambda: work.done["again"] == 1)


def test_finished_messages_leave_nothing_behind(connecting: Connecting, courier: Courier, redis: Any) -> None:
    work = Work()
    with at_work(a_crew(connecting, work)):
        courier.submit([WakeUp("crm", f"account-{number}") for number in range(6)])
        work.wait_for(lambda: work.done.total() == 6)

    assert list(redis.scan_iter("rq:job:*")) == []
    assert list(redis.scan_iter("rq:failed:*")) == []
    assert redis.llen("rq:queue:target:crm") == 0


def test_work_that_breaks_leaves_nothing_behind_and_ends_no_crew(
    connecting: Connecting, courier: Courier, redis: Any
) -> None:
    work = Work()

    def sometimes(account_id: str) -> bool:
        done = work(account_id)
        if account_id == "broken":
            raise ZeroDivisionError
        return done

    with at_work(a_crew(connecting, sometimes)):
        courier.submit([WakeUp("crm", "broken")])
        work.wait_for(lambda: work.done["broken"] == 1)
        courier.submit([WakeUp("crm", "whole")])
        work.wait_for(lambda: work.done["whole"] == 1)

    assert list(redis.scan_iter("rq:job:*")) == []


def test_a_message_for_a_full_target_is_given_back(connecting: Connecting, courier: Courier) -> None:
    given_back: list[WakeUp] = []
    returned = threading.Event()

    def submit(wakeups: Sequence[WakeUp]) -> None:
        given_back.extend(wakeups)
        returned.set()

    with at_work(a_crew(connecting, lambda _: False, submit=submit)):
        courier.submit([WakeUp("crm", "account")])
        assert returned.wait(PATIENT)

    assert given_back == [WakeUp("crm", "account")]


def test_redis_may_be_emptied_while_the_crew_works(connecting: Connecting, courier: Courier, redis: Redis) -> None:
    work = Work(blocked=True)

    with at_work(a_crew(connecting, work)):
        courier.submit([WakeUp("crm", "before")])
        work.wait_for(lambda: work.under_way == 1)
        redis.flushall()
        work.let_go()
        work.wait_for(lambda: work.done["before"] == 1)
        courier.submit([WakeUp("crm", "after")])
        work.wait_for(lambda: work.done["after"] == 1)

    assert work.done == {"before": 1, "after": 1}


def test_without_redis_the_crew_works_from_the_store_and_comes_back(
    redis_server: EmbeddedRedis, connecting: Connecting, courier: Courier
) -> None:
    work = Work()
    in_store = ["stored-1", "stored-2"]

    def runnable(_target: str, limit: int) -> list[str]:
        taken, in_store[:] = in_store[:limit], in_store[limit:]
        return taken

    redis_server.stop()
    with capture_logs() as logged, at_work(a_crew(connecting, work, runnable=runnable)):
        work.wait_for(lambda: work.done.keys() == {"stored-1", "stored-2"})
        said = [entry["reason"] for entry in logged if entry["event"].startswith("redis does not answer")]
        assert len(said) == 1, "also where it was never there; and not again and again"
        assert "No such file or directory" in said[0]
        redis_server.restart()
        courier.submit([WakeUp("crm", "queued")])
        work.wait_for(lambda: work.done["queued"] == 1)


def test_without_redis_the_concurrency_holds_too(redis_server: EmbeddedRedis, connecting: Connecting) -> None:
    work = Work(blocked=True)
    asked: list[int] = []

    def runnable(_target: str, limit: int) -> list[str]:
        asked.append(limit)
        return [f"account-{len(asked)}-{number}" for number in range(limit)] if len(asked) < 5 else []

    redis_server.stop()
    with at_work(a_crew(connecting, work, concurrency=2, runnable=runnable)):
        work.wait_for(lambda: work.under_way == 2)
        work.let_go()
        work.wait_for(lambda: work.done.total() >= 2)

    assert work.most == 2
    assert asked[0] == 2


def test_a_crew_that_is_stopped_finishes_what_is_under_way(connecting: Connecting, courier: Courier) -> None:
    work = Work(blocked=True)
    crew = a_crew(connecting, work)
    with at_work(crew):
        courier.submit([WakeUp("crm", "account")])
        work.wait_for(lambda: work.under_way == 1)

        assert not crew.stop(0.0)
        work.let_go()

    assert work.done == Counter({"account": 1})


@pytest.fixture
def bench(tmp_path: Path, sqlite_template: bytes, clock: FakeClock) -> Iterator[Bench]:
    path = tmp_path / "bridge.db"
    path.write_bytes(sqlite_template)
    database = Database(f"sqlite:///{path}")
    yield Bench(database, clock)
    database.close()


def test_messages_that_arrive_several_times_lead_to_one_write(
    bench: Bench, connecting: Connecting, courier: Courier
) -> None:
    leavers = [bench.join(f"p{number}") for number in range(5)]
    bench.run()
    for leaver in leavers:
        bench.leave(leaver)
    work, worked = bench.execution.work, Work()

    def counted(account_id: str) -> bool:
        return work(account_id) and worked(account_id)

    with at_work(a_crew(connecting, counted)):
        for _ in range(4):
            courier.submit(list(bench.wakeups))
            courier.close()
        worked.wait_for(lambda: worked.done.total() == 20)

    assert sorted(bench.systems["crm"].writes) == [("suspend", f"native-p{number}") for number in range(5)]


def test_what_a_flush_has_lost_is_submitted_again(
    bench: Bench, connecting: Connecting, courier: Courier, redis: Redis
) -> None:
    leavers = [bench.join(f"p{number}") for number in range(5)]
    bench.run()
    for leaver in leavers:
        bench.leave(leaver)
    courier.submit(bench.wakeups)
    courier.close()
    redis.flushall()
    sweeping = Sweeping(bench.database, bench.fleet, (bench.ending,), courier.submit, courier.queued)

    submitted = sweeping.submit(bench.clock())
    courier.close()
    again = sweeping.submit(bench.clock())

    assert (submitted, again) == (5, 0)
    worked = Work()
    with at_work(a_crew(connecting, lambda account_id: bench.execution.work(account_id) and worked(account_id))):
        worked.wait_for(lambda: worked.done.total() == 5)
    assert len(bench.systems["crm"].writes) == 5


def test_while_redis_does_not_answer_nothing_is_submitted(
    bench: Bench, courier: Courier, redis_server: EmbeddedRedis
) -> None:
    leaver = bench.join("ada")
    bench.run()
    bench.leave(leaver)
    sweeping = Sweeping(bench.database, bench.fleet, (bench.ending,), courier.submit, courier.queued)
    redis_server.stop()

    assert sweeping.submit(bench.clock()) == 0
    assert sweeping.runnable("crm", bench.clock(), 10) == [bench.account(leaver).id]
    assert sweeping.runnable("crm", bench.clock(), 0) == []
