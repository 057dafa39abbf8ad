"""Every kind of exclusion, at every moment at which it is asked; on both stores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.exclusion import Exclusion, Spared
from scimbridge.domain.hold import Scope
from scimbridge.domain.rule import Ruleset, Stage, Terms
from scimbridge.domain.task import TaskState
from scimbridge.errors import LegalHoldError
from scimbridge.services.holding import Placed
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import FEW_ACTIONS, SOURCE, Bench, MemoryTarget, a_rule, a_stage, an_exclusion

PEOPLE = [Spared.MATCH, Spared.IDENTITY, Spared.MEMBERS]
THINGS = [Spared.TARGET, Spared.ACCOUNT]


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(
        database,
        clock,
        Ruleset((a_rule(a_stage("7d")),)),
        systems={"crm": MemoryTarget(), "dir": MemoryTarget()},
    )


def spare(bench: Bench, kind: Spared, ada: str, until: timedelta | None = None) -> str:
    """Exclude Ada, or what is hers at the CRM, from now on."""
    end = bench.clock() + until if until is not None else None
    match kind:
        case Spared.MATCH:
            exclusion = Exclusion(reason="spared", match=an_exclusion('userName eq "ada"').match, until=end)
        case Spared.IDENTITY:
            exclusion = Exclusion(reason="spared", spared=kind, subject=ada, until=end)
        case Spared.MEMBERS:
            bench.group("Board", ada)
            exclusion = Exclusion(reason="spared", spared=kind, subject="board", until=end)
        case Spared.TARGET:
            exclusion = Exclusion(reason="spared", spared=kind, subject="crm", until=end)
        case _:
            exclusion = Exclusion(reason="spared", spared=kind, subject="NATIVE-ADA", target="crm", until=end)
    return bench.holding.exclude(exclusion, by="ops", now=bench.clock())


def suspended(bench: Bench, name: str = "ada") -> set[str]:
    return {target for target, system in bench.systems.items() if system.is_suspended(name)}


@pytest.mark.parametrize("kind", PEOPLE)
def test_who_is_excluded_when_the_fact_comes_has_no_case(bench: Bench, kind: Spared) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    bench.run()
    spare(bench, kind, ada)

    bench.leave(ada)
    bench.leave(bob)
    bench.run("7d")

    assert (suspended(bench), suspended(bench, "bob")) == (set(), {"crm", "dir"})
    assert bench.facts(ada) == ["excluded: spared"]


@pytest.mark.parametrize("kind", [*PEOPLE, *THINGS])
def test_an_exclusion_stops_a_case_that_is_open(bench: Bench, kind: Spared) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    bench.run()
    bench.leave(ada)
    bench.leave(bob)

    spare(bench, kind, ada)
    bench.run("7d")

    assert "crm" not in suspended(bench)
    assert bench.states(bench.case(ada))["suspend@crm"] is TaskState.SKIPPED
    assert ("dir" in suspended(bench)) is (kind in THINGS)
    assert ("crm" in suspended(bench, "bob")) is (kind is not Spared.TARGET)


@pytest.mark.parametrize("kind", [*PEOPLE, *THINGS])
def test_an_exclusion_made_before_the_read_stops_the_attempt(bench: Bench, kind: Spared) -> None:
    ada = bench.join("ada")
    bench.run()
    bench.leave(ada)
    made: list[str] = []

    def exclude() -> None:
        if not made:
            made.append(spare(bench, kind, ada))

    bench.systems["crm"].before_read = exclude
    bench.run("7d")

    assert "crm" not in suspended(bench)


@pytest.mark.parametrize("kind", PEOPLE)
def test_an_exclusion_that_has_ended_spares_nobody_who_leaves(bench: Bench, kind: Spared) -> None:
    ada = bench.join("ada")
    bench.run()
    spare(bench, kind, ada, until=timedelta(hours=1))

    bench.run("1h")
    bench.leave(ada)
    bench.run("7d")

    assert suspended(bench) == {"crm", "dir"}


@pytest.mark.parametrize("kind", [*PEOPLE, *THINGS])
def test_an_exclusion_that_ends_before_the_work_is_due_stops_nothing(bench: Bench, kind: Spared) -> None:
    ada = bench.join("ada")
    bench.run()
    bench.leave(ada)
    spare(bench, kind, ada, until=timedelta(days=6))

    bench.run("7d")

    assert suspended(bench) == {"crm", "dir"}


# -- legal holds


def place(bench: Bench, ada: str) -> Placed:
    return bench.holding.place(Scope.IDENTITY, ada, reason="litigation", by="law", now=bench.clock(), is_legal=True)


def test_a_legal_hold_is_lifted_with_a_reason_only(bench: Bench) -> None:
    hold = place(bench, bench.join("ada")).hold
    assert hold.is_legal

    with pytest.raises(LegalHoldError):
        bench.holding.lift(hold.id, by="ops", now=bench.clock())
    assert bench.holding.standing() == [hold]

    bench.holding.lift(hold.id, by="law", now=bench.clock(), reason="settled")
    assert bench.holding.standing() == []


def test_a_legal_hold_of_a_source_holds_its_people(bench: Bench) -> None:
    ada, eve = bench.join("ada"), bench.join("eve", source="other")
    bench.run()
    bench.holding.place(Scope.SOURCE, SOURCE, reason="litigation", by="law", now=bench.clock(), is_legal=True)

    bench.leave(ada)
    bench.leave(eve, source="other")
    bench.run("30d")

    assert (suspended(bench), suspended(bench, "eve")) == (set(), {"crm", "dir"})


def test_a_legal_hold_at_the_last_second_stops_a_deletion(database: Database, clock: FakeClock) -> None:
    """It is placed when the account was read already, and the connector is about to delete it."""
    from scimbridge.domain.action import Action

    bench = Bench(database, clock, Ruleset((a_rule(a_stage("0s"), a_stage("30d", Action.DELETE)),)))
    ada = bench.join("ada")
    bench.run()
    bench.leave(ada)
    bench.run()
    accept_read: Callable[..., object] = bench.claiming.accept_read
    placed: list[Placed] = []

    def accept_then_hold(claim: object, *rest: object) -> object:
        accepted = accept_read(claim, *rest)
        if claim.task.action is Action.DELETE and not placed:  # type: ignore[attr-defined]
            placed.append(place(bench, ada))
        return accepted

    bench.claiming.accept_read = accept_then_hold  # type: ignore[method-assign,assignment]
    bench.run("30d")
    bench.run("300d")

    assert "delete" not in [what for what, _ in bench.systems["crm"].writes]
    assert placed[0].too_late_for == ()


# -- what cannot be undone, after an exclusion has ended


def who_was_spared(database: Database, clock: FakeClock, deletion: Stage) -> tuple[Bench, str]:
    """Somebody is excluded while the stage that suspends is due, and is not any more when they are to be deleted."""
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("7d"), deletion),)), actions=FEW_ACTIONS)
    ada = bench.join("ada")
    bench.run()
    bench.leave(ada)
    exclusion = spare(bench, Spared.MATCH, ada)
    bench.run("7d")
    bench.holding.end_exclusion(exclusion, by="ops", now=clock())
    return bench, ada


def approve(bench: Bench, ada: str) -> None:
    proposal = bench.approving.propose(bench.open_case(ada).id, 2, bench.clock())
    bench.approving.approve(proposal, by="eve", now=bench.clock())


def test_nobody_is_deleted_who_was_spared_before_unless_a_person_says_so(database: Database, clock: FakeClock) -> None:
    bench, ada = who_was_spared(database, clock, a_stage("30d", Action.DELETE))

    bench.run("30d")

    assert bench.systems["crm"].writes == []
    delete = bench.tasks(bench.case(ada))[-1]
    assert delete.needs_person
    assert delete.reason.startswith("spared before: suspend was left out (excluded: spared)")
    bench.operating.retry(bench.case(ada).id, by="eve", now=clock())
    bench.run()
    assert bench.systems["crm"].writes == [], "to try again is no answer"
    approve(bench, ada)
    bench.run()
    assert [what for what, _ in bench.systems["crm"].writes] == ["delete"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, "suspend was left out (excluded: spared)"),
        ({"container": "board"}, "the account at crm has changed (container)"),
    ],
)
def test_an_approval_that_was_given_before_somebody_was_spared_lapses(
    database: Database, clock: FakeClock, change: dict[str, str], why: str
) -> None:
    deletion = replace(a_stage("30d", Action.DELETE), terms=Terms(approvers=1))
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("7d"), deletion),)), actions=FEW_ACTIONS)
    ada = bench.join("ada")
    bench.run()
    bench.leave(ada)
    approve(bench, ada)
    exclusion = spare(bench, Spared.MATCH, ada)
    bench.run("7d")
    bench.holding.end_exclusion(exclusion, by="ops", now=clock())
    bench.systems["crm"].account("ada").update(change)

    bench.run("30d")

    assert bench.systems["crm"].writes == []
    expected = f"the approval of its stage has lapsed: {why}; it has to be given anew"
    assert bench.tasks(bench.case(ada))[-1].reason == expected
    approve(bench, ada)
    bench.run()
    assert [what for what, _ in bench.systems["crm"].writes] == ["delete"]


def test_an_account_that_came_after_it_was_to_be_suspended_is_not_deleted_unasked(
    database: Database, clock: FakeClock
) -> None:
    rules = Ruleset((a_rule(a_stage("7d"), a_stage("30d", Action.DELETE)),))
    bench = Bench(database, clock, rules, actions=FEW_ACTIONS)
    ada = bench.join("ada", everywhere=False)
    bench.leave(ada)
    bench.run("7d")
    bench.systems["crm"].add("ada")

    bench.run("30d")

    assert bench.systems["crm"].writes == []
    assert "suspend was left out (no account there)" in bench.tasks(bench.case(ada))[-1].reason


def test_what_was_called_off_and_done_later_was_not_left_out(database: Database, clock: FakeClock) -> None:
    bench = Bench(
        database,
        clock,
        Ruleset((a_rule(a_stage("7d"), a_stage("30d", Action.DELETE)),)),
        systems={"crm": MemoryTarget(), "dir": MemoryTarget()},
        granted_by={"crm": ["CRM"], "dir": ["Directory"]},
        actions=FEW_ACTIONS,
    )
    ada, bob = bench.join("ada"), bench.join("bob")
    crm, directory = bench.group("CRM", ada, bob), bench.group("Directory", ada, bob)
    bench.change_group(directory, remove=[ada])
    bench.change_group(crm, remove=[ada])
    bench.change_group(crm, add=[ada])
    bench.change_group(crm, remove=[ada])

    bench.run("7d")
    bench.run("30d")

    assert [what for what, _ in bench.systems["crm"].writes] == ["suspend", "delete"]
    assert TaskState.CANCELED in {task.state for task in bench.tasks(bench.case(ada)) if task.target == "crm"}
