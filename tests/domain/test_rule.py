"""Which rule a fact meets, and who is spared."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.exclusion import Exclusion
from scimbridge.domain.filter import IdentityFilter
from scimbridge.domain.hold import Hold, Scope
from scimbridge.domain.rule import Restore, Rule, Ruleset, Stage, Terms
from scimbridge.domain.schedule import Freeze
from scimbridge.domain.shift import Shift
from scimbridge.domain.trigger import Trigger
from tests.domain.test_filter import an_identity

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
STAGES = (Stage(after=timedelta(), actions=(Action.SUSPEND,)),)
EMPLOYEE = an_identity(userType="Employee")
ROBOT = an_identity(userType="Service")


def a_rule(name: str, *when: Trigger, match: str | None = None, exclude: str | None = None) -> Rule:
    return Rule(
        name=name,
        when=frozenset(when or Trigger),
        stages=STAGES,
        match=IdentityFilter(match) if match else None,
        exclude=IdentityFilter(exclude) if exclude else None,
    )


def named(rule: Rule | None) -> str | None:
    return rule.name if rule else None


def test_the_first_match_plans() -> None:
    rules = Ruleset((a_rule("robots", match='userType eq "Service"'), a_rule("one"), a_rule("two")))

    assert named(rules.first_match(Trigger.DELETED, ROBOT)) == "robots"
    assert named(rules.first_match(Trigger.DELETED, EMPLOYEE)) == "one"


def test_a_rule_is_for_its_triggers_only() -> None:
    rules = Ruleset((a_rule("deleted", Trigger.DELETED), a_rule("deactivated", Trigger.DEACTIVATED)))

    assert [named(rules.first_match(trigger, EMPLOYEE)) for trigger in Trigger] == [
        "deactivated",
        "deleted",
        *(None for _ in range(len(Trigger) - 2)),
    ]


def test_a_fact_may_match_no_rule() -> None:
    rules = Ruleset((a_rule("robots", match='userType eq "Service"'),))

    assert rules.first_match(Trigger.DELETED, EMPLOYEE) is None


def test_somebody_excluded_still_matches_so_that_no_later_rule_takes_over() -> None:
    rules = Ruleset((a_rule("one", exclude='userType eq "Service"'), a_rule("two")))

    assert named(rules.first_match(Trigger.DELETED, ROBOT)) == "one"
    assert rules.why_excluded(ROBOT, rules.named("one"), NOW) == "excluded by rule 'one'"
    assert rules.why_excluded(ROBOT, rules.named("two"), NOW) is None
    assert rules.why_excluded(EMPLOYEE, rules.named("one"), NOW) is None


def test_exclusions_hold_for_all_rules_even_those_that_are_gone() -> None:
    spared = Exclusion(match=IdentityFilter('userType eq "Service"'), reason="owned by platform")
    rules = Ruleset((a_rule("one"),), (spared,))

    assert rules.why_excluded(ROBOT, rules.named("one"), NOW) == "owned by platform"
    assert rules.why_excluded(ROBOT, None, NOW) == "owned by platform"
    assert rules.why_excluded(EMPLOYEE, rules.named("one"), NOW) is None


def test_exclusions_made_at_run_time_count_too() -> None:
    more = [Exclusion(match=IdentityFilter("userName pr"), reason="freeze")]

    assert Ruleset(()).why_excluded(EMPLOYEE, None, NOW, more) == "freeze"
    assert Ruleset(()).why_excluded(EMPLOYEE, None, NOW) is None


def test_rules_are_found_by_name() -> None:
    rules = Ruleset((a_rule("one"), a_rule("two")))

    assert named(rules.named("two")) == "two"
    assert rules.named("three") is None


def test_without_being_told_nothing_is_given_back_unasked() -> None:
    assert a_rule("one").restore is Restore.MANUAL


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ((None,), {"crm", "dir"}),
        ((frozenset({"dir", "archive", "gone"}),), {"dir"}),
        ((frozenset({"crm"}), frozenset({"dir"})), {"crm", "dir"}),
        ((frozenset({"crm"}), None), {"crm", "dir"}),
        ((), set()),
    ],
)
def test_a_rule_is_for_the_targets_of_its_stages_that_are_there_and_not_excluded(
    stages: tuple[frozenset[str] | None, ...], expected: set[str]
) -> None:
    rule = replace(
        a_rule("one"),
        stages=tuple(Stage(after=DAY, actions=(Action.SUSPEND,), targets=targets) for targets in stages),
        exclude_targets=frozenset({"archive"}),
    )

    assert rule.targets(iter(["crm", "dir", "archive"])) == expected


EVENING = timedelta(hours=13)  # from NOW until 22:00


@pytest.mark.parametrize(
    ("terms", "now", "irreversible", "expected"),
    [
        (Terms(), timedelta(), True, timedelta(hours=6)),
        (Terms(), timedelta(), False, timedelta()),
        (Terms(schedule="0 22 * * *"), timedelta(), True, EVENING),
        (Terms(schedule="0 22 * * *", timezone="Europe/Berlin"), timedelta(), True, EVENING - timedelta(hours=1)),
        (Terms(schedule="0 22 * * *"), 2 * DAY, True, EVENING),
        (Terms(schedule="0 22 * * *", window=timedelta(hours=8)), 2 * DAY, True, EVENING + 2 * DAY),
    ],
)
def test_work_is_let_go_as_its_stage_and_the_freezes_say(
    terms: Terms, now: timedelta, irreversible: bool, expected: timedelta
) -> None:
    freezes = [Freeze(NOW, NOW + timedelta(hours=6), "release day")]

    at = terms.release_at(NOW, NOW + now, irreversible=irreversible, freezes=freezes)

    assert at - NOW == expected


def test_freezes_are_no_matter_of_what_can_be_undone_unless_it_is_said() -> None:
    assert Terms().release_at(NOW, NOW, freezes=[Freeze(NOW, NOW + DAY, "release day")]) == NOW


def test_what_is_planned_at_a_target_is_what_stages_do_there_that_are_for_it() -> None:
    stages = (
        Stage(after=timedelta(), actions=(Action.SUSPEND,)),
        Stage(after=DAY, actions=(Action.MOVE, Action.DELETE), targets=frozenset({"crm"})),
    )
    first = replace(a_rule("first"), stages=stages, exclude_targets=frozenset({"shop"}))
    rules = Ruleset(rules=(first, replace(a_rule("second"), stages=(Stage(after=DAY, actions=(Action.STAMP,)),))))

    assert rules.actions_at("crm") == {Action.SUSPEND, Action.MOVE, Action.DELETE, Action.STAMP}
    assert rules.actions_at("google") == {Action.SUSPEND, Action.STAMP}
    assert rules.actions_at("shop") == {Action.STAMP}


def test_a_rule_for_movers_says_what_somebody_was_and_is() -> None:
    was, now = IdentityFilter('title eq "Nurse"'), IdentityFilter('title eq "Doctor"')
    rule = a_rule("one")

    assert replace(rule, was=was, now=now).shift == Shift(was, now)
    assert [replace(rule, was=was).shift, replace(rule, now=now).shift] == [None, None]


def test_a_hold_on_a_target_stops_work_there_and_any_other_stops_it_everywhere() -> None:
    held = Hold(id="hold", scope=Scope.TARGET, subject="crm", reason="audit", placed_by="eve", placed_at=NOW)

    assert held.stops_work_at("crm")
    assert not held.stops_work_at("dir")
    assert all(replace(held, scope=scope).stops_work_at("dir") for scope in Scope if scope is not Scope.TARGET)


def test_a_hold_is_on_one_of_five_things() -> None:
    assert {scope.value for scope in Scope} == {"everything", "source", "target", "identity", "case"}
