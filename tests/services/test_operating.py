"""What operators do: cancel, retry, choose an account."""

from __future__ import annotations

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.rule import Restore, Ruleset
from scimbridge.domain.task import TaskState
from scimbridge.domain.wakeup import WakeUp
from scimbridge.errors import CaseClosedError, InvalidTransitionError, NotFoundError
from scimbridge.sdk import AccountRef, AmbiguousAccountError, RejectedError, RetryableError
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import FEW_ACTIONS, Bench, a_rule, a_stage

SUSPEND_THEN_DELETE = (a_stage("7d"), a_stage("30d", Action.DELETE))
CANDIDATES = [AccountRef("native-ada", "ada"), AccountRef("native-ada2", "ada2")]


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock, Ruleset((a_rule(*SUSPEND_THEN_DELETE),)), actions=FEW_ACTIONS)


def an_ambiguous_leaver(bench: Bench) -> str:
    ada = bench.join("ada")
    bench.systems["crm"].add("ada2")
    bench.fail(AmbiguousAccountError("two accounts match", CANDIDATES))
    bench.run()
    bench.leave(ada)
    bench.fail(AmbiguousAccountError("two accounts match", CANDIDATES))
    bench.run("7d")
    return ada


def test_a_canceled_case_does_nothing_more(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)

    canceled = bench.operating.cancel(bench.case(ada).id, reason="stays after all", by="ops", now=bench.clock())
    bench.run("60d")

    assert (canceled.state, canceled.reason) == (CaseState.CANCELED, "stays after all")
    assert bench.systems["crm"].writes == []
    assert set(bench.states(bench.case(ada)).values()) == {TaskState.CANCELED}


