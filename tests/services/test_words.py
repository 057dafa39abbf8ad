"""What an attempt comes to, in the words that operators read, and what is measured and logged of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
import structlog
from prometheus_client import REGISTRY

from scimbridge.domain import retry
from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseKind
from scimbridge.domain.hold import Scope
from scimbridge.domain.rule import Ruleset, Terms
from scimbridge.domain.task import TaskState
from scimbridge.errors import StoreBusyError
from scimbridge.sdk import AccountRef, AmbiguousAccountError, RejectedError, RetryableError
from scimbridge.services.claiming import Claim
from scimbridge.store import schema
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import FEW_ACTIONS, Bench, MemoryConnector, a_rule, a_stage
from tests.services.kept import rows
from tests.services.test_leases import a_linked_leaver, before_the_next_write, nothing

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""They are the same on both stores, which other tests compare."""

AT_ONCE_AND_DELETE = Ruleset((a_rule(a_stage("0s", Action.DELETE)),))


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock)


def outcome(bench: Bench, user: str) -> tuple[TaskState, str]:
    (task,) = bench.tasks(bench.case(user))
    return task.state, task.reason


def in_the_next_read(bench: Bench, happens: Callable[[], object]) -> None:
    system = bench.systems["crm"]

    def once() -> None:
        system.before_read = nothing
        happens()

    system.before_read = once


def test_a_target_that_lies(bench: Bench) -> None:
    ada = a_linked_leaver(bench)
    bench.systems["crm"].is_lying = True

    bench.work()

    why = "the target answered that it did suspend the account, but the account is unchanged"
    assert outcome(bench, ada) == (TaskState.WAITING, why)


def test_a_bug_in_a_connector(bench: Bench) -> None:
    ada = a_linked_leaver(bench)

    def break_down() -> None:
        raise KeyError("id")

    in_the_next_read(bench, break_down)

    with structlog.testing.capture_logs() as logs:
        bench.work()

    why = "unexpected KeyError in the connector; see the worker's log"
    assert outcome(bench, ada) == (TaskState.WAITING, why)
    (task,) = bench.tasks(bench.case(ada))
    assert logs[0] == {
        "event": "attempt broke",
        "log_level": "error",
        "exc_info": True,
        "action": "attempt",
        "task": task.id,
        "target": "crm",
    }


