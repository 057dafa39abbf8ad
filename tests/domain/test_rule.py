"""Which rule a fact meets, and who is spared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from scimbridge.domain.action import Action
from scimbridge.domain.exclusion import Exclusion
from scimbridge.domain.filter import IdentityFilter
from scimbridge.domain.hold import Scope
from scimbridge.domain.rule import Restore, Rule, Ruleset, Stage
from scimbridge.domain.trigger import Trigger
from tests.domain.test_filter import an_identity

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
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
    assert rules.why_excluded(ROBOT, "one", NOW) == "excluded by rule 'one'"
    assert rules.why_excluded(ROBOT, "two", NOW) is None
    assert rules.why_excluded(EMPLOYEE, "one", NOW) is None


def test_exclusions_hold_for_all_rules_even_those_that_are_gone() -> None:
    spared = Exclusion(match=IdentityFilter('userType eq "Service"'), reason="owned by platform")
    rules = Ruleset((a_rule("one"),), (spared,))

    assert rules.why_excluded(ROBOT, "one", NOW) == "owned by platform"
    assert rules.why_excluded(ROBOT, "a rule of last year", NOW) == "owned by platform"
    assert rules.why_excluded(EMPLOYEE, "one", NOW) is None


def test_exclusions_made_at_run_time_count_too() -> None:
    more = [Exclusion(match=IdentityFilter("userName pr"), reason="freeze")]

    assert Ruleset(()).why_excluded(EMPLOYEE, "", NOW, more) == "freeze"
    assert Ruleset(()).why_excluded(EMPLOYEE, "", NOW) is None


def test_rules_are_found_by_name() -> None:
    rules = Ruleset((a_rule("one"), a_rule("two")))

    assert named(rules.named("two")) == "two"
    assert rules.named("three") is None


def test_without_being_told_nothing_is_given_back_unasked() -> None:
    assert a_rule("one").restore is Restore.MANUAL


def test_a_hold_is_on_one_of_five_things() -> None:
    assert {scope.value for scope in Scope} == {"everything", "source", "target", "identity", "case"}
