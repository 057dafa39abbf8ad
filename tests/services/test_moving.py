"""Movers: who changes loses what the rule says, and gets it back by changing back; on both stores."""

from __future__ import annotations

from typing import Any

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseKind, CaseState
from scimbridge.domain.filter import IdentityFilter
from scimbridge.domain.rule import Restore, Rule, Ruleset, Stage
from scimbridge.domain.task import TaskState
from scimbridge.domain.trigger import Trigger
from scimbridge.services import moving
from scimbridge.store.database import Database
from scimbridge.store.identities import ENTERPRISE
from tests.clock import FakeClock
from tests.services.bench import Bench, MemoryTarget, a_rule, a_stage, an_exclusion

DEPARTMENT = f"{ENTERPRISE}:department"
SALES = f'{DEPARTMENT} eq "Sales"'
NOT_SALES = f'not ({DEPARTMENT} eq "Sales")'


def a_mover(
    was: str = SALES, now: str = NOT_SALES, *stages: Stage, targets: tuple[str, ...] = ("crm",), **settings: Any
) -> Rule:
    chosen = tuple(
        Stage(after=stage.after, actions=stage.actions, targets=frozenset(targets)) for stage in stages or (a_stage(),)
    )
    return a_rule(
        *chosen,
        **{
            "name": "movers",
            "when": frozenset({Trigger.CHANGED}),
            "was": IdentityFilter(was),
            "now": IdentityFilter(now),
            **settings,
        },
    )


def a_bench(database: Database, clock: FakeClock, *rules: Rule, **settings: Any) -> Bench:
    leavers = a_rule(when=frozenset(Trigger) - {Trigger.CHANGED})
    return Bench(
        database,
        clock,
        Ruleset((*(rules or (a_mover(),)), leavers), **settings),
        systems={"crm": MemoryTarget(), "dir": MemoryTarget()},
        granted_by={"crm": ["CRM Users"]},
    )


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return a_bench(database, clock)


def works_in(department: str | None) -> dict[str, Any]:
    return {ENTERPRISE: {"department": department} if department is not None else {"costCenter": "7"}}


def suspended(bench: Bench, name: str = "ada") -> set[str]:
    return {target for target, system in bench.systems.items() if system.is_suspended(name)}


def test_a_mover_loses_the_targets_of_the_stage_alone(bench: Bench) -> None:
    ada = bench.join("ada", **works_in("Sales"))
    bench.run()

    bench.say(ada, **works_in("Support"))
    bench.run()

    assert suspended(bench) == {"crm"}
    assert bench.case(ada).trigger is Trigger.CHANGED
    assert bench.case(ada).rule == "movers"


def test_who_changes_something_else_is_no_mover(bench: Bench) -> None:
    ada = bench.join("ada", **works_in("Sales"))
    bob = bench.join("bob", **works_in("Support"))

    bench.say(ada, title="Director")
    bench.say(bob, **works_in("Research"))

    assert bench.facts(ada) == bench.facts(bob) == []


def test_who_still_is_what_they_were_has_not_moved(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_mover(SALES, 'title eq "Director"'))
    ada = bench.join("ada", **works_in("Sales"))

    bench.say(ada, title="Director")

    assert bench.facts(ada) == []


def test_the_first_rule_that_matches_counts(database: Database, clock: FakeClock) -> None:
    bench = a_bench(
        database,
        clock,
        a_mover(name="interns", match='title eq "Intern"', targets=("dir",)),
        a_mover(name="first", targets=("crm",)),
        a_mover(name="second", targets=("crm", "dir")),
    )
    ada = bench.join("ada", **works_in("Sales"))

    bench.say(ada, **works_in("Support"))

    assert bench.case(ada).rule == "first"
    assert bench.states(bench.case(ada)).keys() == {"suspend@crm"}


def test_the_grace_of_the_stage_counts(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_mover(SALES, NOT_SALES, a_stage("7d")))
    ada = bench.join("ada", **works_in("Sales"))
    bench.run()
    bench.say(ada, **works_in("Support"))

    bench.run("6d")
    assert suspended(bench) == set()
    bench.run("1d")

    assert suspended(bench) == {"crm"}


def test_a_missing_value_is_no_fact_and_is_shown(bench: Bench) -> None:
    ada = bench.join("ada", **works_in("Sales"))

    bench.say(ada, **works_in(None))

    assert bench.cases(ada) == []
    assert bench.facts(ada) == ["rule 'movers': department has no value any more, which is no fact"]


def test_an_empty_value_is_a_missing_one(bench: Bench) -> None:
    ada = bench.join("ada", **works_in("Sales"))

    bench.say(ada, **works_in(""))

    assert bench.cases(ada) == []


