"""Planning a case, and joining a later fact to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from scimbridge.domain.action import Action, GuardClass
from scimbridge.domain.capability import Capabilities, Capability
from scimbridge.domain.outline import NOTICES, TELLING, left_out, outline
from scimbridge.domain.plan import (
    Amendment,
    Earlier,
    PlannedStage,
    amend,
    dated,
    due_after_delay,
    guarded,
    plan_fact,
)
from scimbridge.domain.rule import Rule, Stage, Terms
from scimbridge.domain.task import Task, TaskState
from scimbridge.domain.trigger import Fact, Trigger
from tests.domain.test_task import a_task

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
EVERYTHING = {action: Capability(action=action) for action in (Action.SUSPEND, Action.RESTORE, Action.DELETE)}
TARGETS: Capabilities = {"crm": EVERYTHING, "dir": EVERYTHING}
NOTHING = Amendment(stages=(), earlier=())


def a_rule(*stages: tuple[timedelta, tuple[Action, ...]], exclude_targets: frozenset[str] = frozenset()) -> Rule:
    return Rule(
        name="leavers",
        when=frozenset(Trigger),
        stages=tuple(Stage(after=after, actions=actions) for after, actions in stages),
        exclude_targets=exclude_targets,
    )


SUSPEND_THEN_DELETE = a_rule((7 * DAY, (Action.SUSPEND,)), (30 * DAY, (Action.DELETE,)))


def plan(rule: Rule, trigger_at: datetime, targets: Capabilities) -> tuple[PlannedStage, ...]:
    return dated(outline(rule, targets), trigger_at)


def said(stages: tuple[PlannedStage, ...]) -> list[tuple[int, str, Action, timedelta]]:
    return [(stage.number, task.target, task.action, task.due_at - NOW) for stage in stages for task in stage.tasks]


def existing(state: TaskState, due_at: datetime, action: Action = Action.SUSPEND, target: str = "crm") -> Task:
    return a_task(state, due_at=due_at, action=action, target=target)


def test_each_stage_is_dated_from_the_trigger() -> None:
    planned = plan(SUSPEND_THEN_DELETE, NOW, TARGETS)

    assert said(planned) == [
        (0, "crm", Action.SUSPEND, 7 * DAY),
        (0, "dir", Action.SUSPEND, 7 * DAY),
        (1, "crm", Action.DELETE, 30 * DAY),
        (1, "dir", Action.DELETE, 30 * DAY),
    ]
    assert [(stage.after, stage.due_at) for stage in planned] == [(7 * DAY, NOW + 7 * DAY), (30 * DAY, NOW + 30 * DAY)]


def test_an_action_that_a_target_cannot_do_is_left_out_there() -> None:
    targets: Capabilities = {"crm": {Action.SUSPEND: EVERYTHING[Action.SUSPEND]}, "dir": EVERYTHING, "log": {}}

    assert [(target, action) for _, target, action, _ in said(plan(SUSPEND_THEN_DELETE, NOW, targets))] == [
        ("crm", Action.SUSPEND),
        ("dir", Action.SUSPEND),
        ("dir", Action.DELETE),
    ]


def test_excluded_targets_have_no_task() -> None:
    rule = a_rule((7 * DAY, (Action.SUSPEND,)), exclude_targets=frozenset({"dir"}))

    assert {target for _, target, _, _ in said(plan(rule, NOW, TARGETS))} == {"crm"}


def test_within_a_stage_suspending_comes_before_deleting_however_they_are_written() -> None:
    (stage,) = plan(a_rule((DAY, (Action.DELETE, Action.SUSPEND))), NOW, {"crm": EVERYTHING})

    assert [task.action for task in stage.tasks] == [Action.SUSPEND, Action.DELETE]
    assert stage.tasks[0].position < stage.tasks[1].position


def test_a_later_stage_always_comes_after_an_earlier_one() -> None:
    rule = a_rule((DAY, (Action.RESTORE, Action.DELETE)), (2 * DAY, (Action.SUSPEND,)))

    first, second = plan(rule, NOW, {"crm": EVERYTHING, "dir": {Action.SUSPEND: EVERYTHING[Action.SUSPEND]}})

    assert max(task.position for task in first.tasks) < min(task.position for task in second.tasks)


def test_a_target_may_have_a_grace_of_its_own() -> None:
    rule = a_rule((7 * DAY, (Action.SUSPEND,)))
    (stage,) = rule.stages

    (planned,) = plan(replace(rule, stages=(replace(stage, grace={"dir": DAY}),)), NOW, TARGETS)

    assert [(task.target, task.after, task.due_at) for task in planned.tasks] == [
        ("crm", 7 * DAY, NOW + 7 * DAY),
        ("dir", DAY, NOW + DAY),
    ]
    assert (planned.after, planned.due_at) == (7 * DAY, NOW + 7 * DAY)


def test_a_stage_for_some_targets_tells_people_all_the_same() -> None:
    rule = a_rule((DAY, (Action.SUSPEND, Action.NOTIFY)))
    (stage,) = rule.stages

    stages = plan(
        replace(rule, stages=(replace(stage, targets=frozenset({"dir"})),)), NOW, {**TARGETS, NOTICES: TELLING}
    )

    assert [(target, action) for _, target, action, _ in said(stages)] == [
        ("dir", Action.SUSPEND),
        (NOTICES, Action.NOTIFY),
    ]


def test_a_stage_with_a_schedule_and_a_window_is_due_at_the_first_instant_after_its_grace() -> None:
    terms = Terms(schedule="0 22 * * *", window=timedelta(hours=8))
    rule = replace(SUSPEND_THEN_DELETE, stages=(Stage(after=DAY, actions=(Action.SUSPEND,), terms=terms),))

    (stage,) = plan(rule, NOW, {"crm": EVERYTHING})

    assert (stage.due_at, stage.tasks[0].due_at) == (NOW + DAY + timedelta(hours=13),) * 2


def test_what_some_targets_of_a_stage_cannot_do_is_said_with_their_names() -> None:
    actions = (Action.SUSPEND, Action.STAMP, Action.NOTIFY)
    stage = Stage(after=DAY, actions=actions, targets=frozenset({"crm", "dir", "log", "archive"}))
    rule = replace(SUSPEND_THEN_DELETE, stages=(stage,), exclude_targets=frozenset({"archive"}))
    targets: Capabilities = {**TARGETS, "log": {}, "archive": {}, "hr": {}, NOTICES: TELLING}

    assert left_out(rule, stage, targets) == {Action.SUSPEND: ["log"], Action.STAMP: ["crm", "dir", "log"]}


GROUPS = {Action.REMOVE_FROM_GROUPS: Capability(action=Action.REMOVE_FROM_GROUPS)}


def test_who_is_deleted_is_taken_out_of_groups_first_where_the_target_can() -> None:
    targets: Capabilities = {"crm": EVERYTHING, "dir": {**EVERYTHING, **GROUPS}}

    (stage,) = plan(a_rule((DAY, (Action.DELETE,))), NOW, targets)

    assert [(task.target, task.action, task.is_added) for task in stage.tasks] == [
        ("crm", Action.DELETE, False),
        ("dir", Action.REMOVE_FROM_GROUPS, True),
        ("dir", Action.DELETE, False),
    ]


@pytest.mark.parametrize("named", ["in the same stage", "in an earlier one"])
def test_what_a_rule_names_itself_is_not_added(named: str) -> None:
    both = ((DAY, (Action.REMOVE_FROM_GROUPS, Action.DELETE)),)
    apart = ((DAY, (Action.REMOVE_FROM_GROUPS,)), (2 * DAY, (Action.DELETE,)))

    stages = plan(a_rule(*(both if named == "in the same stage" else apart)), NOW, {"dir": {**EVERYTHING, **GROUPS}})

    assert [(task.action, task.is_added) for stage in stages for task in stage.tasks] == [
        (Action.REMOVE_FROM_GROUPS, False),
        (Action.DELETE, False),
    ]


def a_fact(trigger: Trigger, targets: tuple[str, ...] | None = None) -> Fact:
    return Fact(trigger=trigger, identity_id="identity", source="okta", at=NOW, targets=targets)


def test_a_fact_about_some_targets_plans_there_and_for_notices() -> None:
    rule = a_rule((DAY, (Action.SUSPEND, Action.NOTIFY)))

    stages = plan_fact(rule, a_fact(Trigger.CHANGED, ("dir",)), {**TARGETS, NOTICES: TELLING})

    assert said(stages) == [(0, "dir", Action.SUSPEND, DAY), (0, NOTICES, Action.NOTIFY, DAY)]


@pytest.mark.parametrize(
    ("trigger", "when", "grace", "expected"),
    [
        (Trigger.UNASSIGNED, frozenset(Trigger), timedelta(), 15 * MINUTE),
        (Trigger.UNASSIGNED, frozenset(Trigger), DAY, DAY),
        (Trigger.UNASSIGNED, frozenset({Trigger.UNASSIGNED}), timedelta(), timedelta()),
        (Trigger.DEACTIVATED, frozenset(Trigger), timedelta(), timedelta()),
    ],
)
def test_who_is_unassigned_has_a_quarter_of_an_hour_unless_the_rule_is_for_nothing_else(
    trigger: Trigger, when: frozenset[Trigger], grace: timedelta, expected: timedelta
) -> None:
    rule = replace(a_rule((grace, (Action.SUSPEND,))), when=when)

    (stage,) = plan_fact(rule, a_fact(trigger), {"crm": EVERYTHING})

    assert {(stage.after, stage.due_at), (stage.tasks[0].after, stage.tasks[0].due_at)} == {(expected, NOW + expected)}


def test_a_plan_counts_for_the_guard_at_each_target_that_it_takes_something_away_at() -> None:
    rule = a_rule((DAY, (Action.SUSPEND, Action.NOTIFY)), (30 * DAY, (Action.DELETE,)))
    crm = {Action.SUSPEND: EVERYTHING[Action.SUSPEND]}

    counted = guarded(plan(rule, NOW, {"crm": crm, "dir": EVERYTHING, NOTICES: TELLING}))

    assert counted == {
        "crm": {GuardClass.ALL, GuardClass.SUSPEND},
        "dir": {GuardClass.ALL, GuardClass.SUSPEND, GuardClass.DELETE},
    }


def test_what_a_later_fact_adds_and_brings_forward_counts_for_the_guard() -> None:
    task = existing(TaskState.PLANNED, NOW + 30 * DAY, Action.DELETE)

    amendment = amend([task], plan(a_rule((DAY, (Action.DELETE, Action.SUSPEND))), NOW, {"crm": EVERYTHING}))

    assert amendment.guarded == {"crm": {GuardClass.ALL, GuardClass.SUSPEND, GuardClass.DELETE}}


def test_the_same_fact_again_changes_nothing() -> None:
    tasks = [existing(TaskState.PLANNED, NOW + 7 * DAY), existing(TaskState.PLANNED, NOW + 30 * DAY, Action.DELETE)]

    amendment = amend(tasks, plan(SUSPEND_THEN_DELETE, NOW, {"crm": EVERYTHING}))

    assert amendment == NOTHING
    assert not amendment


def test_clocks_do_not_restart() -> None:
    task = existing(TaskState.PLANNED, NOW + 7 * DAY)

    amendment = amend([task], plan(a_rule((7 * DAY, (Action.SUSPEND,))), NOW + 3 * DAY, {"crm": EVERYTHING}))

    assert amendment == NOTHING


def test_the_earlier_date_wins() -> None:
    task = existing(TaskState.PLANNED, NOW + 7 * DAY)

    amendment = amend([task], plan(a_rule((DAY, (Action.SUSPEND,))), NOW, {"crm": EVERYTHING}))

    assert amendment == Amendment(stages=(), earlier=(Earlier(task=task, due_at=NOW + DAY, after=DAY),))
    assert amendment


def test_what_is_brought_forward_has_to_be_approved_as_the_later_rule_says() -> None:
    task = existing(TaskState.PLANNED, NOW + 30 * DAY, Action.DELETE)
    rule = replace(SUSPEND_THEN_DELETE, stages=(Stage(after=DAY, actions=(Action.DELETE,), terms=Terms(approvers=2)),))

    (earlier,) = amend([task], plan(rule, NOW, {"crm": EVERYTHING})).earlier

    assert earlier.approvers == 2


def test_a_stage_that_is_added_keeps_its_terms() -> None:
    terms = Terms(approvers=2, schedule="0 22 * * *", deadline=DAY)
    rule = replace(SUSPEND_THEN_DELETE, stages=(Stage(after=DAY, actions=(Action.DELETE,), terms=terms),))

    (added,) = amend([existing(TaskState.DONE, NOW)], plan(rule, NOW, {"crm": EVERYTHING})).stages

    assert added.terms == terms


TELLING_TWICE = a_rule(
    (DAY, (Action.SUSPEND, Action.NOTIFY)), (30 * DAY, (Action.NOTIFY,)), (40 * DAY, (Action.DELETE,))
)
WITH_NOTICES: Capabilities = {"crm": EVERYTHING, NOTICES: TELLING}


def told(state: TaskState, stage: int) -> Task:
    return replace(existing(state, NOW, Action.NOTIFY, NOTICES), position=stage * 100)


def test_people_are_told_with_each_stage_and_before_anything_else() -> None:
    stages = plan(TELLING_TWICE, NOW, WITH_NOTICES)

    assert said(stages) == [
        (0, "crm", Action.SUSPEND, DAY),
        (0, NOTICES, Action.NOTIFY, DAY),
        (1, NOTICES, Action.NOTIFY, 30 * DAY),
        (2, "crm", Action.DELETE, 40 * DAY),
    ]
    first = min((task for stage in stages for task in stage.tasks), key=lambda task: task.position)
    assert first.action is Action.NOTIFY


@pytest.mark.parametrize("state", [TaskState.DONE, TaskState.SKIPPED, TaskState.PLANNED])
@pytest.mark.parametrize(("stage", "left"), [(0, (1, 30 * DAY)), (1, (0, DAY))])
def test_people_are_not_told_again_by_the_same_stage(state: TaskState, stage: int, left: tuple[int, timedelta]) -> None:
    tasks = [existing(TaskState.DONE, NOW), existing(TaskState.PLANNED, NOW, Action.DELETE)]

    amendment = amend([*tasks, told(state, stage)], plan(TELLING_TWICE, NOW, WITH_NOTICES))

    number, after = left
    assert said(amendment.stages) == [(number, NOTICES, Action.NOTIFY, after)]


def test_nobody_is_told_of_nothing() -> None:
    rule = a_rule((DAY, (Action.NOTIFY,)), (2 * DAY, (Action.SUSPEND,)))

    assert said(plan(rule, NOW, {NOTICES: TELLING})) == []


@pytest.mark.parametrize("state", [state for state in TaskState if state is not TaskState.PLANNED])
def test_only_planned_tasks_are_brought_forward(state: TaskState) -> None:
    task = existing(state, NOW + 7 * DAY)

    amendment = amend([task], plan(a_rule((DAY, (Action.SUSPEND,))), NOW, {"crm": EVERYTHING}))

    assert amendment.earlier == ()


def test_missing_actions_are_added_with_their_own_dates() -> None:
    task = existing(TaskState.DONE, NOW)

    amendment = amend([task], plan(SUSPEND_THEN_DELETE, NOW, TARGETS))

    assert said(amendment.stages) == [
        (0, "dir", Action.SUSPEND, 7 * DAY),
        (1, "crm", Action.DELETE, 30 * DAY),
        (1, "dir", Action.DELETE, 30 * DAY),
    ]


def test_what_was_canceled_is_planned_again() -> None:
    task = existing(TaskState.CANCELED, NOW + 7 * DAY)

    amendment = amend([task], plan(a_rule((DAY, (Action.SUSPEND,))), NOW, {"crm": EVERYTHING}))

    assert said(amendment.stages) == [(0, "crm", Action.SUSPEND, DAY)]


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        (timedelta(), 30 * DAY),
        (7 * DAY, 30 * DAY),
        (7 * DAY + timedelta(seconds=1), 30 * DAY + timedelta(seconds=1)),
        (60 * DAY, 83 * DAY),
    ],
)
def test_an_irreversible_stage_keeps_its_distance_from_the_end_of_the_one_before(
    ended: timedelta, expected: timedelta
) -> None:
    assert due_after_delay(NOW + 30 * DAY, 23 * DAY, NOW + ended) == NOW + expected


@pytest.mark.parametrize("final", [Action.DELETE, Action.DISCONNECT])
def test_after_what_is_final_nothing_is_planned_at_the_target(final: Action) -> None:
    able = {action: Capability(action=action) for action in Action}
    can = {"crm": able, "dir": {Action.SUSPEND: able[Action.SUSPEND]}}

    _, second = plan(a_rule((DAY, (final,)), (2 * DAY, (Action.SUSPEND, Action.STAMP))), NOW, can)

    assert [(task.target, task.action) for task in second.tasks] == [("dir", Action.SUSPEND)]
