"""Leaving the last group that grants a target, and coming back; on both stores."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from scim2_models import ScimFilter
from sqlalchemy import select

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.hold import Scope
from scimbridge.domain.inquiry import Cause
from scimbridge.domain.resource import MemberChange, MemberVerb
from scimbridge.domain.rule import Restore, Ruleset
from scimbridge.domain.task import TaskState
from scimbridge.domain.trigger import Trigger
from scimbridge.errors import UnknownMemberError
from scimbridge.services import assignment
from scimbridge.store import groups, journal, members, schema
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import SOURCE, Bench, MemoryTarget, a_rule, a_stage, an_exclusion
from tests.store.racing import race

SALES, STAFF = "CRM Users", "Directory Users"


def a_bench(database: Database, clock: FakeClock, *rules: object, **settings: object) -> Bench:
    return Bench(
        database,
        clock,
        Ruleset(rules or (a_rule(),)),  # type: ignore[arg-type]
        systems={"crm": MemoryTarget(), "dir": MemoryTarget(), "open": MemoryTarget()},
        granted_by={"crm": [SALES, "CRM Admins"], "dir": [STAFF]},
        **settings,  # type: ignore[arg-type]
    )


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return a_bench(database, clock)


def suspended(bench: Bench, name: str = "ada") -> set[str]:
    return {target for target, system in bench.systems.items() if system.is_suspended(name)}


def leave_unnoticed(bench: Bench, user_id: str) -> None:
    """Somebody is deactivated while they are excluded."""
    exclusion = bench.holding.exclude(an_exclusion('userName eq "ada"', "on leave"), by="ops", now=bench.clock())
    bench.leave(user_id)
    bench.holding.end_exclusion(exclusion, by="ops", now=bench.clock())


def by_remove(bench: Bench, group_id: str, leaver: str, stayer: str) -> None:
    bench.change_group(group_id, remove=[leaver])


def by_replace(bench: Bench, group_id: str, leaver: str, stayer: str) -> None:
    bench.change_group(group_id, replace=[stayer])


def by_remove_all_and_add(bench: Bench, group_id: str, leaver: str, stayer: str) -> None:
    bench.change_group(group_id, replace=[], add=[stayer])


@pytest.mark.parametrize("leave", [by_remove, by_replace, by_remove_all_and_add])
def test_leaving_a_granting_group_revokes_its_target_alone(
    bench: Bench, leave: Callable[[Bench, str, str, str], None]
) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    group = bench.group(SALES, ada, bob)
    bench.run()

    leave(bench, group, ada, bob)
    bench.run("15m")

    assert suspended(bench, "ada") == {"crm"}
    assert suspended(bench, "bob") == set()
    assert bench.case(ada).trigger is Trigger.UNASSIGNED
    assert bench.cases(bob) == []


def test_who_is_unassigned_has_fifteen_minutes(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    group = bench.group(SALES, ada, bob)
    bench.run()
    bench.change_group(group, remove=[ada])

    bench.run(timedelta(minutes=15) - timedelta(microseconds=1))

    assert suspended(bench) == set()
    assert [task.due_at - bench.case(ada).trigger_at for task in bench.tasks(bench.case(ada))] == [
        timedelta(minutes=15)
    ]


def test_a_rule_for_unassigned_alone_spells_its_own_grace(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_rule(when=frozenset({Trigger.UNASSIGNED})))
    ada, bob = bench.join("ada"), bench.join("bob")
    group = bench.group(SALES, ada, bob)
    bench.run()

    bench.change_group(group, remove=[ada])
    bench.work()

    assert suspended(bench) == {"crm"}


def test_a_fact_that_no_rule_matches_is_kept(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_rule(when=frozenset({Trigger.DELETED})))
    ada, bob = bench.join("ada"), bench.join("bob")
    group = bench.group(SALES, ada, bob)

    bench.change_group(group, remove=[ada])

    assert bench.cases(ada) == []
    assert bench.facts(ada) == ["no rule matches"]


def test_another_granting_group_keeps_the_target(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    group = bench.group(SALES, ada, bob)
    bench.group("crm admins", ada)

    bench.change_group(group, remove=[ada])

    assert bench.facts(ada) == []


def test_a_group_within_a_granting_group_keeps_the_target(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    team = bench.group("Team", ada)
    group = bench.group(SALES, ada, bob, team)

    bench.change_group(group, remove=[ada])

    assert bench.facts(ada) == []


def test_groups_that_contain_each_other_are_followed_once(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    team = bench.group("Team", ada)
    group = bench.group(SALES, ada, bob, team)
    bench.change_group(team, add=[group])

    bench.change_group(team, remove=[ada])
    bench.change_group(group, remove=[ada])

    assert [case.trigger for case in bench.cases(ada)] == [Trigger.UNASSIGNED]


def test_who_leaves_and_comes_in_one_request_has_not_left(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    group = bench.group(SALES, ada, bob)

    bench.change_group(group, remove=[ada], add=[ada])
    bench.change_group(group, replace=[], add=[ada, bob])

    assert bench.facts(ada) == []


def test_groups_that_grant_nothing_start_nothing(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    group = bench.group("Book Club", ada, bob)

    bench.change_group(group, remove=[ada])
    bench.delete_group(group)

    assert bench.facts(ada) == []
    assert bench.inquiries() == []


@pytest.mark.parametrize("after", ["0s", "14m"])
def test_coming_back_before_it_is_due_cancels(bench: Bench, after: str) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    group = bench.group(SALES, ada, bob)
    bench.run()
    bench.change_group(group, remove=[ada])
    bench.run(after)

    bench.change_group(group, add=[ada])
    bench.run("1d")

    assert bench.case(ada).state is CaseState.CANCELED
    assert suspended(bench) == set()
    assert bench.systems["crm"].writes == []


def test_coming_back_cancels_what_is_planned_at_that_target_alone(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    sales, staff = bench.group(SALES, ada, bob), bench.group(STAFF, ada, bob)
    bench.run()
    bench.change_group(sales, remove=[ada])
    bench.change_group(staff, remove=[ada])

    bench.change_group(sales, add=[ada])
    bench.run("15m")

    assert suspended(bench) == {"dir"}
    assert bench.states(bench.case(ada)) == {"suspend@crm": TaskState.CANCELED, "suspend@dir": TaskState.DONE}


def test_a_second_target_is_added_to_the_open_case_with_its_own_clock(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    sales, staff = bench.group(SALES, ada, bob), bench.group(STAFF, ada, bob)
    bench.run()
    bench.change_group(sales, remove=[ada])
    bench.clock.advance("10m")

    bench.change_group(staff, remove=[ada])

    due = {task.target: task.due_at - bench.case(ada).trigger_at for task in bench.tasks(bench.case(ada))}
    assert due == {"crm": timedelta(minutes=15), "dir": timedelta(minutes=25)}


def test_a_wider_fact_absorbs_it_and_earlier_dates_win(database: Database, clock: FakeClock) -> None:
    wide = a_rule(a_stage("1h"), name="leavers", when=frozenset({Trigger.DEACTIVATED}))
    narrow = a_rule(name="movers", when=frozenset({Trigger.UNASSIGNED}), restore=Restore.MANUAL)
    bench = a_bench(database, clock, wide, narrow)
    ada, bob = bench.join("ada"), bench.join("bob")
    group = bench.group(SALES, ada, bob)
    bench.run()
    bench.change_group(group, remove=[ada])

    bench.leave(ada)
    bench.run()
    assert suspended(bench) == {"crm"}
    bench.run("1h")

    assert suspended(bench) == {"crm", "dir", "open"}
    assert (bench.case(ada).trigger, bench.case(ada).rule) == (Trigger.DEACTIVATED, "leavers")


def test_an_amended_case_keeps_the_distance_between_what_was_held_and_its_deletion(
    database: Database, clock: FakeClock
) -> None:
    bench = a_bench(database, clock, a_rule(a_stage("0s"), a_stage("9d", Action.DELETE)))
    ada, bob = bench.join("ada"), bench.join("bob")
    group = bench.group(SALES, ada, bob)
    bench.run()
    hold = bench.holding.place(Scope.TARGET, "dir", reason="wait", by="ops", now=clock()).hold
    bench.change_group(group, remove=[ada])
    bench.run("15m")
    bench.leave(ada)
    bench.run("30d")
    bench.holding.lift(hold.id, by="ops", now=clock())
    bench.run("1s")
    assert "dir" in suspended(bench)

    bench.run(timedelta(days=9, seconds=-1))
    assert {target for target, system in bench.systems.items() if not system.accounts.get("native-ada")} == set()
    bench.run("1s")

    assert {target for target, system in bench.systems.items() if not system.accounts.get("native-ada")} == {
        "crm",
        "dir",
        "open",
    }


def test_a_return_to_one_target_does_not_postpone_the_deletion_at_another(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_rule(a_stage("0s"), a_stage("9d", Action.DELETE)))
    ada, bob = bench.join("ada"), bench.join("bob")
    sales, staff = bench.group(SALES, ada, bob), bench.group(STAFF, ada, bob)
    bench.run()
    bench.change_group(sales, remove=[ada])
    bench.change_group(staff, remove=[ada])
    bench.run("15m")
    bench.run("5d")
    bench.change_group(sales, add=[ada])
    bench.run()
    assert suspended(bench) == {"dir"}

    bench.run("4d")

    assert {target for target, system in bench.systems.items() if not system.accounts.get("native-ada")} == {"dir"}


def test_leaving_a_group_after_the_deactivation_is_recorded_on_its_case(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    group = bench.group(SALES, ada, bob)
    bench.run()
    bench.leave(ada)
    bench.work()
    assert bench.case(ada).state is CaseState.COMPLETED

    bench.change_group(group, remove=[ada])
    bench.run("15m")

    assert [what for what, _ in bench.systems["crm"].writes] == ["suspend"]


@pytest.mark.parametrize(("restore", "left"), [(Restore.AUTO, set()), (Restore.MANUAL, {"crm"})])
def test_coming_back_after_it_was_done_restores_where_the_rule_says_so(
    database: Database, clock: FakeClock, restore: Restore, left: set[str]
) -> None:
    bench = a_bench(database, clock, a_rule(restore=restore))
    ada, bob = bench.join("ada"), bench.join("bob")
    group = bench.group(SALES, ada, bob)
    bench.run()
    bench.change_group(group, remove=[ada])
    bench.run("15m")

    bench.change_group(group, add=[ada])
    bench.run("1m")

    assert suspended(bench) == left
    assert (bench.cases(ada)[-1].state is CaseState.OPEN) is bool(left)


def test_what_was_given_back_can_be_taken_again_while_the_case_is_open(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_rule(a_stage("0s"), a_stage("9d", Action.DELETE)))
    ada, bob = bench.join("ada"), bench.join("bob")
    sales, staff = bench.group(SALES, ada, bob), bench.group(STAFF, ada, bob)
    bench.run()
    for group in (sales, staff):
        bench.change_group(group, remove=[ada])
    bench.run("15m")
    bench.change_group(sales, add=[ada])
    bench.run("1m")
    assert suspended(bench) == {"dir"}

    bench.leave(ada)
    bench.run("1m")

    assert suspended(bench) == {"crm", "dir", "open"}
    assert len(bench.cases(ada)) == 1


def test_a_restore_that_has_not_run_is_called_off_when_they_leave_the_group_again(
    database: Database, clock: FakeClock
) -> None:
    bench = a_bench(database, clock, a_rule(restore=Restore.MANUAL))
    ada, bob = bench.join("ada"), bench.join("bob")
    group = bench.group(SALES, ada, bob)
    bench.run()
    bench.change_group(group, remove=[ada])
    bench.run("15m")
    bench.change_group(group, add=[ada])

    bench.change_group(group, remove=[ada])
    bench.run("15m")

    assert suspended(bench) == {"crm"}
    assert bench.cases(ada)[-1].state is CaseState.COMPLETED


def test_coming_back_to_one_target_leaves_alone_what_is_given_back_at_another(
    database: Database, clock: FakeClock
) -> None:
    bench = a_bench(database, clock, a_rule(restore=Restore.AUTO))
    ada, bob = bench.join("ada"), bench.join("bob")
    sales, staff = bench.group(SALES, ada, bob), bench.group(STAFF, ada, bob)
    bench.run()
    bench.change_group(sales, remove=[ada])
    bench.run("15m")
    bench.change_group(sales, add=[ada])

    bench.change_group(staff, remove=[ada])
    bench.change_group(staff, add=[ada])
    bench.run("15m")

    assert suspended(bench) == set()
    assert bench.cases(ada)[-1].state is CaseState.COMPLETED


def test_who_returns_does_not_get_back_what_they_were_unassigned_from(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    group = bench.group(SALES, ada, bob)
    bench.run()
    bench.change_group(group, remove=[ada])
    bench.run("15m")
    bench.leave(ada)
    bench.run("1m")

    bench.come_back(ada)
    bench.run("1m")
    assert suspended(bench) == {"crm"}

    bench.change_group(group, add=[ada])
    bench.run("1m")
    assert suspended(bench) == set()
    assert all(case.state is not CaseState.OPEN for case in bench.cases(ada))


def test_coming_back_cancels_it_also_for_somebody_whose_deactivation_started_nothing(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    group = bench.group(SALES, ada, bob)
    bench.run()
    leave_unnoticed(bench, ada)
    bench.change_group(group, remove=[ada])

    bench.group("CRM Admins", ada)
    bench.run("1d")

    assert suspended(bench) == set()
    assert bench.case(ada).state is CaseState.CANCELED


def test_somebody_inactive_keeps_what_a_group_within_a_group_grants(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    team = bench.group("Team", bob)
    group = bench.group(SALES, ada, bob, team)
    bench.run()
    leave_unnoticed(bench, ada)
    bench.change_group(group, remove=[ada])

    bench.change_group(team, add=[ada])
    bench.run("1d")

    assert suspended(bench) == set()


def test_who_was_unassigned_before_they_ever_were_active_still_takes_the_place_of_who_was_deleted(
    database: Database, clock: FakeClock
) -> None:
    bench = a_bench(database, clock, a_rule(a_stage("0s"), a_stage("9d", Action.DELETE)))
    bob = bench.join("bob")
    bench.delete(bench.join("ada"))
    bench.run()
    ada = bench.join("ada", everywhere=False, active=False)
    bench.change_group(bench.group(SALES, ada, bob), remove=[ada])

    bench.come_back(ada)
    bench.run("1m")
    assert suspended(bench) == {"crm"}

    bench.delete(ada)
    bench.run(timedelta(days=9, minutes=-2))
    assert "native-ada" in bench.systems["dir"].accounts


def test_being_unassigned_outlasts_a_deactivation_that_was_taken_back(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    group = bench.group(SALES, ada, bob)
    bench.run()
    bench.change_group(group, remove=[ada])
    unassigned_at = bench.clock()
    bench.leave(ada)
    bench.clock.advance("1m")

    bench.come_back(ada)
    due = [task.due_at for task in bench.tasks(bench.open_case(ada)) if task.action is Action.SUSPEND]
    bench.run("14m")

    assert due == [unassigned_at + timedelta(minutes=15)]
    assert suspended(bench) == {"crm"}


def test_a_task_is_canceled_at_its_claim_when_a_granting_group_took_the_name(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    group = bench.group(SALES, ada, bob)
    club = bench.group("Book Club", ada)
    bench.run()
    bench.change_group(group, remove=[ada])

    bench.change_group(club, name="CRM Admins")
    bench.run("15m")

    assert suspended(bench) == set()
    assert bench.case(ada).state is CaseState.COMPLETED
    assert bench.states(bench.case(ada)) == {"suspend@crm": TaskState.CANCELED}


def test_exclusions_and_holds_spare_who_is_unassigned(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    bench.rules = Ruleset((a_rule(),))
    ada, bob = bench.join("ada"), bench.join("bob")
    group = bench.group(SALES, ada, bob, bench.join("cyd"))
    bench.run()
    hold = bench.holding.place(Scope.IDENTITY, ada, reason="wait", by="ops", now=clock()).hold
    bench.holding.exclude(an_exclusion('userName eq "bob"'), by="ops", now=clock())

    bench.change_group(group, remove=[ada, bob])
    bench.run("1d")
    assert suspended(bench, "ada") == suspended(bench, "bob") == set()

    bench.holding.lift(hold.id, by="ops", now=clock())
    bench.run("1m")
    assert suspended(bench, "ada") == {"crm"}
    assert bench.facts(bob) == ["excluded: spared"]


def test_rules_still_see_the_group_that_was_left(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_rule(match=f'groups.display eq "{SALES}"'))
    ada, bob = bench.join("ada"), bench.join("bob")
    group = bench.group(SALES, ada, bob)

    bench.change_group(group, remove=[ada])

    assert bench.case(ada).rule == "leavers"


def test_an_operator_who_cancels_the_case_lets_the_target_be(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    group = bench.group(SALES, ada, bob)
    bench.run()
    bench.change_group(group, remove=[ada])
    bench.operating.cancel(bench.case(ada).id, reason="by mistake", by="ops", now=bench.clock())

    bench.leave(ada)
    bench.run("1m")
    bench.come_back(ada)
    bench.run("1d")

    assert suspended(bench) == set()


# -- absence is no fact


def emptied_by_replace(bench: Bench, group_id: str, people: Sequence[str]) -> None:
    bench.change_group(group_id, replace=[])


def emptied_by_remove(bench: Bench, group_id: str, people: Sequence[str]) -> None:
    bench.change_group(group_id, remove=people)


def renamed(bench: Bench, group_id: str, people: Sequence[str]) -> None:
    bench.change_group(group_id, name="Sales Application")


def deleted(bench: Bench, group_id: str, people: Sequence[str]) -> None:
    bench.delete_group(group_id)


CASES = [
    (emptied_by_replace, Cause.EMPTIED),
    (emptied_by_remove, Cause.EMPTIED),
    (renamed, Cause.RENAMED),
    (deleted, Cause.DELETED),
]


@pytest.mark.parametrize(("happen", "cause"), CASES)
def test_a_group_that_loses_everybody_at_once_starts_no_case_but_a_question(
    bench: Bench, happen: Callable[[Bench, str, Sequence[str]], None], cause: Cause
) -> None:
    people = [bench.join("ada"), bench.join("bob")]
    group = bench.group(SALES, *people)
    bench.run()

    happen(bench, group, people)
    bench.run("1d")

    (inquiry,) = bench.inquiries()
    assert (inquiry.cause, inquiry.targets, inquiry.people) == (cause, ("crm",), 2)
    assert all(bench.facts(person) == [] for person in people)
    assert bench.systems["crm"].writes == []


@pytest.mark.parametrize(("happen", "cause"), CASES)
def test_an_operator_who_confirms_makes_it_a_fact_for_whom_nothing_grants_the_target(
    bench: Bench, happen: Callable[[Bench, str, Sequence[str]], None], cause: Cause
) -> None:
    people = [bench.join("ada"), bench.join("bob")]
    group = bench.group(SALES, *people)
    bench.group("CRM Admins", people[1])
    bench.run()
    happen(bench, group, people)
    bench.clock.advance("3d")
    bench.forgetting.forget_memberships(bench.clock())

    lost = bench.inquiring.confirm(bench.inquiries()[0].id, by="ops", now=bench.clock())
    bench.run("15m")

    assert lost == 1
    assert suspended(bench, "ada") == {"crm"}
    assert suspended(bench, "bob") == set()
    assert bench.inquiries() == []


def test_an_operator_who_dismisses_ends_the_question(bench: Bench) -> None:
    group = bench.group(SALES, bench.join("ada"))
    bench.delete_group(group)

    bench.inquiring.dismiss(bench.inquiries()[0].id, reason="moved", by="ops", now=bench.clock())
    bench.run("1d")

    assert bench.inquiries() == []
    assert bench.systems["crm"].writes == []


def test_a_crowd_is_a_question(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assignment, "MOST_AT_ONCE", 2)
    people = [bench.join(name) for name in ("ada", "bob", "cyd", "dan")]
    group = bench.group(SALES, *people)

    bench.change_group(group, remove=people[:3])

    (inquiry,) = bench.inquiries()
    assert (inquiry.cause, inquiry.people) == (Cause.CROWD, 3)
    assert bench.cases(people[0]) == []


def test_a_group_that_leaves_a_granting_group_is_a_question(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    team = bench.group("Team", ada)
    group = bench.group(SALES, bob, team)
    bench.run()

    bench.change_group(group, remove=[team])
    (inquiry,) = bench.inquiries()
    assert (inquiry.cause, inquiry.people) == (Cause.SUBGROUP, 1)
    assert bench.facts(ada) == []

    bench.inquiring.confirm(inquiry.id, by="ops", now=bench.clock())
    bench.run("15m")
    assert suspended(bench, "ada") == {"crm"}


def confirmed(bench: Bench) -> list[int]:
    """Confirm what is asked; return for how many people each answer was a fact."""
    return [bench.inquiring.confirm(one.id, by="ops", now=bench.clock()) for one in bench.inquiries()]


@pytest.mark.parametrize(
    "then",
    [
        lambda bench, group, _ada: bench.delete_group(group),
        lambda bench, group, ada: bench.change_group(group, remove=[ada]),
        lambda bench, group, _ada: bench.change_group(group, replace=[]),
        lambda bench, group, _ada: bench.change_group(group, add=[bench.join("cyd")]),
    ],
)
@pytest.mark.parametrize("is_within", [False, True])
def test_a_question_is_about_who_was_there_when_it_came_up(
    bench: Bench, then: Callable[[Bench, str, str], None], is_within: bool
) -> None:
    people = [bench.join("ada"), bench.join("bob")]
    team = bench.group("Team", *people)
    group = bench.group(SALES, *([team, bench.join("dan")] if is_within else people))
    bench.run()
    if is_within:
        bench.change_group(group, remove=[team])
    else:
        bench.change_group(group, name="Sales Application")
    bench.clock.advance("1m")

    then(bench, team if is_within else group, people[0])

    assert confirmed(bench) == [2]
    assert [case.trigger for person in people for case in bench.cases(person)] == [Trigger.UNASSIGNED] * 2


def test_a_group_that_gets_another_name_and_loses_members_in_one_request_is_a_question_about_all(bench: Bench) -> None:
    ada, bob, cyd = bench.join("ada"), bench.join("bob"), bench.join("cyd")
    left, emptied = bench.group(SALES, ada, bob), bench.group("CRM Admins", ada, bob)

    bench.change_group(left, name="Sales", remove=[ada], add=[cyd])
    bench.change_group(emptied, name="Admins", replace=[])

    assert [(one.cause, one.people) for one in bench.inquiries()] == [(Cause.RENAMED, 2)] * 2
    assert confirmed(bench) == [2, 2]
    assert bench.cases(cyd) == []


def test_a_question_is_about_those_in_groups_within_the_group_too(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    team = bench.group("Team", bench.group("Inner Team", ada))
    sales, admins = bench.group(SALES, team, bob), bench.group("CRM Admins", team)

    bench.change_group(sales, replace=[])
    bench.delete_group(admins)

    assert [(one.cause, one.people) for one in bench.inquiries()] == [(Cause.EMPTIED, 2), (Cause.DELETED, 1)]
    assert confirmed(bench) == [2, 1]


def test_a_group_that_is_deleted_asks_for_the_groups_that_it_was_in(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    team = bench.group("CRM Admins", ada)
    bench.group(SALES, bench.group("Outer Team", team), bob)
    bench.group(STAFF, team, bob)

    bench.delete_group(team)

    assert [(one.cause, one.display_name, one.targets) for one in bench.inquiries()] == [
        (Cause.DELETED, "CRM Admins", ("crm",)),
        (Cause.SUBGROUP, STAFF, ("dir",)),
    ]
    assert confirmed(bench) == [1, 1]


def test_nobody_is_asked_about_groups_without_people(bench: Bench) -> None:
    team = bench.group("Team")

    bench.change_group(bench.group(SALES, team, bench.join("ada")), remove=[team])

    assert bench.inquiries() == []


def test_who_is_added_while_the_group_takes_a_granting_name_has_come_back(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    club = bench.group("Book Club", bob)
    group = bench.group(SALES, ada, bob)
    bench.run()
    bench.change_group(group, remove=[ada])
    bench.run("15m")
    assert suspended(bench) == {"crm"}

    bench.change_group(club, name="CRM Admins", add=[ada])
    bench.run("1m")

    assert suspended(bench) == set()


def test_a_target_that_no_group_grants_any_more_was_lost_by_nobody(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    ada, bob = bench.join("ada"), bench.join("bob")
    group = bench.group(SALES, ada, bob)
    bench.run()
    bench.change_group(group, remove=[ada])

    bench.granted_by = {"dir": [STAFF]}
    bench = replace(bench)
    bench.run("15m")
    bench.leave(ada)
    bench.run("1m")
    bench.come_back(ada)
    bench.run("1m")

    (task, *_) = bench.tasks(bench.cases(ada)[0])
    assert task.reason == "no group grants the target any more: the configuration names none in its granted_by"
    assert suspended(bench) == set()


@pytest.mark.parametrize("targets", [None, ["crm"]])
def test_an_operator_gives_back_what_somebody_was_unassigned_from(bench: Bench, targets: list[str] | None) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    group = bench.group(SALES, ada, bob)
    bench.run()
    bench.change_group(group, remove=[ada])
    bench.run("15m")

    bench.giving_back.restore(bench.case(ada).id, reason="by mistake", by="ops", now=bench.clock(), targets=targets)
    bench.run("1m")
    assert suspended(bench) == set()

    bench.leave(ada)
    bench.run("1m")
    bench.come_back(ada)
    bench.run("1d")
    assert suspended(bench) == set()


def test_the_records_say_which_group_was_left_and_what_came_of_it(bench: Bench) -> None:
    ada, bob, cyd = bench.join("ada"), bench.join("bob"), bench.join("cyd")
    group = bench.group(SALES, ada, bob, cyd)
    bench.run()
    bench.change_group(group, remove=[ada, bob])
    bench.run("15m")
    bench.change_group(group, add=[ada])
    bench.delete_group(group)
    bench.group("CRM Admins", bob)

    with bench.database.read() as tx:
        taken, restore = (journal.entries_of_case(tx, case.id)[0]["reason"] for case in bench.cases(ada))
        applied = tx.execute(select(schema.requests.c.applied)).scalars().all()
    assert taken == "unassigned: left group 'CRM Users'; rule 'leavers': suspend at crm after 15m"
    assert restore == f"the identity is assigned to the target again, after case {bench.cases(ada)[0].id}"
    assert sorted(re.sub("inquiry [-0-9a-f]+", "inquiry", each) for each in applied if " " in each) == [
        "0 members added, 2 removed; 2 people unassigned",
        "1 members added, 0 removed; 1 person assigned again",
        "group created, 1 members; 1 person assigned again",
        "group created, 3 members",
        "group deleted; inquiry opened: group 'CRM Users' was deleted",
    ]


def test_a_new_name_that_grants_the_same_is_no_question(bench: Bench) -> None:
    group = bench.group(SALES, bench.join("ada"))

    bench.change_group(group, name="crm ADMINS")

    assert bench.inquiries() == []


def test_an_empty_group_that_goes_is_no_question(bench: Bench) -> None:
    group = bench.group(SALES)

    bench.delete_group(group)

    assert bench.inquiries() == []


# -- at the same moment


def test_coming_back_that_races_with_the_claim_never_ends_without_access(database: Database, clock: FakeClock) -> None:
    rule = a_rule(when=frozenset({Trigger.UNASSIGNED}))
    bench = a_bench(database, clock, rule, concurrency=100)
    bob = bench.join("bob")
    group = bench.group(SALES, bob)
    for number in range(15):
        name = f"p{number}"
        person = bench.join(name)
        bench.change_group(group, add=[person])
        bench.run()
        bench.change_group(group, remove=[person])
        bench.wakeups.clear()

        results = race(
            [
                partial(bench.execution.work, bench.account(person).id),
                partial(bench.change_group, group, add=[person]),
            ]
        )
        clock.advance("1s")
        bench.run()

        assert [error for error in results if isinstance(error, Exception)] == []
        assert suspended(bench, name) == set()
        assert all(case.state is not CaseState.OPEN for case in bench.cases(person))


def test_parallel_changes_of_one_group_lose_nothing(bench: Bench) -> None:
    people = [bench.join(f"p{number}", everywhere=False) for number in range(24)]
    group = bench.group(SALES, *people[:12], bench.join("ada"))

    results = race(
        [partial(bench.change_group, group, add=[person]) for person in people[12:]]
        + [partial(bench.change_group, group, remove=[person]) for person in people[:12]]
    )

    assert [error for error in results if isinstance(error, Exception)] == []
    with bench.database.read() as tx:
        (stored,) = groups.read_members(tx, [groups.group_by_id(tx, SOURCE, group)])
    assert {member.id for member in stored.members or ()} - set(people) != set()
    assert {member.id for member in stored.members or ()} >= set(people[12:])
    assert not {member.id for member in stored.members or ()} & set(people[:12])
    assert stored.version == 25


def test_changes_of_groups_and_deletions_of_their_members_do_not_wait_for_each_other_in_a_ring(bench: Bench) -> None:
    for number in range(5):
        people = [bench.join(f"p{number}-{each}", everywhere=False) for each in range(6)]
        stayer = bench.join(f"s{number}", everywhere=False)
        names = [f"CRM Admins {number}", f"Team {number}"]
        made = [bench.group(name, *people, stayer) for name in names]

        results = race(
            [partial(bench.delete, person) for person in people[:3]]
            + [partial(bench.change_group, group, replace=[*people[2:], stayer]) for group in made]
            + [partial(bench.change_group, group, add=[made[1 - at]]) for at, group in enumerate(made)]
        )

        errors = [error for error in results if isinstance(error, Exception)]
        assert all(isinstance(error, UnknownMemberError) for error in errors)
        with bench.database.read() as tx:
            left = {member for group in made for member in members.present(tx, group).all}
        assert not left & set(people[:3]), "a member that is deleted"


def test_who_is_deleted_while_they_are_added_is_no_member(bench: Bench) -> None:
    group = bench.group(SALES, bench.join("ada"))
    for number in range(15):
        person = bench.join(f"p{number}", everywhere=False)

        race([partial(bench.delete, person), partial(bench.change_group, group, add=[person])])

        with bench.database.read() as tx:
            assert person not in members.present(tx, group).all


def test_members_whom_a_condition_names_leave_in_their_turn(bench: Bench) -> None:
    ada, bob, cyd = (bench.join(name) for name in ("ada", "bob", "cyd"))
    group = bench.group(SALES, ada, bench.group("Team"))

    all_users = MemberChange(MemberVerb.REMOVE, frozenset(), where=ScimFilter('type eq "User"').ast)

    bench.group_intake.change_group(
        group,
        lambda document: document,
        [MemberChange.adding([bob]), all_users, MemberChange.adding([cyd])],
        bench.received(),
        bench.clock(),
    )

    with bench.database.read() as tx:
        assert {ada, bob} & members.present(tx, group).all == set()
        assert cyd in members.present(tx, group).all
    assert (len(bench.facts(ada)), bench.facts(bob)) == (1, [])