def test_a_target_that_a_group_still_grants_is_spared(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_mover(targets=("crm", "dir")))
    ada = bench.join("ada", **works_in("Sales"))
    bench.group("CRM Users", ada)
    bench.run()

    bench.say(ada, **works_in("Support"))
    bench.run()

    assert suspended(bench) == {"dir"}


def test_a_mover_who_loses_nothing_is_shown(bench: Bench) -> None:
    ada = bench.join("ada", **works_in("Sales"))
    bench.group("CRM Users", ada)

    bench.say(ada, **works_in("Support"))

    assert bench.cases(ada) == []
    assert bench.facts(ada) == ["rule 'movers': nothing was lost: a group still grants crm"]


def test_who_is_excluded_loses_nothing(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, exclusions=(an_exclusion('userName eq "ada"', "vip"),))
    ada = bench.join("ada", **works_in("Sales"))

    bench.say(ada, **works_in("Support"))
    bench.run()

    assert bench.facts(ada) == ["excluded: vip"]


def test_changing_back_before_the_stage_cancels(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_mover(SALES, NOT_SALES, a_stage("7d")))
    ada = bench.join("ada", **works_in("Sales"))
    bench.run()
    bench.say(ada, **works_in("Support"))
    bench.run("6d")

    bench.say(ada, **works_in("Sales"))
    bench.run("30d")

    assert bench.case(ada).state is CaseState.CANCELED
    assert bench.case(ada).reason == "the identity has changed back"
    assert bench.systems["crm"].writes == []


def test_changing_back_after_the_stage_gives_back(bench: Bench) -> None:
    ada = bench.join("ada", **works_in("Sales"))
    bench.run()
    bench.say(ada, **works_in("Support"))
    bench.run()
    assert suspended(bench) == {"crm"}

    bench.say(ada, **works_in("Sales"))
    bench.run()

    assert suspended(bench) == set()
    assert {case.kind for case in bench.cases(ada)} == {CaseKind.LEAVE, CaseKind.RESTORE}


def test_giving_back_waits_for_an_operator_where_the_rule_says_so(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_mover(restore=Restore.MANUAL))
    ada = bench.join("ada", **works_in("Sales"))
    bench.run()
    bench.say(ada, **works_in("Support"))
    bench.run()

    bench.say(ada, **works_in("Sales"))
    bench.run()

    assert suspended(bench) == {"crm"}
    assert set(bench.states(bench.open_case(ada)).values()) == {TaskState.WAITING}


def test_a_value_that_went_missing_calls_off_and_gives_nothing_back(database: Database, clock: FakeClock) -> None:
    support = f'{DEPARTMENT} eq "Support"'
    bench = a_bench(database, clock, a_mover(SALES, support, a_stage(), a_stage("7d", Action.DELETE)))
    ada = bench.join("ada", **works_in("Sales"))
    bench.run()
    bench.say(ada, **works_in("Support"))
    bench.run()

    bench.say(ada, **works_in(None))
    bench.run("30d")

    assert suspended(bench) == {"crm"}
    assert set(bench.states(bench.open_case(ada)).values()) >= {TaskState.WAITING}


def test_moving_on_is_another_fact_on_the_open_case(database: Database, clock: FakeClock) -> None:
    support = f'{DEPARTMENT} eq "Support"'
    bench = a_bench(
        database,
        clock,
        a_mover(SALES, NOT_SALES, a_stage("7d"), name="sales", targets=("crm",)),
        a_mover(support, f"not ({support})", a_stage("7d"), name="support", targets=("dir",)),
    )
    ada = bench.join("ada", **works_in("Sales"))
    bench.run()

    bench.say(ada, **works_in("Support"))
    bench.run("1d")
    bench.say(ada, **works_in("Research"))
    bench.run("6d")
    assert suspended(bench) == {"crm"}
    bench.run("1d")

    assert suspended(bench) == {"crm", "dir"}
    assert len(bench.cases(ada)) == 1


def test_a_leaver_absorbs_the_mover(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_mover(SALES, NOT_SALES, a_stage("7d")))
    ada = bench.join("ada", **works_in("Sales"))
    bench.run()
    bench.say(ada, **works_in("Support"))

    bench.leave(ada)
    bench.run()

    assert bench.case(ada).trigger is Trigger.DEACTIVATED
    assert suspended(bench) == {"crm", "dir"}


def test_who_moves_and_leaves_at_once_does_not_get_back_what_the_move_took(bench: Bench) -> None:
    ada = bench.join("ada", **works_in("Sales"))
    bench.run()
    bench.say(ada, active=False, **works_in("Support"))
    bench.run()
    assert suspended(bench) == {"crm", "dir"}

    bench.come_back(ada)
    bench.run()

    assert suspended(bench) == {"crm"}