def test_what_a_canceled_case_has_done_stays_done(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run("7d")

    bench.operating.cancel(bench.case(ada).id, reason="enough", by="ops", now=bench.clock())
    bench.run("60d")

    assert bench.systems["crm"].writes == [("suspend", "native-ada")]
    assert bench.states(bench.case(ada))["suspend@crm"] is TaskState.DONE


def test_a_case_canceled_while_it_runs_keeps_the_outcome_and_tries_nothing_again(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.run()
    bench.leave(ada)
    bench.fail(RetryableError("503"))
    case = bench.case(ada)
    bench.systems["crm"].before_read = lambda: _cancel_once(bench, case.id)

    bench.run("7d")
    bench.run("60d")

    states = bench.states(bench.case(ada))
    assert states == {"suspend@crm": TaskState.CANCELED, "delete@crm": TaskState.CANCELED}
    assert bench.systems["crm"].writes == []


def test_an_ended_case_can_neither_be_canceled_nor_retried(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    case_id = bench.case(ada).id
    bench.operating.cancel(case_id, reason="stays", by="ops", now=bench.clock())

    with pytest.raises(CaseClosedError, match=f"^case {case_id} has ended$"):
        bench.operating.cancel(case_id, reason="again", by="ops", now=bench.clock())
    with pytest.raises(CaseClosedError):
        bench.operating.retry(case_id, by="ops", now=bench.clock())


def test_an_unknown_case_is_said_to_be_unknown(bench: Bench) -> None:
    with pytest.raises(NotFoundError):
        bench.operating.cancel("nothing", reason="", by="ops", now=bench.clock())
    with pytest.raises(NotFoundError):
        bench.operating.retry("nothing", by="ops", now=bench.clock())
    with pytest.raises(NotFoundError):
        bench.operating.link("nothing", "native", by="ops", now=bench.clock())


def test_after_a_cancel_the_next_fact_starts_a_new_case(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    bench.operating.cancel(bench.case(ada).id, reason="by mistake", by="ops", now=bench.clock())
    bench.clock.advance("1h")

    bench.delete(ada)
    bench.run("7d")

    assert bench.systems["crm"].writes == [("suspend", "native-ada")]


def test_retry_starts_failed_and_waiting_tasks_and_no_others(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.run()
    bench.leave(ada)
    bench.fail(RejectedError("no right"))
    bench.run("7d")

    (again,) = bench.operating.retry(bench.case(ada).id, by="ops", now=bench.clock())

    assert (again.action, again.state, again.attempts, again.first_tried_at) == (
        Action.SUSPEND,
        TaskState.READY,
        0,
        None,
    )
    assert bench.wakeups == [WakeUp("crm", again.account_id)]
    assert "task retried" in bench.events(bench.case(ada))


def test_retry_does_not_wait_for_the_backoff(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.run()
    bench.leave(ada)
    bench.fail(RetryableError("503"))
    bench.run("7d")
    assert bench.states(bench.case(ada))["suspend@crm"] is TaskState.WAITING

    bench.operating.retry(bench.case(ada).id, by="ops", now=bench.clock())
    bench.work()

    assert bench.systems["crm"].is_suspended("ada")


def test_ambiguous_accounts_are_not_touched_and_a_person_is_asked(bench: Bench) -> None:
    ada = an_ambiguous_leaver(bench)

    task = bench.tasks(bench.case(ada))[0]
    assert bench.systems["crm"].writes == []
    assert task.needs_person
    assert task.reason.endswith("; somebody has to choose the right one")
    assert bench.account(ada).candidates == [{"id": ref.id, "name": ref.name} for ref in CANDIDATES]


def test_the_chosen_account_is_the_one_that_is_worked_on(bench: Bench) -> None:
    ada = an_ambiguous_leaver(bench)
    task = bench.tasks(bench.case(ada))[0]

    bench.operating.link(task.id, "native-ada2", by="ops", now=bench.clock())
    bench.run()

    assert bench.systems["crm"].writes == [("suspend", "native-ada2")]
    assert bench.account(ada).candidates is None
    assert "account chosen" in bench.events(bench.case(ada))


def test_only_candidates_can_be_chosen(bench: Bench) -> None:
    ada = an_ambiguous_leaver(bench)
    task = bench.tasks(bench.case(ada))[0]

    with pytest.raises(NotFoundError):
        bench.operating.link(task.id, "native-eve", by="ops", now=bench.clock())

    assert bench.account(ada).native_id is None


def test_an_account_is_not_chosen_for_a_task_that_does_not_wait(bench: Bench) -> None:
    ada = an_ambiguous_leaver(bench)
    case = bench.case(ada)
    planned = next(task for task in bench.tasks(case) if task.action is Action.DELETE)

    with pytest.raises(InvalidTransitionError):
        bench.operating.link(planned.id, "native-ada", by="ops", now=bench.clock())

    assert bench.account(ada).native_id is None


def test_a_canceled_restore_gives_nothing_back(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(restore=Restore.MANUAL),)))
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run()
    bench.come_back(ada)

    bench.operating.cancel(bench.open_case(ada).id, reason="somebody else", by="ops", now=clock())
    bench.run("60d")

    assert bench.systems["crm"].is_suspended("ada")


def _cancel_once(bench: Bench, case_id: str) -> None:
    bench.systems["crm"].before_read = lambda: None
    bench.operating.cancel(case_id, reason="stays", by="ops", now=bench.clock())


def test_what_an_administrator_did_after_a_restore_is_not_undone_by_the_next_one(
    database: Database, clock: FakeClock
) -> None:
    bench = Bench(database, clock)
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run()
    bench.come_back(ada)
    bench.run("1h")
    bench.systems["crm"].accounts["native-ada"]["suspended"] = True

    bench.leave(ada)
    bench.run("1h")
    bench.come_back(ada)
    bench.run("1h")

    assert bench.systems["crm"].is_suspended("ada")
    assert [what for what, _ in bench.systems["crm"].writes] == ["suspend", "restore"]


def test_what_was_done_by_hand_is_skipped_with_the_operators_word_and_the_case_goes_on(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.fail(RejectedError("protected account"), target="crm")
    bench.leave(ada)
    bench.run("7d")
    (task,) = (one for one in bench.tasks(bench.case(ada)) if one.state is TaskState.FAILED)

    ended = bench.operating.done_by_hand(task.id, reason="blocked in the console", by="olga", now=bench.clock())
    bench.run("30d")

    assert ended.state is TaskState.SKIPPED
    assert ended.reason == "done by hand, says olga: blocked in the console"
    assert bench.case(ada).state is CaseState.COMPLETED
    assert "done by hand" in bench.events(bench.case(ada))


def test_nobodys_word_is_taken_for_what_does_not_wait_for_a_person(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.fail(RetryableError("busy"), target="crm")
    bench.leave(ada)
    bench.run("7d")
    (task,) = (one for one in bench.tasks(bench.case(ada)) if one.state is TaskState.WAITING)

    with pytest.raises(InvalidTransitionError):
        bench.operating.done_by_hand(task.id, reason="looks fine", by="olga", now=bench.clock())
