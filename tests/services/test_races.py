"""Real threads, both stores: what happens at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial

import pytest
from sqlalchemy import func, select, text

from scimbridge.domain.access import Grant
from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.hold import Scope
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.task import TaskState
from scimbridge.errors import DuplicateError, TooManyTokensError
from scimbridge.sdk import TargetUnusableError
from scimbridge.services.claiming import Claim
from scimbridge.services.tokens import Tokens
from scimbridge.store import holds
from scimbridge.store.database import Database
from scimbridge.store.schema import attempts
from tests.clock import FakeClock
from tests.services.bench import Bench, MemoryTarget, a_rule, a_stage, an_exclusion
from tests.store.racing import race


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock, concurrency=100)


def raised(results: list[object]) -> list[object]:
    return [result for result in results if isinstance(result, Exception)]


def attempt_count(bench: Bench) -> int:
    with bench.database.read() as tx:
        return tx.execute(
            select(func.count()).select_from(attempts).where(attempts.c.task_id.is_not(None))
        ).scalar_one()


def test_eight_threads_claim_one_account_and_one_gets_it(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    account_id = bench.account(ada).id

    claims = race([lambda: bench.claiming.claim(account_id, bench.clock())] * 8)

    assert raised(claims) == []
    assert sum(isinstance(claim, Claim) for claim in claims) == 1
    assert attempt_count(bench) == 1


def test_eight_threads_with_the_same_message_write_once(bench: Bench) -> None:
    people = [bench.join(f"p{number}") for number in range(5)]
    bench.run()
    for person in people:
        bench.leave(person)
    account_ids = [bench.account(person).id for person in people]

    def work_all() -> None:
        for account_id in account_ids:
            bench.execution.work(account_id)

    results = race([work_all] * 8)

    assert raised(results) == []
    assert sorted(bench.systems["crm"].writes) == [("suspend", f"native-p{number}") for number in range(5)]


def test_nobody_is_woken_for_an_account_that_another_identitys_attempt_works_on(bench: Bench) -> None:
    ada = bench.join("ada")
    twin = bench.join("ada", source="hr", everywhere=False)
    bench.run()
    bench.leave(ada)
    bench.leave(twin, source="hr")
    claim = bench.claiming.claim(bench.account(ada).id, bench.clock())
    bench.wakeups.clear()

    bench.sweep()

    assert isinstance(claim, Claim)
    assert bench.wakeups == [], "it would be claimed in vain, again and again"
    bench.run("31s")
    assert bench.case(twin).state is CaseState.COMPLETED


def test_two_identities_of_one_account_claimed_at_once_give_one_attempt(bench: Bench) -> None:
    ada = bench.join("ada")
    twin = bench.join("ada", source="hr", everywhere=False)
    bench.run()
    bench.leave(ada)
    bench.leave(twin, source="hr")
    account_ids = [bench.account(ada).id, bench.account(twin).id] * 4

    claims = race([partial(bench.claiming.claim, account_id, bench.clock()) for account_id in account_ids])

    assert raised(claims) == []
    assert sum(isinstance(claim, Claim) for claim in claims) == 1


def test_nothing_starts_after_a_hold_was_placed(bench: Bench) -> None:
    people = [bench.join(f"p{number}") for number in range(24)]
    for person in people:
        bench.leave(person)
    account_ids = [bench.account(person).id for person in people]
    placed: list[int] = []

    def claim(own: Sequence[str]) -> None:
        for account_id in own:
            bench.claiming.claim(account_id, bench.clock())

    def hold() -> None:
        bench.holding.place(Scope.EVERYTHING, "", reason="stop", by="ops", now=bench.clock())
        placed.append(attempt_count(bench))

    results = race([partial(claim, account_ids[number::3]) for number in range(3)] + [hold])

    assert raised(results) == []
    assert placed == [attempt_count(bench)]


def test_an_exclusion_waits_for_the_claims_that_have_not_seen_it(bench: Bench) -> None:
    if bench.database.is_sqlite:
        return  # it has one writer anyway
    exclude = partial(bench.holding.exclude, an_exclusion("userName pr"), by="ops", now=bench.clock())
    one = threading.Thread(target=exclude)
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")

    with bench.database.write() as tx:
        holds.enter(tx)
        one.start()
        while one.is_alive() and not tx.execute(waiting).scalar_one():
            pass
        has_waited = one.is_alive()
    one.join()

    assert has_waited


def test_a_hold_that_meets_an_attempt_stops_it_or_names_it(bench: Bench) -> None:
    for number in range(10):
        person = bench.join(f"p{number}")
        bench.run()
        bench.leave(person)
        account_id = bench.account(person).id
        written_before = len(bench.systems["crm"].writes)

        _, placed = race(
            [
                partial(bench.execution.work, account_id),
                partial(bench.holding.place, Scope.IDENTITY, person, reason="stop", by="ops", now=bench.clock()),
            ]
        )

        written = len(bench.systems["crm"].writes) > written_before
        assert bench.states(bench.case(person)) == {"suspend@crm": TaskState.DONE if written else TaskState.READY}
        assert written or placed.too_late_for == ()


@pytest.mark.parametrize("action", [Action.SUSPEND, Action.DELETE])
def test_a_return_that_races_with_a_claim_never_ends_without_access(
    database: Database, clock: FakeClock, action: Action
) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("0s", action)),)), concurrency=100)
    for number in range(25):
        name = f"p{number}"
        person = bench.join(name)
        bench.run()
        bench.leave(person)
        bench.sweep()
        bench.wakeups.clear()
        account_id = bench.account(person).id

        results = race(
            [
                partial(bench.execution.work, account_id),
                partial(bench.come_back, person),
            ]
        )
        clock.advance("1s")
        bench.run()

        assert raised(results) == []
        if action is Action.SUSPEND:
            assert not bench.systems["crm"].is_suspended(name)
            assert all(case.state is not CaseState.OPEN for case in bench.cases(person))
        elif f"native-{name}" not in bench.systems["crm"].accounts:
            assert bench.tasks(bench.open_case(person))[0].needs_person


def test_ten_creations_of_one_name_make_one_user(bench: Bench) -> None:
    def create(number: int) -> Callable[[], object]:
        document = {"userName": "ada", "active": True, "externalId": f"ext-{number}"}
        return lambda: bench.intake.create_user(document, bench.received("POST"), bench.clock())

    results = race([create(number) for number in range(10)])

    assert [type(error) for error in raised(results)] == [DuplicateError] * 9


def test_ten_deactivations_at_once_open_one_case(bench: Bench) -> None:
    ada = bench.join("ada")

    results = race([lambda: bench.leave(ada)] * 10)

    assert raised(results) == []
    assert len(bench.cases(ada)) == 1


def test_several_sweepers_release_each_task_once(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("7d")),)))
    people = [bench.join(f"p{number}") for number in range(20)]
    for person in people:
        bench.leave(person)
    clock.advance("7d")

    released = race([lambda: bench.sweeping.release(clock())] * 4)

    assert raised(released) == []
    assert sum(released) == 20
    assert {event for person in people for event in bench.events(bench.case(person))} >= {"task released"}
    assert all(bench.events(bench.case(person)).count("task released") == 1 for person in people)


def test_nothing_is_released_after_a_hold_was_placed(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("7d")),)))
    people = [bench.join(f"p{number}") for number in range(20)]
    for person in people:
        bench.leave(person)
    clock.advance("7d")
    placed: list[int] = []

    def released() -> int:
        states = [bench.states(bench.case(person))["suspend@crm"] for person in people]
        return states.count(TaskState.READY)

    def hold() -> None:
        bench.holding.place(Scope.EVERYTHING, "", reason="stop", by="ops", now=clock())
        placed.append(released())

    results = race([lambda: bench.sweeping.release(clock()), hold])

    assert raised(results) == []
    assert placed == [released()]


def test_the_processes_of_an_installation_may_start_at_once(database: Database, clock: FakeClock) -> None:
    systems = {f"target-{number}": MemoryTarget() for number in range(20)}

    benches = race([lambda: Bench(database, clock, systems=systems)] * 4)

    assert raised(benches) == []


def test_several_sweepers_rescue_each_attempt_once(bench: Bench) -> None:
    people = [bench.join(f"p{number}") for number in range(10)]
    for person in people:
        bench.leave(person)
        assert isinstance(bench.claiming.claim(bench.account(person).id, bench.clock()), Claim)
    bench.clock.advance("31s")

    rescued = race([lambda: bench.sweeping.rescue(bench.clock())] * 4)

    assert raised(rescued) == []
    assert sum(rescued) == 10


def test_many_attempts_at_an_unusable_target_pause_it_once(bench: Bench) -> None:
    people = [bench.join(f"p{number}") for number in range(8)]
    bench.run()
    for person in people:
        bench.leave(person)
    bench.fail(*[TargetUnusableError("wrong password")] * 8)
    account_ids = [bench.account(person).id for person in people]

    results = race([partial(bench.execution.work, account_id) for account_id in account_ids])

    assert raised(results) == []
    assert bench.alarms == [("crm", "wrong password")]


def test_of_tokens_made_at_once_two_are_made(database: Database, clock: FakeClock) -> None:
    tokens = Tokens(database)

    made = race([lambda: tokens.create("okta", by="ops", now=clock())] * 6)

    assert [type(error) for error in raised(made)] == [TooManyTokensError] * 4
    assert {tokens.identify(token, clock()) for token in made if isinstance(token, str)} == {Grant("okta")}
    assert len(tokens.all()) == 2
