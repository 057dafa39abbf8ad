"""Leases that run out, workers that die, and attempts that come back too late."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import structlog
from sqlalchemy import Connection, RowMapping

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.task import TaskState
from scimbridge.errors import StoreBusyError
from scimbridge.sdk import AccountRef
from scimbridge.services.leases import LONGEST_ATTEMPT, TERMS, Leases
from scimbridge.store import accounts, attempts, cases, schema
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import Bench, a_rule, a_stage
from tests.services.kept import rows

LEASE, MARGIN = TERMS.length, TERMS.margin


class Killed(BaseException):
    """The worker's process ends here."""


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock)


def nothing() -> None:
    return


def kill() -> None:
    raise Killed


def before_the_next_write(bench: Bench, happens: Callable[[], object]) -> None:
    """Do something after the next write was permitted, and before it takes effect."""
    system = bench.systems["crm"]

    def once() -> None:
        system.before_write = nothing
        happens()

    system.before_write = once


def after_the_next_read(bench: Bench, seconds: float) -> None:
    system = bench.systems["crm"]

    def once() -> None:
        system.before_read = nothing
        bench.monotonic += seconds

    system.before_read = once


def let_the_lease_run_out(bench: Bench) -> None:
    bench.clock.advance(LEASE)
    bench.monotonic += LEASE.total_seconds()
    bench.sweep()


def attempt_rows(bench: Bench, user_id: str) -> list[RowMapping]:
    (task,) = bench.tasks(bench.case(user_id))
    with bench.database.read() as tx:
        return attempts.attempts_of(tx, [task.id])[task.id]


def a_linked_leaver(bench: Bench, name: str = "ada") -> str:
    user_id = bench.join(name)
    bench.run()
    bench.leave(user_id)
    return user_id


@pytest.mark.parametrize(
    ("spent", "tries"),
    [
        (LEASE - MARGIN - timedelta(milliseconds=1), 1),
        (LEASE - MARGIN, 2),
        (LEASE, 2),
    ],
)
def test_no_write_leaves_when_the_lease_is_nearly_used_up(bench: Bench, spent: timedelta, tries: int) -> None:
    ada = a_linked_leaver(bench)
    after_the_next_read(bench, spent.total_seconds())

    bench.work()

    outcomes = sorted(row["outcome"] for row in attempt_rows(bench, ada))
    assert outcomes == ["done", "ready"][:tries]
    assert bench.systems["crm"].writes == [("suspend", "native-ada")]


def test_a_lost_lease_counts_as_no_attempt(bench: Bench) -> None:
    ada = a_linked_leaver(bench)
    after_the_next_read(bench, 30)

    bench.work()

    (task,) = bench.tasks(bench.case(ada))
    assert (task.state, task.attempts) == (TaskState.DONE, 1)
    assert any("lease has run out" in row["reason"] for row in attempt_rows(bench, ada))


def test_a_renewed_lease_lets_a_slow_attempt_write(bench: Bench) -> None:
    ada = a_linked_leaver(bench)

    def slow() -> None:
        bench.systems["crm"].before_read = nothing
        for _ in range(3):
            bench.monotonic += 20
            bench.clock.advance("20s")
            bench.leases.renew(bench.clock())

    bench.systems["crm"].before_read = slow

    bench.work()

    assert len(attempt_rows(bench, ada)) == 1
    assert bench.systems["crm"].is_suspended("ada")


def test_after_ten_minutes_a_lease_is_renewed_no_more(bench: Bench) -> None:
    ada = a_linked_leaver(bench)

    def endless() -> None:
        bench.systems["crm"].before_read = nothing
        bench.monotonic += LONGEST_ATTEMPT.total_seconds()
        bench.clock.advance(LONGEST_ATTEMPT)
        bench.leases.renew(bench.clock())
        bench.sweep()

    bench.systems["crm"].before_read = endless

    bench.work()

    assert [row["outcome"] for row in attempt_rows(bench, ada)] == ["lapsed", "done"]


def test_a_lease_that_others_have_ended_runs_out_here_too(bench: Bench) -> None:
    ada = a_linked_leaver(bench)
    asked: list[bool] = []

    def rescued() -> None:
        bench.clock.advance(LEASE)
        bench.sweep()
        bench.leases.renew(bench.clock())
        asked.append(bench.leases.may_write())

    before_the_next_write(bench, rescued)

    bench.work()

    assert asked == [False]
    assert attempt_rows(bench, ada)[0]["outcome"] == "lapsed"


def test_a_lease_runs_out_while_the_machine_sleeps(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "clock_gettime", {time.CLOCK_BOOTTIME: 7.0}.__getitem__)

    assert Leases(database).now_monotonic() == 7.0


def test_nobody_may_write_outside_of_an_attempt(bench: Bench) -> None:
    assert not bench.leases.may_write()


