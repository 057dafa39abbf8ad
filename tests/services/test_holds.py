"""Holds of every scope, placed at every moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseKind, CaseState
from scimbridge.domain.hold import Hold, Scope
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.task import TaskState
from scimbridge.errors import NotFoundError
from scimbridge.sdk import NativeState
from scimbridge.services.claiming import Claim
from scimbridge.services.holding import Placed
from scimbridge.store import holds, journal
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import FEW_ACTIONS, SOURCE, Bench, MemoryTarget, a_rule, a_stage, an_exclusion
from tests.services.test_leases import Killed, kill, nothing
from tests.store.racing import race

SUSPEND_THEN_DELETE = (a_stage("7d"), a_stage("30d", Action.DELETE))
SCOPES = list(Scope)


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock, Ruleset((a_rule(*SUSPEND_THEN_DELETE),)), actions=FEW_ACTIONS)


@pytest.fixture
def at_once(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock)


def subject_of(bench: Bench, scope: Scope, user_id: str) -> str:
    match scope:
        case Scope.EVERYTHING:
            return ""
        case Scope.SOURCE:
            return SOURCE
        case Scope.TARGET:
            return "crm"
        case Scope.IDENTITY:
            return user_id
        case Scope.CASE:
            return bench.open_case(user_id).id


def place(bench: Bench, scope: Scope, user_id: str) -> Placed:
    subject = subject_of(bench, scope, user_id)
    return bench.holding.place(scope, subject, reason="litigation", by="legal", now=bench.clock())


def lift(bench: Bench, hold: Hold) -> None:
    bench.holding.lift(hold.id, by="legal", now=bench.clock())


@pytest.mark.parametrize("scope", SCOPES)
def test_a_hold_on_planned_work_keeps_it_planned_until_it_is_lifted(bench: Bench, scope: Scope) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    hold = place(bench, scope, ada).hold

    bench.run("60d")
    assert bench.systems["crm"].writes == []
    assert set(bench.states(bench.case(ada)).values()) == {TaskState.PLANNED}

    lift(bench, hold)
    bench.run()
    assert bench.systems["crm"].writes == [("suspend", "native-ada")]


# -- until a date


@pytest.mark.parametrize("is_legal", [False, True])
def test_a_hold_with_a_date_ends_by_itself_and_what_waited_goes_on_by_the_rules(bench: Bench, is_legal: bool) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    until = bench.clock() + timedelta(days=60)
    about: dict[str, Any] = {"reason": "litigation", "by": "legal", "now": bench.clock(), "is_legal": is_legal}
    hold = bench.holding.place(Scope.CASE, bench.open_case(ada).id, until=until, **about).hold
    forever = bench.holding.place(Scope.IDENTITY, bench.join("bob"), **about).hold

    bench.run(timedelta(days=60) - timedelta(microseconds=1))
    assert (bench.systems["crm"].writes, bench.holding.hold(hold.id).until) == ([], until)

    bench.run(timedelta(microseconds=1))
    # What became due is asked about by the next pass, as ever.
    assert (bench.systems["crm"].writes, bench.holding.standing()) == ([], [forever])
    with bench.database.read() as tx:
        entries = journal.entries_of_case(tx, bench.open_case(ada).id)
    (lifted,) = (row for row in entries if row["event"] == "hold lifted")
    assert (lifted["actor"], lifted["reason"]) == ("scimbridge", "it was placed until 2026-05-01 09:00 UTC")
    assert lifted["details"]["placed_because"] == "litigation"
    bench.run()
    assert bench.systems["crm"].writes == [("suspend", "native-ada")]

    # The deletion keeps its distance from what comes before it, though it is due for long.
    bench.run(timedelta(days=23) - timedelta(microseconds=1))
    assert len(bench.systems["crm"].writes) == 1
    bench.run(timedelta(microseconds=1))
    assert bench.systems["crm"].writes[1:] == [("delete", "native-ada")]


def test_until_a_pass_has_ended_it_a_hold_whose_date_has_come_stands(at_once: Bench) -> None:
    ada = at_once.join("ada")
    at_once.leave(ada)
    until = at_once.clock() + timedelta(days=1)
    at_once.holding.place(Scope.EVERYTHING, "", reason="x", by="ops", now=at_once.clock(), until=until)
    at_once.clock.advance("2d")

    at_once.work()
    assert at_once.systems["crm"].writes == []

    ended = race([lambda: at_once.sweeping.end(at_once.clock())] * 4)
    assert sorted(ended) == [0, 0, 0, 1]
    at_once.run()
    assert at_once.systems["crm"].is_suspended("ada")


def test_a_hold_that_was_lifted_before_its_date_is_over(at_once: Bench) -> None:
    until = at_once.clock() + timedelta(days=1)
    hold = at_once.holding.place(Scope.EVERYTHING, "", reason="x", by="ops", now=at_once.clock(), until=until).hold
    lift(at_once, hold)

    at_once.clock.advance("2d")

    with at_once.database.read() as tx:
        assert holds.over(tx, at_once.clock(), 10) == []
    assert at_once.sweeping.end(at_once.clock()) == 0


@pytest.mark.parametrize("scope", SCOPES)
def test_a_hold_on_ready_work_keeps_it_from_starting(at_once: Bench, scope: Scope) -> None:
    ada = at_once.join("ada")
    at_once.leave(ada)
    hold = place(at_once, scope, ada).hold

    at_once.run()
    (task,) = at_once.tasks(at_once.case(ada))
    assert (at_once.systems["crm"].writes, task.state, task.attempts) == ([], TaskState.READY, 0)

    lift(at_once, hold)
    at_once.run()
    assert at_once.systems["crm"].is_suspended("ada")


@pytest.mark.parametrize("scope", SCOPES)
def test_a_hold_placed_between_claim_and_read_stops_the_attempt(at_once: Bench, scope: Scope) -> None:
    ada = at_once.join("ada")
    at_once.run()
    at_once.leave(ada)
    placed: list[Placed] = []

    def hold() -> None:
        at_once.systems["crm"].before_read = nothing
        placed.append(place(at_once, scope, ada))

    at_once.systems["crm"].before_read = hold
    at_once.work()

    (task,) = at_once.tasks(at_once.case(ada))
    assert at_once.systems["crm"].writes == []
    assert (task.state, task.attempts) == (TaskState.READY, 0)
    assert placed[0].too_late_for == ()

    lift(at_once, placed[0].hold)
    at_once.run()
    assert at_once.systems["crm"].writes == [("suspend", "native-ada")]


@pytest.mark.parametrize("scope", SCOPES)
def test_a_hold_stops_a_deletion_up_to_the_last_moment(bench: Bench, scope: Scope) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run("7d")
    accept_read = bench.claiming.accept_read
    placed: list[Placed] = []

    def accept_then_hold(*arguments: object) -> object:
        accepted = accept_read(*arguments)  # type: ignore[arg-type]  # passed on as they came
        if not placed:
            placed.append(place(bench, scope, ada))
        return accepted

    bench.claiming.accept_read = accept_then_hold  # type: ignore[method-assign,assignment]
    bench.run("23d")

    assert [what for what, _ in bench.systems["crm"].writes] == ["suspend"]
    assert placed[0].too_late_for == ()
    assert bench.states(bench.case(ada))["delete@crm"] is TaskState.READY

    lift(bench, placed[0].hold)
    bench.run()
    assert [what for what, _ in bench.systems["crm"].writes] == ["suspend", "delete"]


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("action", [Action.SUSPEND, Action.DELETE])
def test_placing_a_hold_names_the_attempts_that_are_past_the_line(
    database: Database, clock: FakeClock, scope: Scope, action: Action
) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("0s", action)),)))
    ada = bench.join("ada")
    bench.run()
    bench.leave(ada)
    placed: list[Placed] = []
    bench.systems["crm"].before_write = lambda: placed.append(place(bench, scope, ada))

    bench.run()

    (late,) = placed[0].too_late_for
    assert late.account_id == bench.account(ada).id
    assert [what for what, _ in bench.systems["crm"].writes] == [action]


@pytest.mark.parametrize("scope", [Scope.TARGET, Scope.IDENTITY, Scope.CASE])
def test_a_hold_does_not_name_attempts_outside_of_its_scope(database: Database, clock: FakeClock, scope: Scope) -> None:
    bench = Bench(database, clock, systems={"crm": MemoryTarget(), "dir": MemoryTarget()})
    ada, bob = bench.join("ada"), bench.join("bob")
    bench.run()
    bench.leave(bob)
    bench.wakeups.clear()
    bench.leave(ada)
    bench.wakeups[:] = [wakeup for wakeup in bench.wakeups if wakeup.target == "dir"]
    placed: list[Placed] = []
    bench.systems["dir"].before_write = lambda: placed.append(place(bench, scope, bob))

    bench.work()

    assert [one.too_late_for for one in placed] == [()]


def test_the_first_of_two_holds_lifted_changes_nothing(at_once: Bench) -> None:
    ada = at_once.join("ada")
    at_once.leave(ada)
    first, second = place(at_once, Scope.IDENTITY, ada), place(at_once, Scope.EVERYTHING, ada)

    lift(at_once, first.hold)
    at_once.run()
    assert at_once.systems["crm"].writes == []

    lift(at_once, second.hold)
    at_once.run()
    assert at_once.systems["crm"].is_suspended("ada")


def test_a_hold_keeps_a_leaver_without_grace_planned(at_once: Bench) -> None:
    ada = at_once.join("ada")
    place(at_once, Scope.IDENTITY, ada)

    at_once.leave(ada)

    assert at_once.states(at_once.case(ada)) == {"suspend@crm": TaskState.PLANNED}
    assert at_once.wakeups == []


def test_a_hold_on_one_identity_leaves_the_others_alone(at_once: Bench) -> None:
    ada, bob = at_once.join("ada"), at_once.join("bob")
    place(at_once, Scope.IDENTITY, ada)

    at_once.leave(ada)
    at_once.leave(bob)
    at_once.run()

    assert at_once.systems["crm"].writes == [("suspend", "native-bob")]


def test_a_hold_on_one_target_leaves_the_others_alone(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, systems={"crm": MemoryTarget(), "dir": MemoryTarget()})
    ada = bench.join("ada")
    place(bench, Scope.TARGET, ada)

    bench.leave(ada)
    bench.run()

    assert not bench.systems["crm"].is_suspended("ada")
    assert bench.systems["dir"].is_suspended("ada")


def test_a_held_restore_waits_too(at_once: Bench) -> None:
    ada = at_once.join("ada")
    at_once.leave(ada)
    at_once.run()
    hold = place(at_once, Scope.IDENTITY, ada).hold
    at_once.come_back(ada)

    at_once.run("1d")
    assert at_once.systems["crm"].is_suspended("ada")

    lift(at_once, hold)
    at_once.run()
    assert not at_once.systems["crm"].is_suspended("ada")


def test_a_return_during_a_hold_still_cancels(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    hold = place(bench, Scope.EVERYTHING, ada).hold
    bench.come_back(ada)

    lift(bench, hold)
    bench.run("60d")

    assert bench.systems["crm"].writes == []
    assert bench.case(ada).state is CaseState.CANCELED


def test_an_attempt_that_died_under_a_hold_is_rescued_but_not_repeated(at_once: Bench) -> None:
    ada = at_once.join("ada")
    at_once.run()
    at_once.leave(ada)
    at_once.systems["crm"].before_write = kill
    with pytest.raises(Killed):
        at_once.work()
    at_once.systems["crm"].before_write = nothing
    place(at_once, Scope.IDENTITY, ada)

    at_once.run("31s")

    assert at_once.systems["crm"].writes == []
    assert at_once.states(at_once.case(ada)) == {"suspend@crm": TaskState.READY}


@pytest.mark.parametrize(
    ("scope", "subject"),
    [(Scope.EVERYTHING, "crm"), (Scope.TARGET, "moon"), (Scope.IDENTITY, "nobody"), (Scope.CASE, "none")],
)
def test_a_hold_on_something_unknown_is_refused_and_not_stored(at_once: Bench, scope: Scope, subject: str) -> None:
    with pytest.raises(NotFoundError):
        at_once.holding.place(scope, subject, reason="typo", by="ops", now=at_once.clock())

    assert at_once.holding.standing() == []


def test_a_hold_can_be_lifted_once(at_once: Bench) -> None:
    ada = at_once.join("ada")
    hold = at_once.holding.place(Scope.IDENTITY, ada, reason="litigation", by="legal", now=at_once.clock()).hold

    lifted = at_once.holding.lift(hold.id, by="ops", now=at_once.at("1h"))

    assert (lifted.lifted_by, lifted.lifted_at) == ("ops", at_once.at("1h"))
    with pytest.raises(NotFoundError):
        at_once.holding.lift(hold.id, by="ops", now=at_once.clock())


def test_an_ended_exclusion_spares_nobody_any_more(at_once: Bench) -> None:
    ada = at_once.join("ada")
    everyone = an_exclusion("userName pr", "freeze")
    exclusion = at_once.holding.exclude(everyone, by="ops", now=at_once.clock())
    assert [exclusion.reason for exclusion, _ in at_once.holding.exclusions()] == ["freeze"]
    at_once.holding.end_exclusion(exclusion, by="ops", now=at_once.clock())

    at_once.leave(ada)
    at_once.run()

    assert at_once.systems["crm"].is_suspended("ada")
    assert at_once.holding.exclusions() == []
    with pytest.raises(NotFoundError):
        at_once.holding.end_exclusion(exclusion, by="ops", now=at_once.clock())


@pytest.mark.parametrize("moment", ["before_read", "before the last line"])
def test_an_exclusion_made_while_an_attempt_runs_spares_the_account(
    database: Database, clock: FakeClock, moment: str
) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("0s", Action.DELETE)),)), actions=FEW_ACTIONS)
    ada = bench.join("ada")
    bench.run()
    bench.leave(ada)

    def exclude() -> None:
        bench.holding.exclude(an_exclusion('userName eq "ada"', "needed"), by="ops", now=clock())

    interpose(bench, moment, exclude)
    bench.run()

    (task,) = bench.tasks(bench.case(ada))
    assert (bench.systems["crm"].writes, task.state) == ([], TaskState.SKIPPED)


@pytest.mark.parametrize("moment", ["before_read", "before the last line"])
def test_a_return_while_a_deletion_runs_stops_it(database: Database, clock: FakeClock, moment: str) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("0s", Action.DELETE)),)), actions=FEW_ACTIONS)
    ada = bench.join("ada")
    bench.run()
    bench.leave(ada)

    interpose(bench, moment, lambda: bench.come_back(ada))
    bench.run()

    assert bench.systems["crm"].writes == []
    assert {case.kind: case.state for case in bench.cases(ada)}[CaseKind.LEAVE] is CaseState.CANCELED


@pytest.mark.parametrize("moment", ["before_read", "before the last line"])
def test_another_owner_who_appears_while_a_deletion_runs_stops_it(
    database: Database, clock: FakeClock, moment: str
) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("0s", Action.DELETE)),)), actions=FEW_ACTIONS)
    ada = bench.join("ada")
    twin = bench.join("ada", source="hr", everywhere=False, active=False)
    bench.run()
    bench.leave(ada)

    interpose(bench, moment, lambda: bench.come_back(twin, source="hr"))
    bench.run()

    (task,) = bench.tasks(bench.case(ada))
    assert bench.systems["crm"].writes == []
    assert task.needs_person


def interpose(bench: Bench, moment: str, happens: Callable[[], object]) -> None:
    """Let something happen once: before the account is read, or after the read was committed."""
    system, confirm = bench.systems["crm"], bench.claiming.confirm

    def once_before_read() -> None:
        system.before_read = nothing
        happens()

    def once_before_confirm(claim: Claim, now: datetime, state: NativeState | None = None) -> None:
        bench.claiming.confirm = confirm  # type: ignore[method-assign]
        happens()
        confirm(claim, now, state)

    if moment == "before_read":
        system.before_read = once_before_read
    else:
        bench.claiming.confirm = once_before_confirm  # type: ignore[method-assign]
