"""Outlines: what a rule does, whoever it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from scimbridge.domain.action import Action, GuardClass
from scimbridge.domain.capability import Capabilities, Capability
from scimbridge.domain.outline import NOTICES, TELLING, UNASSIGNED_GRACE, Outlines
from scimbridge.domain.plan import dated
from scimbridge.domain.rule import Rule, Stage, Terms
from scimbridge.domain.trigger import Fact, Trigger

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
CAN = {action: Capability(action=action) for action in (Action.SUSPEND, Action.DELETE)}
TARGETS: Capabilities = {"crm": CAN, "dir": CAN}
RULE = Rule(
    name="leavers",
    when=frozenset(Trigger),
    stages=(Stage(after=timedelta(), actions=(Action.SUSPEND,)), Stage(after=DAY, actions=(Action.DELETE,))),
)


def a_fact(trigger: Trigger = Trigger.DEACTIVATED, targets: tuple[str, ...] | None = None) -> Fact:
    return Fact(trigger=trigger, identity_id="i", source="idp", at=NOW, targets=targets)


def test_it_says_what_the_rule_does_and_what_the_guard_counts() -> None:
    outline = Outlines(TARGETS).of(RULE, a_fact())

    assert outline.said == "suspend at crm, dir at once; delete at crm, dir after 1d"
    assert outline.counted == dict.fromkeys(TARGETS, frozenset({GuardClass.ALL, GuardClass.SUSPEND, GuardClass.DELETE}))
    assert not outline.is_empty
    assert Outlines({}).of(RULE, a_fact()).is_empty


def test_it_is_said_as_people_say_it() -> None:
    telling = replace(RULE, stages=(Stage(after=DAY, actions=(Action.SUSPEND, Action.NOTIFY)),))
    targets: Capabilities = {**TARGETS, NOTICES: TELLING}

    assert Outlines(targets).of(telling, a_fact()).said == "suspend at crm, dir after 1d; notify after 1d"
    assert Outlines({NOTICES: TELLING}).of(telling, a_fact()).said == "nothing to do at any target"


def test_it_is_worked_out_once_for_all_whom_the_same_happens_to() -> None:
    outlines = Outlines(TARGETS)

    assert outlines.of(RULE, a_fact()) is outlines.of(RULE, replace(a_fact(), identity_id="j", at=NOW + DAY))


def test_another_rule_of_the_name_another_trigger_and_other_targets_have_their_own() -> None:
    outlines = Outlines(TARGETS)
    outlines.of(RULE, a_fact())

    assert outlines.of(replace(RULE, stages=RULE.stages[:1]), a_fact()).said == "suspend at crm, dir at once"
    assert outlines.of(RULE, a_fact(targets=("dir",))).said == "suspend at dir at once; delete at dir after 1d"
    assert outlines.of(RULE, a_fact(Trigger.UNASSIGNED)).stages[0].after == UNASSIGNED_GRACE


def test_only_so_many_are_kept() -> None:
    outlines = Outlines(TARGETS)
    first = outlines.of(RULE, a_fact())
    for number in range(Outlines.MOST):
        outlines.of(RULE, a_fact(targets=(f"target{number}",)))

    assert outlines.of(RULE, a_fact()) == first
    assert outlines.of(RULE, a_fact()) is not first


def test_dates_are_those_of_each_fact() -> None:
    at_night = replace(RULE, stages=(Stage(after=DAY, actions=(Action.SUSPEND,), terms=Terms(schedule="0 22 * * *")),))

    for rule, hours in ((RULE, (0, 24)), (at_night, (37,))):
        for at in (NOW, NOW + 30 * DAY):
            stages = dated(Outlines(TARGETS).of(rule, a_fact()), at)
            assert [stage.due_at - at for stage in stages] == [timedelta(hours=each) for each in hours]
            assert all(task.due_at == stage.due_at for stage in stages for task in stage.tasks)


def test_after_a_deletion_only_a_purge_is_left_to_do_and_that_only_then() -> None:
    can = {action: Capability(action=action) for action in (*CAN, Action.PURGE)}
    stages = [(Action.PURGE,), (Action.SUSPEND,), (Action.DELETE,), (Action.SUSPEND, Action.PURGE), (Action.PURGE,)]
    rule = replace(RULE, stages=tuple(Stage(after=number * DAY, actions=each) for number, each in enumerate(stages)))

    outline = Outlines({"crm": can, "dir": CAN}).of(rule, a_fact())

    assert outline.said == "suspend at crm, dir after 1d; delete at crm, dir after 2d; purge at crm after 3d"