def test_a_dead_workers_task_is_ready_again_when_its_lease_is_over_and_not_before(bench: Bench) -> None:
    ada = a_linked_leaver(bench)
    before_the_next_write(bench, kill)
    with pytest.raises(Killed):
        bench.work()

    bench.run(LEASE - timedelta(microseconds=1))
    assert bench.states(bench.case(ada)) == {"suspend@crm": TaskState.RUNNING}

    bench.run(timedelta(microseconds=1))
    assert bench.systems["crm"].writes == [("suspend", "native-ada")]
    assert "attempt lapsed" in bench.events(bench.case(ada))


@pytest.mark.parametrize(
    ("trouble", "level"), [(StoreBusyError("the database is busy"), "warning"), (ValueError("odd"), "error")]
)
def test_an_attempt_that_cannot_be_ended_just_now_keeps_nobody_else_waiting(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, trouble: Exception, level: str
) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    bench.run()
    bench.leave(ada)
    before_the_next_write(bench, kill)
    with pytest.raises(Killed):
        bench.work()
    bench.leave(bob)
    bench.wakeups.clear()
    lock = cases.lock_identity

    def is_held_elsewhere(tx: Connection, identity_id: str) -> None:
        if identity_id == ada:
            raise trouble
        lock(tx, identity_id)

    with monkeypatch.context() as patched, structlog.testing.capture_logs() as logs:
        patched.setattr(cases, "lock_identity", is_held_elsewhere)
        bench.run(LEASE)
    assert bench.systems["crm"].is_suspended("bob")
    assert [entry["log_level"] for entry in logs if entry.get("action") == "rescue.failed"] == [level] * 2

    bench.run()
    assert bench.systems["crm"].is_suspended("ada")


def test_a_worker_that_dies_after_the_write_leads_to_no_second_write(bench: Bench) -> None:
    ada = a_linked_leaver(bench)
    bench.systems["crm"].after_write = kill
    with pytest.raises(Killed):
        bench.work()
    bench.systems["crm"].after_write = nothing

    bench.run(LEASE)

    assert bench.systems["crm"].writes == [("suspend", "native-ada")]
    assert bench.case(ada).state is CaseState.COMPLETED


def test_undo_is_not_lost_when_the_worker_dies_after_the_write(bench: Bench) -> None:
    ada = a_linked_leaver(bench)
    bench.systems["crm"].after_write = kill
    with pytest.raises(Killed):
        bench.work()
    bench.systems["crm"].after_write = nothing

    bench.come_back(ada)
    bench.run(LEASE)

    assert not bench.systems["crm"].is_suspended("ada")


