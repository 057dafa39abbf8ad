"""Groups at targets that are given up: which are named, and what rules, guard, approvals and undo make of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from scimbridge.domain.action import UNDOES, Action, GuardClass
from scimbridge.domain.capability import in_order
from scimbridge.domain.case import Case, CaseKind, CaseState
from scimbridge.domain.guard import GuardScope, Limit
from scimbridge.domain.identity import source_at, target_of
from scimbridge.domain.ids import CaseId, IdentityId
from scimbridge.domain.request import Outcome
from scimbridge.domain.retirement import GroupFinding, GroupReport, NamedGroup, read_groups
from scimbridge.domain.rule import Rule, Stage
from scimbridge.domain.table import TableError
from scimbridge.domain.trigger import Trigger
from scimbridge.domain.undo import undo_of
from tests.domain.test_approval import DECISIVE, a_plan, an_approval, drift
from tests.domain.test_filter import an_identity

OF_GROUPS = {action for action in Action if action.name.endswith(("_GROUP", "_GROUP_BACK"))}


def test_each_line_of_a_file_names_a_group() -> None:
    found = read_groups(b"id,reason,Owner\nCN=Old,empty for years,eve\n,\nNew\n,typo\n")

    assert list(found.groups) == [
        NamedGroup(line=2, said="CN=Old", reason="empty for years"),
        NamedGroup(line=4, said="New"),
        NamedGroup(line=5, reason="typo", problem="it names nobody"),
    ]
    assert found.ignored == ["Owner"]


def test_a_file_that_names_no_groups_says_which_column_is_missing() -> None:
    with pytest.raises(TableError, match=r"^the first line has to name the columns: group$"):
        read_groups(b"reason\nempty\n")


def test_a_report_names_the_groups_that_are_not_given_up() -> None:
    asked = NamedGroup(line=2)
    findings = [GroupFinding(asked=asked, outcome=outcome) for outcome in (Outcome.OPENED, Outcome.UNKNOWN)]

    assert GroupReport(findings, is_done=False).failed == [findings[1]]


def test_a_group_at_a_target_has_the_target_for_its_source() -> None:
    group = replace(an_identity(active=False), source=source_at("@crm"))

    assert group.is_group
    assert not an_identity().is_group
    assert target_of(group.source) == "@crm"


@pytest.mark.parametrize(("source", "is_about_group"), [(source_at("crm"), True), ("crm", False)])
def test_a_case_is_about_a_group_where_a_target_is_its_source(source: str, is_about_group: bool) -> None:
    case = Case(
        id=CaseId("case"),
        identity_id=IdentityId("identity"),
        source=source,
        kind=CaseKind.LEAVE,
        rule="old groups",
        trigger=Trigger.REQUESTED,
        trigger_at=datetime(2026, 3, 2, 9, tzinfo=UTC),
        state=CaseState.OPEN,
        opened_at=datetime(2026, 3, 2, 9, tzinfo=UTC),
    )

    assert case.is_about_group is is_about_group


def test_what_is_done_to_groups_is_not_done_to_accounts() -> None:
    assert {action for action in Action if action.is_of_groups} == OF_GROUPS
    assert {action for action in Action if action.removes} == {Action.DELETE, Action.PURGE, Action.DELETE_GROUP}


@pytest.mark.parametrize("actions", [(Action.EMPTY_GROUP,), (Action.SUSPEND,), ()])
def test_a_rule_is_for_groups_or_for_people_by_what_it_does(actions: tuple[Action, ...]) -> None:
    stage = Stage(after=timedelta(), actions=actions)
    rule = Rule(name="old groups", when=frozenset({Trigger.REQUESTED}), stages=(stage,))
    is_for_groups = actions == (Action.EMPTY_GROUP,)

    person, group = an_identity(), replace(an_identity(), source=source_at("crm"))

    assert rule.is_for_groups is is_for_groups
    assert rule.applies_to(Trigger.REQUESTED, group) is is_for_groups
    assert rule.applies_to(Trigger.REQUESTED, person) is not is_for_groups
    assert not rule.applies_to(Trigger.STALE, group if is_for_groups else person)


def test_a_limit_of_groups_that_trips_speaks_of_groups() -> None:
    limit = Limit(
        scope=GuardScope.TARGET,
        subject="crm",
        guard_class=GuardClass.GROUPS,
        window=timedelta(hours=1),
        count=5,
    )

    assert limit.tripped(0, 0) == "more groups would be given up within 1h at target crm than 5"


def test_a_group_is_looked_at_whatever_was_begun_and_what_is_gone_stays_lost() -> None:
    undo = undo_of({Action.DELETE_GROUP}, None, of_group=True)

    assert (undo.actions, undo.lost) == ((Action.ENABLE_GROUP,), ("a group that was deleted",))
    assert set(undo_of(OF_GROUPS & set(UNDOES.values()), None, of_group=True).actions) == OF_GROUPS & set(UNDOES)


@pytest.mark.parametrize(
    ("action", "key", "value"),
    [
        (Action.DISABLE_GROUP, "enabled", False),
        (Action.MOVE_GROUP, "container", "given up"),
        (Action.EMPTY_GROUP, "members", ["ada"]),
    ],
)
def test_the_trace_of_an_attempt_at_a_group_is_no_drift(action: Action, key: str, value: object) -> None:
    before = {**DECISIVE, "members": ["ada", "bob"]}
    (subject,) = a_plan().subjects
    approval = an_approval(a_plan(subjects=(replace(subject, decisive=before),)).document())

    assert drift(approval, {**before, key: value}, begun={action}) is None
    assert drift(approval, {**before, key: value}) == f"the account at crm has changed ({key})"


def test_what_has_changed_about_a_group_is_said_of_a_group() -> None:
    (subject,) = a_plan().subjects
    actions = (Action.STAMP_GROUP, Action.DELETE_GROUP)
    approval = an_approval(a_plan(subjects=(replace(subject, actions=actions),)).document())

    assert drift(approval, {**DECISIVE, "enabled": False}) == "the group at crm has changed (enabled)"


def test_the_longest_name_of_a_target_leaves_room_for_its_source() -> None:
    assert len(source_at("d" * 63)) == 64


def test_a_group_is_marked_before_it_is_emptied_and_deleted_last() -> None:
    order = [Action.STAMP_GROUP, Action.DISABLE_GROUP, Action.MOVE_GROUP, Action.EMPTY_GROUP, Action.DELETE_GROUP]

    assert in_order(reversed(order), {}) == order


def test_members_come_back_before_the_group_opens_things_again() -> None:
    undo = undo_of(OF_GROUPS & set(UNDOES.values()), None, of_group=True)

    order = (Action.MOVE_GROUP_BACK, Action.REFILL_GROUP, Action.ENABLE_GROUP, Action.UNSTAMP_GROUP)
    assert (undo.actions, undo.lost) == (order, ())