def test_who_moves_while_away_does_not_get_back_what_the_move_took(bench: Bench) -> None:
    ada = bench.join("ada", **works_in("Sales"))
    bench.run()
    bench.leave(ada)
    bench.run()
    bench.say(ada, **works_in("Support"))
    bench.run()

    bench.come_back(ada)
    bench.run()

    assert suspended(bench) == {"crm"}


def test_who_changes_back_while_away_gets_everything_back(bench: Bench) -> None:
    ada = bench.join("ada", **works_in("Sales"))
    bench.run()
    bench.say(ada, active=False, **works_in("Support"))
    bench.run()
    bench.say(ada, **works_in("Sales"))

    bench.come_back(ada)
    bench.run()

    assert suspended(bench) == set()


def test_coming_back_as_somebody_else_gives_the_rest_back(bench: Bench) -> None:
    ada = bench.join("ada", **works_in("Sales"))
    bench.run()
    bench.leave(ada)
    bench.run()

    bench.say(ada, active=True, **works_in("Support"))
    bench.run()

    assert suspended(bench) == {"crm"}


def test_a_post_that_brings_somebody_back_as_somebody_else_is_a_move(bench: Bench) -> None:
    ada = bench.join("ada", **works_in("Sales"))
    bench.run()
    bench.leave(ada)
    bench.run()

    assert bench.join("ada", everywhere=False, **works_in("Support")) == ada
    bench.run()

    assert suspended(bench) == {"crm"}


def test_a_move_is_not_that_of_the_next_person_of_the_same_name(bench: Bench) -> None:
    ada = bench.join("ada", **works_in("Sales"))
    bench.run()
    bench.say(ada, active=False, **works_in("Support"))
    bench.run()

    bench.join("ada", everywhere=False, **{**works_in("Research"), "externalId": "somebody-else"})
    bench.run()
    bench.say(ada, title="Agent")
    bench.run("30d")

    waiting = bench.open_case(ada)
    assert waiting.kind is CaseKind.RESTORE
    assert set(bench.states(waiting).values()) == {TaskState.WAITING}


def test_a_task_is_not_done_once_its_reason_is_gone(bench: Bench) -> None:
    """The claim asks again, in case that nobody has noticed the change back."""
    from sqlalchemy import update

    from scimbridge.store.schema import identities

    ada = bench.join("ada", **works_in("Sales"))
    bench.run()
    bench.say(ada, **works_in("Support"))
    with bench.database.write() as tx:
        document = {"userName": "ada", "active": True, **works_in("Sales")}
        tx.execute(update(identities).where(identities.c.id == ada).values(document=document))

    bench.work()

    assert suspended(bench) == set()
    assert bench.tasks(bench.case(ada))[0].reason == "the identity has changed back"


def test_being_granted_the_target_calls_off(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_mover(SALES, NOT_SALES, a_stage("7d")))
    ada = bench.join("ada", **works_in("Sales"))
    group = bench.group("CRM Users")
    bench.say(ada, **works_in("Support"))

    bench.change_group(group, add=[ada])
    bench.run("30d")

    assert bench.case(ada).state is CaseState.CANCELED
    assert bench.systems["crm"].writes == []


def test_an_operator_who_cancels_ends_the_move(bench: Bench) -> None:
    ada = bench.join("ada", **works_in("Sales"))
    bench.say(ada, **works_in("Support"))
    bench.operating.cancel(bench.case(ada).id, reason="agreed", by="ops", now=bench.clock())
    bench.run()
    bench.leave(ada)
    bench.run()

    bench.come_back(ada)
    bench.run()

    assert suspended(bench) == set()


# -- by groups


IN_SALES, IN_SUPPORT = 'groups.display eq "Sales"', 'groups.display eq "Support"'


@pytest.fixture
def grouped(database: Database, clock: FakeClock) -> Bench:
    return a_bench(database, clock, a_mover(IN_SALES, IN_SUPPORT))


@pytest.mark.parametrize("order", ["in first", "out first"])
def test_who_goes_from_one_group_to_another_is_a_mover_in_whatever_order(grouped: Bench, order: str) -> None:
    bench = grouped
    ada, bob = bench.join("ada"), bench.join("bob")
    sales, support = bench.group("Sales", ada, bob), bench.group("Support", bob)
    bench.run()

    for step in ("in", "out") if order == "in first" else ("out", "in"):
        assert bench.facts(ada) == []
        if step == "in":
            bench.change_group(support, add=[ada])
        else:
            bench.change_group(sales, remove=[ada])
    bench.run()

    assert suspended(bench) == {"crm"}
    assert len(bench.facts(ada)) == 1
    assert bench.facts(bob) == []


