"""Why has nothing happened yet? Each possible reason has a sentence, and a next step that exists."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
import typer
from sqlalchemy import insert, update

from scimbridge.cli.app import app
from scimbridge.dashboard.next_steps import next_step, on_a_page
from scimbridge.domain.action import Action, GuardClass
from scimbridge.domain.approval import UNTOLD
from scimbridge.domain.guard import Guard, GuardScope, Limit
from scimbridge.domain.hold import Scope
from scimbridge.domain.resource import Received
from scimbridge.domain.rule import Restore, Ruleset, Stage, Terms
from scimbridge.domain.schedule import Freeze
from scimbridge.domain.task import TaskState
from scimbridge.sdk import AccountRef, AmbiguousAccountError, Mode, RejectedError, RetryableError
from scimbridge.services.claiming import Claim
from scimbridge.services.fleet import Fleet
from scimbridge.services.story import Reason, Stories, Why, left_undone, tell, waiting_for
from scimbridge.services.timing import Timing
from scimbridge.store.database import Database
from scimbridge.store.schema import hook_calls, tasks
from tests.clock import FakeClock
from tests.emptying import OnSqlite
from tests.services.bench import (
    FEW_ACTIONS,
    SOURCE,
    Bench,
    MemoryConnector,
    MemoryTarget,
    a_rule,
    a_stage,
    an_exclusion,
)
from tests.services.retired import form, give_up

Making = Callable[..., Bench]
Scenario = Callable[[Making], tuple[Bench, str]]


@pytest.fixture
def database(on_sqlite: OnSqlite) -> Iterator[Database]:
    """Nothing here depends on the store."""
    on_sqlite.empty()
    yield on_sqlite.database
    on_sqlite.database.close()


@pytest.fixture
def making(database: Database, clock: FakeClock) -> Making:
    def make(*stages: Stage, **settings: Any) -> Bench:
        rules = Ruleset((a_rule(*stages),))
        return Bench(database, clock, rules, **{"actions": FEW_ACTIONS, **settings})

    return make


def leaver(bench: Bench, name: str = "ada", **more: Any) -> str:
    """Somebody leaves; returns the case."""
    person = bench.join(name, **more)
    bench.run()
    bench.leave(person)
    return bench.case(person).id


def with_terms(action: Action = Action.SUSPEND, **terms: Any) -> Stage:
    return Stage(after=timedelta(), actions=(action,), terms=Terms(**terms))


def grace(making: Making) -> tuple[Bench, str]:
    bench = making(a_stage("7d"))
    return bench, leaver(bench)


def schedule(making: Making) -> tuple[Bench, str]:
    bench = making(with_terms(schedule="0 22 * * *"))
    return bench, leaver(bench)


def window(making: Making) -> tuple[Bench, str]:
    bench = making(with_terms(schedule="0 22 * * *", window=timedelta(hours=1)))
    case = leaver(bench)
    bench.clock.advance("1d")
    return bench, case


def freeze(making: Making) -> tuple[Bench, str]:
    bench = making(a_stage("0s", Action.DELETE))
    ending = bench.clock.now + timedelta(days=9)
    bench.timing = Timing(freezes=(Freeze(bench.clock.now - timedelta(days=1), ending, "year end"),))
    return bench, leaver(bench)


def approval(making: Making) -> tuple[Bench, str]:
    bench = making(with_terms(approvers=1))
    return bench, leaver(bench)


def lapsed(making: Making) -> tuple[Bench, str]:
    bench = making(with_terms(approvers=1))
    case = leaver(bench)
    bench.approving.approve(bench.approving.propose(case, None, bench.clock()), by="eve", now=bench.clock())
    come_to_own_a_team(bench)
    bench.run()
    return bench, case


def held(making: Making, **more: Any) -> tuple[Bench, str]:
    bench, case = grace(making)
    bench.holding.place(Scope.CASE, case, reason="litigation", by="legal", now=bench.clock(), **more)
    return bench, case


def flood(making: Making) -> tuple[Bench, str]:
    limit = Limit(scope=GuardScope.OVERALL, subject="", guard_class=GuardClass.ALL, window=timedelta(hours=1), count=1)
    bench = making(guard=Guard((limit,)))
    leaver(bench)
    return bench, leaver(bench, "ben")


def hook(making: Making) -> tuple[Bench, str]:
    bench, case = grace(making)
    placed = bench.holding.place(Scope.CASE, case, reason="hook", by="hook hr", now=bench.clock())
    with bench.database.write() as tx:
        row = {"hook": "hr", "asked_at": bench.clock(), "due_at": bench.at("1m"), "answer": "503"}
        tx.execute(insert(hook_calls).values(id="call", case_id=case, hold_id=placed.hold.id, attempts=2, **row))
    return bench, case


def paused(making: Making) -> tuple[Bench, str]:
    bench, case = grace(making)
    bench.operating.pause("crm", reason="upgrade", by="olga", now=bench.clock())
    return bench, case


def unusable(making: Making) -> tuple[Bench, str]:
    bench = making(a_stage("7d"), unusable={"crm": "the connector is too new"})
    return bench, leaver(bench)


def observing(making: Making) -> tuple[Bench, str]:
    bench = making(a_stage("7d"), modes={"crm": Mode.OBSERVE})
    return bench, leaver(bench)


def removed(making: Making) -> tuple[Bench, str]:
    bench, case = grace(making)
    bench.fleet = Fleet({}, lambda _name: pytest.fail("asked a target that is not there"))
    return bench, case


def running(making: Making) -> tuple[Bench, str]:
    bench = making()
    case = leaver(bench)
    assert isinstance(bench.claiming.claim(bench.tasks(case)[0].account_id, bench.clock()), Claim)
    return bench, case


def lease(making: Making) -> tuple[Bench, str]:
    bench, case = running(making)
    bench.clock.advance("1h")
    return bench, case


def backoff(making: Making) -> tuple[Bench, str]:
    bench = making()
    case = leaver(bench)
    bench.fail(RetryableError("503"))
    bench.work()
    return bench, case


def no_worker(making: Making) -> tuple[Bench, str]:
    bench = making()
    case = leaver(bench)
    bench.clock.advance("5m")
    return bench, case


def no_sweeper(making: Making) -> tuple[Bench, str]:
    bench, case = grace(making)
    bench.clock.advance("8d")
    return bench, case


def full(making: Making) -> tuple[Bench, str]:
    bench = making(concurrency=1)
    people = [bench.join(name) for name in ("ada", "ben")]
    bench.run()
    for person in people:
        bench.leave(person)
    first, second = (bench.case(person).id for person in people)
    bench.claiming.claim(bench.tasks(first)[0].account_id, bench.clock())
    return bench, second


def letting_go(making: Making) -> tuple[Bench, str]:
    bench = making(concurrency=3)
    bench.operating.pause("crm", reason="upgrade", by="olga", now=bench.clock())
    first, second = leaver(bench), leaver(bench, "ben")
    bench.operating.resume("crm", by="olga", now=bench.clock())
    bench.claiming.claim(bench.tasks(first)[0].account_id, bench.clock())
    return bench, second


def earlier(making: Making) -> tuple[Bench, str]:
    bench = making(a_stage(), a_stage("1d", Action.DELETE))
    case = leaver(bench)
    bench.fail(RejectedError("no right"))
    bench.work()
    bench.run("1d")
    return bench, case


def contested(making: Making) -> tuple[Bench, str]:
    bench = making()
    bench.join("ada", source="hr", everywhere=False)
    case = leaver(bench)
    bench.run()
    return bench, case


def ambiguous(making: Making) -> tuple[Bench, str]:
    bench = making()
    person = bench.join("ada", everywhere=False)
    bench.run()
    bench.leave(person)
    bench.fail(AmbiguousAccountError("2 accounts match", [AccountRef("1", "one"), AccountRef("2", "two")]))
    bench.work()
    return bench, bench.case(person).id


def changed_since(making: Making) -> tuple[Bench, str]:
    stages = (a_stage("0s", Action.STAMP_GROUP), a_stage("30d", Action.EMPTY_GROUP))
    bench = making(*stages, actions=tuple(MemoryConnector.capabilities))
    form(bench, "Fair 2019")
    retired = give_up(bench, "Fair 2019")
    bench.systems["crm"].add("ada", groups=["Fair 2019"])
    bench.run("30d")
    return bench, retired.id


def spared_before(making: Making) -> tuple[Bench, str]:
    bench = making(a_stage(), a_stage("30d", Action.DELETE))
    case = leaver(bench)
    exclusion = bench.holding.exclude(an_exclusion('userName eq "ada"', "needed"), by="ops", now=bench.clock())
    bench.run()
    bench.holding.end_exclusion(exclusion, by="ops", now=bench.clock())
    bench.run("30d")
    return bench, case


def untold(making: Making) -> tuple[Bench, str]:
    bench = making()
    case = leaver(bench)
    asks = {"state": TaskState.WAITING, "not_before": None, "reason": f"{UNTOLD}crm tells no sign-ins any more"}
    with bench.database.write() as tx:
        tx.execute(update(tasks).values(asks))
    return bench, case


def protected(making: Making) -> tuple[Bench, str]:
    bench = making()
    case = leaver(bench)
    come_to_own_a_team(bench)
    bench.run()
    return bench, case


def come_to_own_a_team(bench: Bench) -> None:
    crm = bench.systems["crm"]
    crm.account("ada")["owns"] = [crm.offer("Team", is_privileged=True)]


def failed(making: Making) -> tuple[Bench, str]:
    bench = making()
    case = leaver(bench)
    bench.fail(RejectedError("no right"))
    bench.work()
    return bench, case


def late(making: Making) -> tuple[Bench, str]:
    bench, case = backoff(making)
    with bench.database.write() as tx:
        tx.execute(update(tasks).values(deadline_at=bench.clock()))
    return bench, case


def excluded(making: Making) -> tuple[Bench, str]:
    bench = making()
    case = leaver(bench)
    bench.holding.exclude(an_exclusion('userName eq "ada"', "needed"), by="ops", now=bench.clock())
    bench.run()
    return bench, case


def observed(making: Making) -> tuple[Bench, str]:
    bench = making(modes={"crm": Mode.OBSERVE})
    case = leaver(bench)
    bench.run()
    return bench, case


def no_account(making: Making) -> tuple[Bench, str]:
    bench = making()
    case = leaver(bench, everywhere=False)
    bench.run()
    return bench, case


def skipped(making: Making) -> tuple[Bench, str]:
    bench, case = no_account(making)
    with bench.database.write() as tx:
        tx.execute(update(tasks).values(reason="the account is gone from the target"))
    return bench, case


SCENARIOS: dict[Why, Scenario] = {
    Why.GRACE: grace,
    Why.SCHEDULE: schedule,
    Why.WINDOW: window,
    Why.FREEZE: freeze,
    Why.APPROVAL: approval,
    Why.LAPSED: lapsed,
    Why.HOLD: held,
    Why.LEGAL_HOLD: lambda making: held(making, is_legal=True, until=datetime(2026, 12, 31, tzinfo=UTC)),
    Why.FLOOD: flood,
    Why.HOOK: hook,
    Why.PAUSED: paused,
    Why.UNUSABLE: unusable,
    Why.OBSERVING: observing,
    Why.NO_TARGET: removed,
    Why.RUNNING: running,
    Why.LEASE: lease,
    Why.BACKOFF: backoff,
    Why.NO_WORKER: no_worker,
    Why.NO_SWEEPER: no_sweeper,
    Why.FULL: full,
    Why.LETTING_GO: letting_go,
    Why.EARLIER: earlier,
    Why.CONTESTED: contested,
    Why.AMBIGUOUS: ambiguous,
    Why.PROTECTED: protected,
    Why.CHANGED: changed_since,
    Why.SPARED: spared_before,
    Why.UNTOLD: untold,
    Why.NEEDS_PERSON: failed,
    Why.LATE: late,
    Why.EXCLUDED: excluded,
    Why.OBSERVED: observed,
    Why.NO_ACCOUNT: no_account,
    Why.SKIPPED: skipped,
}

NOTHING_TO_DO = {Why.RUNNING, Why.EARLIER, Why.SCHEDULE, Why.SKIPPED, Why.EXCLUDED}
"""Reasons for which waiting is all there is to do, or that are the end of it."""


AT_THE_MACHINE = {Why.NO_WORKER, Why.NO_SWEEPER, Why.LEASE, Why.WINDOW}
"""What no page can do."""

APPROVED = {Why.PROTECTED, Why.CHANGED, Why.SPARED, Why.UNTOLD, Why.AMBIGUOUS}
"""What says in its own words what helps."""


def reasons(bench: Bench, case: str) -> list[Reason]:
    story = Stories(bench.database, bench.fleet, bench.timing).of(case, bench.clock())
    return [*waiting_for(story), *left_undone(story)]


@cache
def commands() -> frozenset[str]:
    """All commands as one types them."""
    named = dict(_inner(typer.main.get_command(app)))
    return frozenset(named) | {f"{name} {inner}" for name, command in named.items() for inner, _ in _inner(command)}


def _inner(command: Any) -> Iterator[tuple[str, Any]]:
    yield from getattr(command, "commands", {}).items()


@pytest.mark.parametrize("why", list(SCENARIOS), ids=lambda why: why.replace(" ", "_"))
def test_each_reason_is_told_with_a_next_step_that_exists(making: Making, why: Why) -> None:
    bench, case = SCENARIOS[why](making)

    found = [reason for reason in reasons(bench, case) if reason.why is why]

    assert found, [str(reason) for reason in reasons(bench, case)]
    said = str(found[0])
    assert said[0] != " "
    assert said.endswith((".", ":"))
    named = re.findall(r"`scimbridge ([a-z]+(?: [a-z]+)?)", said)
    groups = {name.partition(" ")[0] for name in commands() if " " in name}
    known = commands() - groups
    assert {name for name in named if name not in known and name.partition(" ")[0] not in known} == set()
    assert why in NOTHING_TO_DO or "`" in said
    # On a page, the step is a link, and no command that the pages have a control for.
    step = next_step(found[0], case, may_act=True)
    shown = on_a_page(found[0].said) + (step.rest if step is not None else "")
    assert set(re.findall(r"`scimbridge (\w+)", shown)) <= {"worker", "sweeper", "up"}
    assert step is None or step.href or why in AT_THE_MACHINE
    assert (step is None) == (not found[0].step and why not in APPROVED)
    # The reason is in the story that people read, too.
    story = Stories(bench.database, bench.fleet, bench.timing).of(case, bench.clock())
    assert f"  {found[0]}" in list(tell(story))


def test_every_reason_has_its_scenario() -> None:
    assert set(SCENARIOS) == set(Why)


def test_a_case_that_has_ended_waits_for_nothing(making: Making) -> None:
    bench = making()
    case = leaver(bench)
    bench.run()

    assert reasons(bench, case) == []


def test_a_case_tells_what_the_source_sent_and_what_was_read_before_and_after(making: Making) -> None:
    bench = making()
    person = bench.join("ada")
    bench.run()
    sent = Received(
        source=SOURCE,
        method="PATCH",
        path=f"/Users/{person}",
        body={},
        understood='sent "False", op Replace: deactivate',
    )
    bench.intake.change_user(person, lambda document: {**document, "active": False}, sent, bench.clock())
    case = bench.case(person).id
    bench.run()

    told = "\n".join(tell(Stories(bench.database, bench.fleet).of(case, bench.clock())))

    assert f'{SOURCE} sent PATCH /Users/{person}: sent "False", op Replace: deactivate; answered 200, ' in told
    assert "suspended no -> yes" in told
    assert "It was completed" in told


def test_every_step_of_the_work_at_hand_is_told_where_there_are_two_targets(making: Making) -> None:
    bench = making(a_stage("7d"), systems={"crm": MemoryTarget(), "dir": MemoryTarget()})
    case = leaver(bench)
    bench.operating.pause("dir", reason="upgrade", by="olga", now=bench.clock())

    said = [reason.said for reason in reasons(bench, case)]

    assert said[0] == "Target dir is paused by olga: upgrade."
    assert said[1].startswith("The grace runs: next is suspend at ")


def test_whether_somebody_is_the_same_person_is_answered_by_retrying_or_canceling(
    database: Database, clock: FakeClock
) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage(), restore=Restore.MANUAL),)), actions=FEW_ACTIONS)
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run()
    bench.come_back(ada)

    case = bench.open_case(ada).id
    reason, *_ = reasons(bench, case)

    assert "is this the same person?" in reason.said
    assert reason.step == f"Answer by `scimbridge cases retry {case}` or `scimbridge cases cancel {case} --reason …`."
