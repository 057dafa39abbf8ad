"""Cases that wait for a hook, and what its answer does; on both stores."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.rule import Rule, Ruleset
from scimbridge.domain.trigger import Trigger
from scimbridge.hooks.hook import BrokenHookError
from scimbridge.sdk.hook import HookAnswer, HookRequest
from scimbridge.store import hook_calls
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import Bench, MemoryTarget, a_rule, a_stage
from tests.store.racing import race


class FakeHook:
    """Answers as it is told, and keeps what it is asked."""

    def __init__(self) -> None:
        self.answer: HookAnswer | Exception = HookAnswer.proceed()
        self.asked: list[HookRequest] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def ask(self, request: HookRequest, *, now: datetime) -> HookAnswer:
        self.asked.append(request)
        self.meanwhile()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def hook() -> FakeHook:
    return FakeHook()


def a_bench(database: Database, clock: FakeClock, hook: FakeHook, *rules: Rule) -> Bench:
    return Bench(
        database,
        clock,
        Ruleset(rules or (a_rule(a_stage("0s"), a_stage("30d", Action.DELETE), hook="payroll"),)),
        systems={"crm": MemoryTarget()},
        hooks={"payroll": hook},
    )


@pytest.fixture
def bench(database: Database, clock: FakeClock, hook: FakeHook) -> Bench:
    return a_bench(database, clock, hook)


def ask(bench: Bench) -> int:
    return bench.hooking.run(bench.clock())


def leave(bench: Bench) -> str:
    ada = bench.join("ada")
    bench.run()
    bench.leave(ada)
    return ada


def reason(bench: Bench) -> str:
    (hold,) = bench.holding.standing()
    return hold.reason


def test_nothing_happens_before_the_hook_has_answered(bench: Bench, hook: FakeHook) -> None:
    leave(bench)

    bench.run("90d")

    assert bench.systems["crm"].writes == []
    assert hook.asked == []
    assert reason(bench) == "waits for what hook 'payroll' says"


def test_it_is_told_what_is_planned(bench: Bench, hook: FakeHook) -> None:
    ada = leave(bench)

    assert ask(bench) == 1

    (request,) = hook.asked
    assert (request.user_name, request.trigger, request.active) == ("ada", Trigger.DEACTIVATED, False)
    assert (request.identity_id, request.case_id) == (ada, bench.case(ada).id)
    planned = [[(task.target, task.action) for task in stage.tasks] for stage in request.stages]
    assert planned[0] == [("crm", Action.SUSPEND)]
    assert ("crm", Action.DELETE) in planned[1]
    assert [stage.is_irreversible for stage in request.stages] == [False, True]


def test_proceed_lets_it_go(bench: Bench) -> None:
    ada = leave(bench)

    ask(bench)
    bench.run()

    assert bench.systems["crm"].is_suspended("ada")
    assert bench.holding.standing() == []
    assert "hook answered" in bench.events(bench.case(ada))
    assert ask(bench) == 0


def test_skip_cancels_with_the_reason(bench: Bench, hook: FakeHook) -> None:
    hook.answer = HookAnswer.skip("comes back on Monday")
    ada = leave(bench)

    ask(bench)
    bench.run("90d")

    assert (bench.case(ada).state, bench.case(ada).reason) == (
        CaseState.CANCELED,
        "hook 'payroll': comes back on Monday",
    )
    assert bench.systems["crm"].writes == []
    assert bench.holding.standing() == []


def test_hold_waits_for_a_person_with_the_reason(bench: Bench, hook: FakeHook) -> None:
    hook.answer = HookAnswer.hold("has a laptop")
    leave(bench)

    ask(bench)
    bench.run("1d")
    assert (bench.systems["crm"].writes, reason(bench)) == ([], "hook 'payroll': has a laptop")
    bench.holding.lift(bench.holding.standing()[0].id, by="ops", now=bench.clock())
    bench.run()

    assert bench.systems["crm"].is_suspended("ada")


def test_other_graces_move_the_stages(bench: Bench, hook: FakeHook) -> None:
    hook.answer = HookAnswer.proceed({0: timedelta(days=2), 1: timedelta(days=60)})
    ada = leave(bench)
    ask(bench)

    bench.run("1d")
    assert bench.systems["crm"].writes == []
    bench.run("1d")
    assert bench.systems["crm"].is_suspended("ada")
    bench.run("57d")
    assert "native-ada" in bench.systems["crm"].accounts
    bench.run("1d")

    assert "native-ada" not in bench.systems["crm"].accounts
    assert bench.case(ada).state is CaseState.COMPLETED


@pytest.mark.parametrize("error", [BrokenHookError("it raised ValueError"), None])
def test_a_broken_hook_lets_nothing_through_and_is_asked_again(
    bench: Bench, hook: FakeHook, error: Exception | None
) -> None:
    if error is None:
        bench.hooking._hooks = {}
    else:
        hook.answer = error
    ada = leave(bench)

    assert ask(bench) == 1
    bench.run("29s")
    assert ask(bench) == 0
    bench.run("1s")
    assert ask(bench) == 1
    bench.run("59s")
    assert ask(bench) == 0

    assert bench.systems["crm"].writes == []
    assert reason(bench).startswith("hook 'payroll' is broken: ")
    assert bench.events(bench.case(ada)).count("hook broken") == 1


def test_a_hook_that_was_mended_is_believed(bench: Bench, hook: FakeHook) -> None:
    hook.answer = BrokenHookError("no answer in time")
    leave(bench)
    ask(bench)

    hook.answer = HookAnswer.proceed()
    bench.run("1m")
    ask(bench)
    bench.run()

    assert bench.systems["crm"].is_suspended("ada")


def test_waiting_between_questions_has_an_end(bench: Bench, hook: FakeHook) -> None:
    hook.answer = BrokenHookError("no answer in time")
    leave(bench)
    for _ in range(20):
        ask(bench)
        bench.clock.advance("1h")

    assert len(hook.asked) == 20


def test_two_sweepers_ask_once(bench: Bench, hook: FakeHook) -> None:
    leave(bench)

    race([partial(ask, bench) for _ in range(4)])

    assert len(hook.asked) == 1


def test_who_died_while_asking_is_replaced(bench: Bench, hook: FakeHook) -> None:
    leave(bench)
    with bench.database.write() as tx:
        hook_calls.lease(tx, bench.clock(), bench.at("5m"), 10)

    assert ask(bench) == 0
    bench.clock.advance("5m")

    assert ask(bench) == 1


def test_an_answer_that_comes_after_the_return_changes_nothing(bench: Bench, hook: FakeHook) -> None:
    hook.answer = HookAnswer.hold("has a laptop")
    ada = leave(bench)
    hook.meanwhile = lambda: bench.come_back(ada)

    ask(bench)

    assert bench.case(ada).state is CaseState.CANCELED
    assert bench.holding.standing() == []


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_person_who_lifts_the_hold_overrules_the_hook(bench: Bench, hook: FakeHook, when: str) -> None:
    hook.answer = HookAnswer.skip("comes back on Monday")
    ada = leave(bench)

    def lift() -> None:
        for hold in bench.holding.standing():
            bench.holding.lift(hold.id, by="ops", now=bench.clock())

    if when == "before":
        lift()
    hook.meanwhile = lift
    ask(bench)
    bench.run()

    assert len(hook.asked) == (0 if when == "before" else 1)
    assert bench.case(ada).state is CaseState.OPEN
    assert bench.systems["crm"].is_suspended("ada")


def test_other_holds_stay(bench: Bench) -> None:
    from scimbridge.domain.hold import Scope

    ada = leave(bench)
    bench.holding.place(Scope.IDENTITY, ada, reason="litigation", by="law", now=bench.clock(), is_legal=True)

    ask(bench)
    bench.run()

    assert bench.systems["crm"].writes == []
    assert [hold.reason for hold in bench.holding.standing()] == ["litigation"]


@pytest.mark.parametrize("answer", [HookAnswer.proceed(), HookAnswer.skip("not at once")])
def test_what_a_later_fact_adds_is_asked_about_too(
    database: Database, clock: FakeClock, hook: FakeHook, answer: HookAnswer
) -> None:
    bench = a_bench(
        database,
        clock,
        hook,
        a_rule(a_stage("30d"), when=frozenset({Trigger.DEACTIVATED})),
        a_rule(a_stage("0s"), name="deleted", when=frozenset({Trigger.DELETED}), hook="payroll"),
    )
    hook.answer = answer
    ada = leave(bench)
    bench.delete(ada)
    bench.run()
    assert bench.systems["crm"].writes == []

    ask(bench)
    bench.run()

    is_done = bench.systems["crm"].is_suspended("ada")
    assert is_done is (not answer.reason)
    assert bench.case(ada).state is (CaseState.COMPLETED if is_done else CaseState.OPEN)


def test_a_case_without_work_asks_nobody(database: Database, clock: FakeClock, hook: FakeHook) -> None:
    rule = a_rule(hook="payroll", exclude_targets=frozenset({"crm"}))
    bench = a_bench(database, clock, hook, rule)
    ada = leave(bench)

    assert ask(bench) == 0
    assert bench.case(ada).state is CaseState.COMPLETED


def test_asking_costs_nothing_while_nobody_waits(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(bench.database, "write", refuse)

    assert ask(bench) == 0