def test_a_bug_in_a_look_up(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.systems["crm"].fails.append(KeyError("id"))

    with structlog.testing.capture_logs() as logs:
        bench.run("1m")

    account = bench.account(ada)
    assert account.note == "unexpected KeyError in the connector; see the worker's log"
    assert account.link_due_at is not None
    (entry,) = (each for each in logs if each["event"] == "look-up broke")
    assert (entry["action"], entry["account"], entry["target"]) == ("look_up", account.id, "crm")


BUSY = "the database is busy; try again in a moment"


def test_a_database_that_is_busy_during_an_attempt(bench: Bench) -> None:
    ada = a_linked_leaver(bench)

    def is_busy() -> None:
        raise StoreBusyError(BUSY)

    in_the_next_read(bench, is_busy)

    with structlog.testing.capture_logs() as logs:
        bench.work()

    assert outcome(bench, ada) == (TaskState.WAITING, BUSY)
    assert {entry["log_level"] for entry in logs} == {"info"}


def test_a_database_that_is_busy_during_a_look_up(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.systems["crm"].fails.append(StoreBusyError(BUSY))

    bench.run("1m")

    account = bench.account(ada)
    assert (account.note, account.link_attempts) == (BUSY, 1)
    assert account.link_due_at is not None


def test_a_look_up_waits_as_long_as_the_target_asks(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.systems["crm"].fails.append(RetryableError("busy", retry_after=timedelta(hours=9)))

    bench.run("1m")

    assert bench.account(ada).link_due_at == bench.at("9h")


@pytest.mark.parametrize("error", [RejectedError("no right"), KeyError("id")])
def test_each_look_up_that_fails_waits_longer(bench: Bench, error: Exception) -> None:
    ada = bench.join("ada")
    for failed in (1, 2, 3):
        bench.systems["crm"].fails.append(error)
        retry._RNG.seed(7)
        with structlog.testing.capture_logs():
            bench.run("1h")

        account = bench.account(ada)
        assert account.link_attempts == failed
        assert account.link_due_at == bench.clock() + retry.backoff(failed, rng=random.Random(7))


def test_what_is_so_already(bench: Bench) -> None:
    ada = a_linked_leaver(bench)
    bench.systems["crm"].account("ada")["suspended"] = True

    bench.work()

    assert outcome(bench, ada) == (TaskState.DONE, "was already so; nothing was written")
    (task,) = rows(bench, schema.tasks)
    before, after = task["evidence"]["before"], task["evidence"]["after"]
    assert (before["exists"], before["suspended"]) == (True, True)
    assert after == before


def test_an_action_that_the_connector_has_lost_since(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryConnector, "able", staticmethod(lambda _: {}))  # the plan goes by the class
    ada = a_linked_leaver(bench)

    bench.work()

    assert outcome(bench, ada)[1] == "the connector cannot suspend"
    assert bench.tasks(bench.case(ada))[0].needs_person


def test_an_account_that_goes_while_it_is_suspended(bench: Bench) -> None:
    ada = a_linked_leaver(bench)
    bench.systems["crm"].after_write = bench.systems["crm"].accounts.clear

    bench.work()

    assert outcome(bench, ada) == (TaskState.DONE, "the account is gone")
    (task,) = rows(bench, schema.tasks)
    assert task["evidence"]["before"]["exists"] is True
    assert task["evidence"]["after"] == {"exists": False}


def test_an_account_that_was_gone_before(bench: Bench) -> None:
    ada = a_linked_leaver(bench)
    bench.systems["crm"].accounts.clear()

    bench.work()

    assert outcome(bench, ada) == (TaskState.DONE, "the account is gone")
    (task,) = rows(bench, schema.tasks)
    assert task["evidence"] == {"before": None, "after": {"exists": False}}


def test_a_deletion(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, AT_ONCE_AND_DELETE, actions=FEW_ACTIONS)
    ada = a_linked_leaver(bench)

    bench.run()

    assert outcome(bench, ada) == (TaskState.DONE, "done, and read back")
    (task,) = rows(bench, schema.tasks)
    assert task["evidence"]["before"]["exists"] is True
    assert task["evidence"]["after"] == {"exists": False}


def test_several_accounts_match(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    both = (AccountRef("one", "ada"), AccountRef("two", "ada"))
    bench.fail(AmbiguousAccountError("two accounts match", both))

    bench.work()

    (task,) = bench.tasks(bench.case(ada))
    assert (task.reason, task.needs_person) == (
        "two accounts match; somebody has to choose the right one",
        True,
    )
    account = bench.account(ada)
    assert (account.note, account.candidates) == (
        "ambiguous",
        [{"id": "one", "name": "ada"}, {"id": "two", "name": "ada"}],
    )


def test_a_target_that_works_by_itself(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("0s", Action.ARCHIVE)),)))
    bench.systems["crm"].archive_answers = 1
    ada = a_linked_leaver(bench)

    bench.run()

    assert outcome(bench, ada) == (TaskState.WAITING, "the target is working on it")
    (task,) = rows(bench, schema.tasks)
    assert task["not_before"] > clock()


def test_a_hold_that_comes_while_the_account_is_read(bench: Bench) -> None:
    ada = a_linked_leaver(bench)
    in_the_next_read(
        bench,
        lambda: bench.holding.place(Scope.IDENTITY, ada, reason="litigation", by="legal", now=bench.clock()),
    )

    bench.work()

    assert outcome(bench, ada) == (TaskState.READY, "on hold: litigation")
    assert bench.systems["crm"].writes == []


def test_somebody_who_comes_back_while_the_account_is_read(bench: Bench) -> None:
    ada = a_linked_leaver(bench)
    in_the_next_read(bench, lambda: bench.come_back(ada))

    bench.execution.work(bench.account(ada).id)

    (leave,) = (case for case in bench.cases(ada) if case.kind is CaseKind.LEAVE)
    (task,) = bench.tasks(leave)
    assert (task.state, task.reason) == (TaskState.CANCELED, "case canceled: the identity is active again")
    assert bench.systems["crm"].writes == []


def test_a_failure_in_a_case_that_was_canceled_meanwhile_is_not_tried_again(bench: Bench) -> None:
    ada = a_linked_leaver(bench)

    def call_off() -> None:
        bench.operating.cancel(bench.case(ada).id, reason="stop", by="ops", now=bench.clock())
        raise RetryableError("connection reset")

    before_the_next_write(bench, call_off)

    bench.work()

    why = "its case was canceled; the attempt ended with: connection reset"
    assert outcome(bench, ada) == (TaskState.CANCELED, why)
    assert rows(bench, schema.tasks)[0]["finished_at"] == bench.clock()


def test_a_lease_that_ran_out_while_the_account_was_read(bench: Bench) -> None:
    ada = a_linked_leaver(bench)
    in_the_next_read(bench, lambda: bench.__setattr__("monotonic", bench.monotonic + 29))

    bench.execution.work(bench.account(ada).id)

    reasons = [row["reason"] for row in rows(bench, schema.attempts)]
    assert "the lease has run out; the next attempt looks first" in reasons


def test_two_people_of_one_account_at_the_same_time(bench: Bench) -> None:
    ada = a_linked_leaver(bench)
    claim = bench.claiming.claim(bench.account(ada).id, bench.clock())
    assert isinstance(claim, Claim)
    twin = bench.join("ada", source="other", everywhere=False)

    bench.execution.work(bench.account(twin).id)

    assert bench.account(twin).note == "another attempt works on the same account just now"
    assert bench.account(twin).native_id is None


def test_what_is_measured_and_logged_of_a_task(bench: Bench) -> None:
    ada = a_linked_leaver(bench)
    (task,) = bench.tasks(bench.case(ada))

    def measured() -> list[float]:
        at = {"target": "crm", "action": "suspend"}
        wanted = (
            ("scimbridge_tasks_finished_total", {**at, "outcome": "done"}),
            ("scimbridge_time_to_revoke_seconds_sum", at),
            ("scimbridge_time_to_revoke_seconds_count", at),
            ("scimbridge_attempt_duration_seconds_count", {"target": "crm"}),
        )
        return [REGISTRY.get_sample_value(name, labels) or 0.0 for name, labels in wanted]

    before = measured()
    bench.clock.advance("90s")

    with structlog.testing.capture_logs() as logs:
        bench.work()

    assert [after - was for after, was in zip(measured(), before, strict=True)] == [1, 90, 1, 1]
    assert logs == [
        {
            "event": "task",
            "log_level": "info",
            "action": "suspend.done",
            "task": task.id,
            "case": task.case_id,
            "target": "crm",
            "attempts": 1,
            "reason": "done, and read back",
        }
    ]


def test_giving_back_is_no_revocation(bench: Bench) -> None:
    ada = a_linked_leaver(bench)
    bench.run()
    bench.come_back(ada)

    bench.run("1m")

    labels = {"target": "crm", "action": "restore"}
    assert REGISTRY.get_sample_value("scimbridge_time_to_revoke_seconds_count", labels) is None


def test_a_protected_account_names_the_way_to_let_it_through(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock)
    bench.systems["crm"].offer("Administrators", is_privileged=True)
    ada = bench.join("ada", everywhere=False)
    bench.systems["crm"].add("ada", groups=["Administrators"])
    bench.run()
    bench.leave(ada)

    bench.work()

    state, reason = outcome(bench, ada)
    assert state is TaskState.WAITING
    assert reason.startswith("protected: ")
    assert reason.endswith("; approving its stage lets exactly this state through")


def test_an_approval_that_has_lapsed_has_to_be_given_anew(database: Database, clock: FakeClock) -> None:
    stage = a_stage("1d", Action.DELETE, terms=Terms(approvers=1))
    bench = Bench(database, clock, Ruleset((a_rule(stage),)), actions=FEW_ACTIONS)
    ada = a_linked_leaver(bench)
    proposal = bench.approving.propose(bench.case(ada).id, None, clock())
    bench.approving.approve(proposal, by="eve", now=clock())
    bench.systems["crm"].account("ada")["suspended"] = True

    bench.run("1d")

    changed = "the account at crm has changed (enabled)"
    assert outcome(bench, ada) == (
        TaskState.PLANNED,
        f"the approval of its stage has lapsed: {changed}; it has to be given anew",
    )


def test_another_identity_that_owns_the_account(bench: Bench) -> None:
    ada = a_linked_leaver(bench)
    bench.join("ada", source="other", everywhere=False)

    bench.execution.work(bench.account(ada).id)

    why = "contested: another active identity owns this account; "
    why += "cancel the case, or retry it once the other identity has left, too"
    assert outcome(bench, ada) == (TaskState.WAITING, why)


def test_a_full_target_says_so_and_an_idle_account_does_not(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, concurrency=1)
    ada, bob = bench.join("ada"), bench.join("bob")
    bench.run()
    bench.leave(ada)
    bench.claiming.claim(bench.account(ada).id, clock())
    assert bench.execution.work(bench.account(bob).id) is True

    bench.leave(bob)

    assert bench.execution.work(bench.account(bob).id) is False
    assert bench.systems["crm"].writes == []


def test_a_message_takes_no_new_task_once_its_time_is_over(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("0s", Action.SUSPEND, Action.MOVE)),)))
    ada = a_linked_leaver(bench)

    def slow() -> None:
        clock.advance("120s")
        bench.leases.renew(clock())

    bench.systems["crm"].before_read = slow
    bench.execution.work(bench.account(ada).id)

    assert [what for what, _ in bench.systems["crm"].writes] == ["suspend"]