def test_a_dead_look_up_is_made_again(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.systems["crm"].fails.append(Killed())  # type: ignore[arg-type]  # no error of the target: the process ends
    bench.sweep()
    with pytest.raises(Killed):
        bench.work()

    bench.run(LEASE)

    assert bench.account(ada).native_id == "native-ada"


def while_the_account_is_looked_up(bench: Bench, happens: Callable[[], object]) -> None:
    """Do something once, after the target was asked for an account and before that is kept."""
    system = bench.systems["crm"]

    def once() -> None:
        system.after_find = nothing
        bench.clock.advance("1s")
        happens()

    system.after_find = once


def test_a_look_up_that_was_given_up_says_nothing_more(bench: Bench) -> None:
    ada = bench.join("ada")

    def meanwhile() -> None:
        let_the_lease_run_out(bench)
        bench.work()

    while_the_account_is_looked_up(bench, meanwhile)
    bench.run()

    account = bench.account(ada)
    assert (account.native_id, account.note, account.link_due_at) == ("native-ada", "", None)
    outcomes = [row["outcome"] for row in rows(bench, schema.attempts) if row["target"] == "crm"]
    assert outcomes == ["lapsed", "linked"]


def test_a_name_that_is_put_right_during_a_look_up_is_looked_up_too(bench: Bench) -> None:
    bench.systems["crm"].add("ada")
    ada = bench.join("adda", everywhere=False)
    while_the_account_is_looked_up(bench, lambda: bench.say(ada, userName="ada"))

    bench.run()

    account = bench.account(ada)
    assert (account.native_id, account.note) == ("native-ada", "")


def test_what_an_operator_has_chosen_during_a_look_up_stays_chosen(bench: Bench) -> None:
    ada = bench.join("ada")

    def choose() -> None:
        with bench.database.write() as tx:
            accounts.link(tx, bench.account(ada).id, AccountRef("native-other", "other"), bench.clock())

    while_the_account_is_looked_up(bench, choose)

    bench.run()

    assert bench.account(ada).native_id == "native-other"


def test_a_leaver_loses_the_account_that_an_operator_has_chosen_meanwhile_and_no_other(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.systems["crm"].add("other")
    bench.leave(ada)

    def choose() -> None:
        with bench.database.write() as tx:
            accounts.link(tx, bench.account(ada).id, AccountRef("native-other", "other"), bench.clock())

    while_the_account_is_looked_up(bench, choose)

    bench.run()
    bench.run("1h")

    assert bench.systems["crm"].is_suspended("other")
    assert not bench.systems["crm"].is_suspended("ada")


def test_a_suspension_that_lands_after_the_restore_is_taken_back(bench: Bench) -> None:
    ada = a_linked_leaver(bench)

    def meanwhile() -> None:
        let_the_lease_run_out(bench)
        bench.come_back(ada)
        bench.run()
        assert bench.cases(ada)[-1].state is CaseState.COMPLETED
        bench.clock.advance("1s")

    before_the_next_write(bench, meanwhile)

    bench.run()

    assert [what for what, _ in bench.systems["crm"].writes] == ["suspend", "restore"]
    assert not bench.systems["crm"].is_suspended("ada")
    leave, restore = bench.cases(ada)
    assert "late attempt" in bench.events(leave)
    assert "task reopened" in bench.events(restore)
    assert restore.state is CaseState.COMPLETED


def test_a_restore_that_lands_after_the_second_leave_is_taken_back(bench: Bench) -> None:
    ada = a_linked_leaver(bench)
    bench.run()

    def meanwhile() -> None:
        let_the_lease_run_out(bench)
        bench.leave(ada)
        bench.run()
        bench.clock.advance("1s")

    before_the_next_write(bench, meanwhile)
    bench.clock.advance("1s")
    bench.come_back(ada)

    bench.run()

    assert [what for what, _ in bench.systems["crm"].writes] == ["suspend", "restore", "suspend"]
    assert bench.systems["crm"].is_suspended("ada")


def test_after_a_late_suspension_the_account_can_still_be_given_back(bench: Bench) -> None:
    ada = a_linked_leaver(bench)

    def meanwhile() -> None:
        let_the_lease_run_out(bench)
        bench.run()
        bench.clock.advance("1s")

    before_the_next_write(bench, meanwhile)
    bench.run()

    bench.come_back(ada)
    bench.run("1s")

    assert not bench.systems["crm"].is_suspended("ada")


def test_an_account_that_was_suspended_before_us_stays_so_after_a_late_attempt(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.systems["crm"].accounts["native-ada"]["suspended"] = True
    bench.run()
    bench.leave(ada)
    bench.run("1s")
    bench.come_back(ada)
    bench.run("1s")

    assert bench.systems["crm"].writes == []


def test_a_late_attempt_that_never_read_leads_to_nothing(bench: Bench) -> None:
    ada = a_linked_leaver(bench)

    def slow() -> None:
        bench.systems["crm"].before_read = nothing
        let_the_lease_run_out(bench)
        bench.run()

    bench.systems["crm"].before_read = slow

    bench.run()

    assert bench.systems["crm"].writes == [("suspend", "native-ada")]
    assert bench.events(bench.case(ada)).count("late attempt") == 1
    assert "task reopened" not in bench.events(bench.case(ada))


def test_a_late_write_that_lands_while_the_restore_is_under_way_is_noticed(bench: Bench) -> None:
    ada = a_linked_leaver(bench)
    account_id = bench.account(ada).id
    stalled, go_on, restoring, recorded = (threading.Event() for _ in range(4))

    def stall() -> None:
        stalled.set()
        assert go_on.wait(120)

    before_the_next_write(bench, stall)
    bench.wakeups.clear()
    suspending = threading.Thread(target=bench.execution.work, args=[account_id])
    suspending.start()
    assert stalled.wait(120)
    let_the_lease_run_out(bench)
    bench.come_back(ada)

    accept_read = bench.claiming.accept_read

    def after_its_read(*arguments: Any) -> Any:
        accepted = accept_read(*arguments)
        bench.claiming.accept_read = accept_read  # type: ignore[method-assign]
        restoring.set()
        assert recorded.wait(120)
        return accepted

    bench.claiming.accept_read = after_its_read  # type: ignore[method-assign,assignment]
    restorer = threading.Thread(target=bench.execution.work, args=[account_id])
    restorer.start()
    assert restoring.wait(120)
    bench.clock.advance("1s")
    go_on.set()
    suspending.join()
    recorded.set()
    restorer.join()
    bench.run("1s")

    assert not bench.systems["crm"].is_suspended("ada")
    assert bench.cases(ada)[-1].state is CaseState.COMPLETED


def test_a_late_deletion_is_recorded_and_asks_nobody(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("0s", Action.DELETE)),)))
    ada = a_linked_leaver(bench)

    def meanwhile() -> None:
        let_the_lease_run_out(bench)
        bench.clock.advance("1s")

    before_the_next_write(bench, meanwhile)

    bench.run()

    assert [what for what, _ in bench.systems["crm"].writes] == ["delete"]
    assert bench.case(ada).state is CaseState.COMPLETED
