"""Groups that are to be given up, where they are not like others."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.microsoft365 import Microsoft365Connector
from scimbridge.sdk import AccountRef, Action, Done, NeedsPerson, RejectedError, RetryableError
from scimbridge.sdk.conformance import ambiguous_group
from scimbridge.sdk.testing import confirmed
from tests.connectors.graph_bridge import Directory
from tests.doubles.graph import ALL_PERMISSIONS, User
from tests.doubles.graph.errors import refusal, throttled
from tests.doubles.serving import Answer, Fault

pytest_plugins = ("tests.connectors.graph_fixtures",)

SYNCED = {"onPremisesSyncEnabled": True}
LIST = {"mailEnabled": True}
DYNAMIC = {"groupTypes": ["DynamicMembership"]}


def do(connector: Microsoft365Connector, action: Action, group_id: str) -> Any:
    return connector.perform(action, connector.read_group(group_id), confirmed)


@pytest.mark.parametrize(
    ("kind", "action", "said"),
    [
        (SYNCED, Action.STAMP_GROUP, "Active Directory"),
        (SYNCED, Action.DISABLE_GROUP, "Active Directory"),
        (SYNCED, Action.EMPTY_GROUP, "Active Directory"),
        (SYNCED, Action.DELETE_GROUP, "Active Directory"),
        (LIST, Action.STAMP_GROUP, "Exchange admin center"),
        (LIST, Action.DISABLE_GROUP, "Exchange admin center"),
        (LIST, Action.EMPTY_GROUP, "Exchange admin center"),
        (LIST, Action.DELETE_GROUP, "Exchange admin center"),
        (DYNAMIC, Action.EMPTY_GROUP, "follow a rule"),
        ({}, Action.DISABLE_GROUP, "`empty_group`"),
    ],
)
def test_what_graph_does_not_do_to_a_group_is_for_a_person_with_the_place_to_do_it(
    running: Directory, ann: User, connector: Microsoft365Connector, kind: dict[str, Any], action: Action, said: str
) -> None:
    group = running.graph.tenant.form("sales", ann, **kind)

    outcome = do(connector, action, group.id)

    assert isinstance(outcome, NeedsPerson)
    assert said in outcome.instructions
    assert running.graph.writes() == 0


@pytest.mark.parametrize("action", [Action.STAMP_GROUP, Action.DELETE_GROUP])
def test_a_group_whose_members_follow_a_rule_is_marked_and_deleted_like_others(
    running: Directory, connector: Microsoft365Connector, action: Action
) -> None:
    assert do(connector, action, running.graph.tenant.form("sales", **DYNAMIC).id) == Done(changed=True)


def test_a_group_without_a_description_has_none_again_when_its_mark_is_taken_off(
    running: Directory, connector: Microsoft365Connector
) -> None:
    group = running.graph.tenant.form("sales")
    original = connector.read_group(group.id)
    do(connector, Action.STAMP_GROUP, group.id)
    assert group.document["description"]

    left = connector.read_group(group.id)
    connector.perform(Action.UNSTAMP_GROUP, left.with_original(original, left), confirmed)

    assert group.document["description"] is None


def test_a_group_that_may_give_roles_is_protected_and_takes_a_permission_of_its_own(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    group = running.graph.tenant.form("admins", ann, isAssignableToRole=True)
    assert connector.read_group(group.id).protection == "a group that may be given directory roles"
    assert [each.protected for each in connector.list_groups()] == ["a group that may be given directory roles"]

    running.graph.tokens.granted = ALL_PERMISSIONS - {"RoleManagement.ReadWrite.Directory"}
    running.graph.tokens.forget()
    outcome = do(connector, Action.EMPTY_GROUP, group.id)

    assert isinstance(outcome, NeedsPerson)
    assert f"{ann.upn}: 403 Forbidden" in outcome.instructions
    assert group.members == {ann.id}


def test_a_group_tells_what_its_members_lose_with_it(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    tenant = running.graph.tenant
    group = tenant.form("sales", ann, assignedLicenses=[{"skuId": running.skus[0], "disabledPlans": []}])
    tenant.form("everybody").members.add(group.id)
    tenant.assign(group, tenant.publish("CRM"))

    opened = connector.read_group(group.id).opens

    assert [each.name for each in opened or ()] == ["everybody", "application CRM", "license SPE_E3"]


def test_groups_of_one_name_are_not_guessed_among(running: Directory, connector: Microsoft365Connector) -> None:
    both = {running.graph.tenant.form("Sales d'Or").id for _ in range(2)}

    ambiguous_group(connector, "sales d'or", both)


def test_what_graph_takes_for_a_name_is_compared_by_the_letter(
    running: Directory, connector: Microsoft365Connector
) -> None:
    loosely = Answer(status=200, body={"value": [{"id": "1", "displayName": "Sales North"}]})
    running.graph.faults = [Fault(loosely, is_meant=lambda asked: asked.path.endswith("/groups"))]

    assert connector.find_group("Sales") is None


def test_a_member_who_left_meanwhile_is_no_failure(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    group = running.graph.tenant.form("sales", ann, running.graph.tenant.hire("bob"))
    state = connector.read_group(group.id)
    group.members.remove(ann.id)

    assert connector.perform(Action.EMPTY_GROUP, state, confirmed) == Done(changed=True, after={"how many": 1})


def test_a_list_of_groups_counts_members_and_names_owners_without_a_call_for_each(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    tenant = running.graph.tenant
    people = [tenant.hire(f"person-{number}") for number in range(7)]
    for number in range(120):
        tenant.form(f"group-{number}", *people[: number % 8])
    owned = tenant.form("owned")
    owned.owners.add(ann.id)
    running.graph.calls.clear()

    listed = {each.name: each for each in connector.list_groups()}

    assert {name: each.size for name, each in listed.items() if name != "owned"} == {
        f"group-{number}": number % 8 for number in range(120)
    }
    assert listed["owned"].owners == (AccountRef(ann.id, ann.upn),)
    assert listed["group-1"].owners == ()
    assert len(running.graph.calls) < 8


def test_a_group_that_came_while_members_were_counted_is_not_empty(
    running: Directory, connector: Microsoft365Connector
) -> None:
    running.graph.tenant.form("new")
    uncounted = Answer(status=200, body={"value": []})
    running.graph.faults = [Fault(uncounted, is_meant=lambda asked: asked.path.endswith("/groups/delta"))]

    assert [each.size for each in connector.list_groups()] == [None]


def test_a_group_of_which_graph_forgets_the_members_is_not_gone(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    group = running.graph.tenant.form("sales", ann)
    lagging = refusal(404, "Request_ResourceNotFound", "Resource does not exist.")
    running.graph.faults = [Fault(lagging, is_meant=lambda asked: asked.path.endswith("/members"))]

    with pytest.raises(RetryableError, match="and then knows nothing of it"):
        connector.read_group(group.id)


def test_many_members_leave_by_twenty_in_a_call_and_come_back(
    running: Directory, connector: Microsoft365Connector
) -> None:
    tenant = running.graph.tenant
    people = [tenant.hire(f"person-{number}") for number in range(45)]
    group, inner = tenant.form("sales", *people), tenant.form("inner")
    group.members.add(inner.id)
    before, original = set(group.members), connector.read_group(group.id)
    running.graph.calls.clear()

    emptied = connector.perform(Action.EMPTY_GROUP, original, confirmed)
    assert emptied == Done(changed=True, after={"how many": 46})
    assert [asked.path for asked in running.graph.calls] == ["/v1.0/$batch"] * 3
    assert group.members == set()
    assert not any(user.is_deleted for user in people)

    left = connector.read_group(group.id)
    connector.perform(Action.REFILL_GROUP, left.with_original(original, left), confirmed)
    assert group.members == before


def test_a_batch_that_is_put_off_in_part_goes_on_where_it_was(
    running: Directory, ann: User, connector: Microsoft365Connector
) -> None:
    group = running.graph.tenant.form("sales", ann, running.graph.tenant.hire("bob"))
    state = connector.read_group(group.id)
    running.graph.faults = [Fault(throttled(60), is_meant=lambda asked: ann.id in asked.path)]
    with pytest.raises(RetryableError, match="put off 1 of 2"):
        connector.perform(Action.EMPTY_GROUP, state, confirmed)

    assert do(connector, Action.EMPTY_GROUP, group.id) == Done(changed=True, after={"how many": 1})


@pytest.mark.parametrize(("action", "method"), [(Action.STAMP_GROUP, "PATCH"), (Action.DELETE_GROUP, "DELETE")])
def test_a_lost_answer_is_not_repeated_and_the_next_attempt_finds_it_done(
    running: Directory, connector: Microsoft365Connector, action: Action, method: str
) -> None:
    state = connector.read_group(running.graph.tenant.form("sales").id)
    running.graph.faults = [Fault(is_late=True, is_meant=lambda asked: asked.method == method)]
    with pytest.raises(RetryableError):
        connector.perform(action, state, confirmed)

    again = state if action is Action.DELETE_GROUP else connector.read_group(state.id)
    assert connector.perform(action, again, confirmed) == Done(changed=False)
    assert sum(asked.method == method for asked in running.graph.carried_out) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (refusal(403, "Authorization_RequestDenied", "Insufficient privileges to complete."), "lacks a permission"),
        (refusal(400, "Request_BadRequest", "Invalid value."), "Request_BadRequest"),
    ],
)
def test_a_refusal_says_why(running: Directory, connector: Microsoft365Connector, answer: Answer, said: str) -> None:
    state = connector.read_group(running.graph.tenant.form("sales").id)
    running.graph.faults = [Fault(answer, is_meant=lambda asked: asked.writes)]

    with pytest.raises(RejectedError, match=said):
        connector.perform(Action.STAMP_GROUP, state, confirmed)