def test_who_left_the_group_long_ago_is_no_mover(grouped: Bench) -> None:
    bench = grouped
    ada, bob = bench.join("ada"), bench.join("bob")
    sales, support = bench.group("Sales", ada, bob), bench.group("Support", bob)
    bench.change_group(sales, remove=[ada])
    bench.run("2d")

    bench.change_group(support, add=[ada])

    assert bench.facts(ada) == []


def test_a_mover_by_groups_is_one_once(grouped: Bench) -> None:
    bench = grouped
    ada, bob = bench.join("ada"), bench.join("bob")
    sales, support = bench.group("Sales", ada, bob), bench.group("Support", bob)
    bench.change_group(sales, remove=[ada])
    bench.change_group(support, add=[ada])

    bench.say(ada, title="Agent")
    bench.group("Lunch", ada)

    assert len(bench.facts(ada)) == 1


def test_going_back_to_the_group_gives_back(grouped: Bench) -> None:
    bench = grouped
    ada, bob = bench.join("ada"), bench.join("bob")
    sales, support = bench.group("Sales", ada, bob), bench.group("Support", bob)
    bench.run()
    bench.change_group(sales, remove=[ada])
    bench.change_group(support, add=[ada])
    bench.run()

    bench.change_group(sales, add=[ada])
    bench.run()

    assert suspended(bench) == set()


def test_a_group_that_is_emptied_makes_no_movers(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_mover(IN_SALES, f"not ({IN_SALES})"))
    ada, bob = bench.join("ada"), bench.join("bob")
    sales = bench.group("Sales", ada, bob)

    bench.change_group(sales, replace=[])

    assert bench.cases(ada) == bench.cases(bob) == []
    assert bench.facts(ada) == [f"rule 'movers': {moving.EMPTIED}"]


@pytest.mark.parametrize("end", ["delete", "rename"])
def test_a_group_that_is_deleted_or_renamed_makes_no_movers(database: Database, clock: FakeClock, end: str) -> None:
    bench = a_bench(database, clock, a_mover(IN_SALES, f"not ({IN_SALES})"))
    ada, bob = bench.join("ada"), bench.join("bob")
    sales = bench.group("Sales", ada, bob)

    if end == "delete":
        bench.delete_group(sales)
    else:
        bench.change_group(sales, name="Sales Emea")
    bench.say(ada, title="Agent")

    assert bench.facts(ada) == []


def test_hundreds_who_leave_at_once_are_no_movers(
    database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = a_bench(database, clock, a_mover(IN_SALES, f"not ({IN_SALES})"))
    monkeypatch.setattr(moving, "MOST_AT_ONCE", 2)
    crowd = [bench.join(name) for name in ("ada", "bob", "cyd", "dan")]
    sales = bench.group("Sales", *crowd)

    bench.change_group(sales, remove=crowd[:3])

    assert [bench.facts(each) for each in crowd[:3]] == [[], [], []]
    bench.change_group(sales, add=crowd[:3])
    bench.change_group(sales, remove=crowd[:2])
    assert [len(bench.facts(each)) for each in crowd[:3]] == [1, 1, 0]


def test_groups_that_no_rule_asks_about_cost_nothing(grouped: Bench) -> None:
    watched = [name for name in ("Sales", "SUPPORT", "Lunch") if grouped.group_intake._assignment._moving.watches(name)]

    assert watched == ["Sales", "SUPPORT"]


@pytest.mark.parametrize("external_id", ["ext-ada", None])
def test_what_was_not_given_back_to_somebody_created_anew_comes_back_after_a_move_and_a_change_back(
    database: Database, clock: FakeClock, external_id: str | None
) -> None:
    bench = a_bench(database, clock, a_mover(SALES, NOT_SALES, a_stage("1d")))
    first = bench.join("ada", **works_in("Sales"))
    bench.run()
    bench.leave(first)
    bench.run("7d")
    bench.delete(first)
    again = bench.join("ada", everywhere=False, externalId=external_id, **works_in("Sales"))
    assert suspended(bench) == {"crm", "dir"}

    # Before anything was given back, they move, and change back before that does anything.
    bench.say(again, **works_in("Support"))
    bench.say(again, **works_in("Sales"))
    bench.run()

    if external_id is None:
        restore = bench.open_case(again)
        assert (restore.kind, suspended(bench)) == (CaseKind.RESTORE, {"crm", "dir"}), "an operator is asked"
        waiting = {task.target for task in bench.tasks(restore) if task.needs_person}
        assert waiting == {"crm", "dir"}
    else:
        assert suspended(bench) == set()
