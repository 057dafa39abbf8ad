"""What Google's groups have of their own, where the contract's tests do not reach; and the roles that groups give."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.google_workspace import GoogleWorkspaceConnector
from connectors.google_workspace.client import GoogleClient
from connectors.google_workspace.roles import FRESH, Roles
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountRef,
    Action,
    Context,
    Done,
    GroupState,
    NeedsPerson,
    RejectedError,
    RetryableError,
)
from scimbridge.sdk.testing import RecordingPermit, confirmed
from tests.connectors.google_bridge import Workspace, workspace
from tests.doubles.google import User
from tests.doubles.google.company import Group
from tests.doubles.google.errors import no_such_page
from tests.doubles.serving import Fault


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Workspace]:
    with workspace(tmp_path) as found:
        yield found


@pytest.fixture
def connector(running: Workspace) -> Iterator[GoogleWorkspaceConnector]:
    made = running.connector(licenses=[])
    yield made
    made.close()


@pytest.fixture
def ann(running: Workspace) -> User:
    return running.google.company.hire("ann")


@pytest.fixture
def fair(running: Workspace, ann: User) -> Group:
    return running.google.company.form("fair", ann)


def restored(connector: GoogleWorkspaceConnector, action: Action, original: GroupState) -> Done:
    """Do an action and its undo; returns what came of the latter."""
    undo = action.facts.undo
    assert undo is not None
    assert isinstance(connector.perform(action, original, confirmed), Done)
    left = connector.read_group(original.id)
    outcome = connector.perform(undo, left.with_original(original, left), confirmed)
    assert isinstance(outcome, Done)
    return outcome


# -- finding -------------------------------------------------------------------


def test_a_group_is_found_by_its_addresses_and_read_by_its_id_alone(
    fair: Group, connector: GoogleWorkspaceConnector
) -> None:
    fair.document["aliases"] = ["messe@example.com"]

    for said in ("Fair@example.com", "messe@example.com"):
        assert connector.find_group(said) == AccountRef(fair.id, "fair")
        with pytest.raises(AccountNotFoundError):
            connector.read_group(said)
    assert connector.find_group("nothing@example.com") is None


def test_a_list_says_how_many_are_in_a_group_and_what_is_special_about_it(
    running: Workspace, ann: User, fair: Group
) -> None:
    power = running.google.company.form("power")
    running.google.company.appoint(power, "_HELP_DESK_ADMIN_ROLE")
    fair.document["description"] = "A fair [To Be Deleted 2031-01-01T00:00:00Z]"
    connector = running.connector(protected=["power@example.com"])

    listed = {each.name: each for each in connector.list_groups()}

    assert (listed["fair"].size, listed["fair"].owners, listed["fair"].protected) == (1, None, "")
    assert listed["fair"].stamp == "[To Be Deleted 2031-01-01T00:00:00Z]"
    assert (listed["power"].size, listed["power"].protected) == (0, "named in protected")
    connector.close()


def test_a_group_tells_its_owners_and_what_its_members_lose_with_it(
    running: Workspace, ann: User, fair: Group, connector: GoogleWorkspaceConnector
) -> None:
    bob = running.google.company.hire("bob")
    fair.members[bob.id] = {"role": "OWNER", "delivery_settings": "ALL_MAIL"}
    around = running.google.company.form("everything", fair)

    state = connector.read_group(fair.id)

    assert state.owners == (AccountRef(bob.id, bob.email),)
    assert state.members == (AccountRef(ann.id, ann.email), AccountRef(bob.id, bob.email))
    assert state.opens == (AccountRef(around.id, "everything"),)


# -- acting --------------------------------------------------------------------


def test_members_come_back_with_role_and_delivery_and_groups_among_them_too(
    running: Workspace, ann: User, fair: Group, connector: GoogleWorkspaceConnector
) -> None:
    inner = running.google.company.form("inner")
    fair.members[inner.id] = {"role": "MEMBER", "delivery_settings": "ALL_MAIL"}
    fair.members[ann.id] = {"role": "MANAGER", "delivery_settings": "DIGEST"}
    original = connector.read_first(Action.STAMP_GROUP, fair.id)
    assert isinstance(original, GroupState)

    assert not restored(connector, Action.EMPTY_GROUP, original).lost

    assert fair.members == {
        ann.id: {"role": "MANAGER", "delivery_settings": "DIGEST"},
        inner.id: {"role": "MEMBER", "delivery_settings": "ALL_MAIL"},
    }


def test_a_disabled_group_takes_no_mail_and_nobody_joins_and_both_come_back(
    fair: Group, connector: GoogleWorkspaceConnector
) -> None:
    before = dict(fair.settings)
    original = connector.read_group(fair.id)
    assert connector.perform(Action.DISABLE_GROUP, original, confirmed) == Done(changed=True)
    assert fair.settings == {
        "archiveOnly": "true",
        "whoCanPostMessage": "NONE_CAN_POST",
        "whoCanJoin": "INVITED_CAN_JOIN",
    }
    left = connector.read_group(fair.id)
    assert connector.perform(Action.DISABLE_GROUP, left, confirmed) == Done(changed=False)

    # Google lets managers alone post in a group that is let go, so that it takes a second call.
    assert connector.perform(Action.ENABLE_GROUP, left.with_original(original, left), confirmed) == Done(changed=True)

    assert fair.settings == before


@pytest.mark.parametrize(
    ("knew", "lost"), [(True, ()), (False, ("who could post in it is not known; only its managers can now",))]
)
def test_who_may_join_by_now_stays_and_who_could_post_may_be_unknown(
    running: Workspace, fair: Group, connector: GoogleWorkspaceConnector, knew: bool, lost: tuple[str, ...]
) -> None:
    before = running.connector(group_settings=knew)
    original = before.read_group(fair.id)
    assert original.disabled is (False if knew else None)
    connector.perform(Action.DISABLE_GROUP, connector.read_group(fair.id), confirmed)
    left = connector.read_group(fair.id)
    fair.settings["whoCanJoin"] = "ANYONE_CAN_JOIN"

    now = connector.read_group(fair.id).with_original(original, left)
    outcome = connector.perform(Action.ENABLE_GROUP, now, confirmed)

    assert outcome == Done(changed=True, lost=lost)
    assert fair.settings["whoCanJoin"] == "ANYONE_CAN_JOIN"
    before.close()


def test_an_attempt_to_enable_a_group_that_dies_midway_is_taken_to_its_end(
    running: Workspace, fair: Group, connector: GoogleWorkspaceConnector
) -> None:
    before = dict(fair.settings)
    original = connector.read_group(fair.id)
    connector.perform(Action.DISABLE_GROUP, original, confirmed)
    left = connector.read_group(fair.id)
    running.google.faults = [Fault(is_late=True, is_meant=lambda asked: asked.method == "PATCH")]
    with pytest.raises(RetryableError):
        connector.perform(Action.ENABLE_GROUP, left.with_original(original, left), confirmed)
    halfway = connector.read_group(fair.id).with_original(original, left)
    assert (halfway.disabled, connector.is_as_wanted(Action.ENABLE_GROUP, halfway)) == (False, False)

    connector.perform(Action.ENABLE_GROUP, halfway, confirmed)

    assert fair.settings == before


def test_a_dynamic_group_is_not_emptied_and_a_person_is_told_why(
    running: Workspace, ann: User, connector: GoogleWorkspaceConnector
) -> None:
    everybody = running.google.company.form("everybody", ann, is_dynamic=True)

    outcome = connector.perform(Action.EMPTY_GROUP, connector.read_group(everybody.id), confirmed)

    assert isinstance(outcome, NeedsPerson)
    assert "ann@example.com" in outcome.instructions
    assert "dynamic" in outcome.instructions


def test_who_cannot_come_back_into_a_group_is_said(
    running: Workspace, ann: User, fair: Group, connector: GoogleWorkspaceConnector
) -> None:
    original = connector.read_group(fair.id)
    connector.perform(Action.EMPTY_GROUP, original, confirmed)
    left = connector.read_group(fair.id)
    fair.is_dynamic = True

    outcome = connector.perform(Action.REFILL_GROUP, left.with_original(original, left), confirmed)

    assert isinstance(outcome, Done)
    assert outcome.lost == ("Google does not let ann@example.com into the group",)


def test_a_lost_answer_about_a_group_is_found_done(fair: Group, running: Workspace) -> None:
    connector = running.connector()
    state = connector.read_group(fair.id)
    running.google.faults = [Fault(is_late=True, is_meant=lambda asked: asked.method == "DELETE")]

    with pytest.raises(RetryableError):
        connector.perform(Action.EMPTY_GROUP, state, confirmed)

    assert connector.read_group(fair.id).members == ()
    assert connector.perform(Action.EMPTY_GROUP, connector.read_group(fair.id), confirmed).changed is False  # type: ignore[union-attr]
    connector.close()


def test_a_page_of_something_else_deletes_no_group(
    running: Workspace, fair: Group, connector: GoogleWorkspaceConnector
) -> None:
    state = connector.read_group(fair.id)
    running.google.faults = [Fault(no_such_page().answer, times=9, is_meant=lambda asked: asked.method == "DELETE")]

    with pytest.raises(RejectedError, match="does not come from Google"):
        connector.perform(Action.DELETE_GROUP, state, confirmed)


# -- roles ---------------------------------------------------------------------


def test_who_has_power_by_a_group_is_protected_and_does_not_get_it_back(
    running: Workspace, ann: User, fair: Group, connector: GoogleWorkspaceConnector
) -> None:
    running.google.company.appoint(fair, "_HELP_DESK_ADMIN_ROLE")
    original = connector.read(ann.id)
    assert original.protection == "in fair, which gives power over others"
    connector.perform(Action.REMOVE_FROM_GROUPS, original, confirmed)
    left = connector.read(ann.id)

    connector.perform(Action.ADD_TO_GROUPS, left.with_original(original, left), confirmed)

    assert fair.members == {}
    assert running.google.company.role_assignments, "the group keeps it"


def test_a_super_administrator_loses_the_role_by_googles_own_call(
    running: Workspace, ann: User, connector: GoogleWorkspaceConnector
) -> None:
    running.google.company.appoint(ann, "_SEED_ADMIN_ROLE", is_super=True)
    running.google.company.appoint(ann, "_USER_MANAGEMENT_ADMIN_ROLE")
    state = connector.read(ann.id)
    assert [each.name for each in state.groups or ()] == [
        "role super administrator",
        "role _USER_MANAGEMENT_ADMIN_ROLE",
    ]

    outcome = connector.perform(Action.REMOVE_FROM_GROUPS, state, confirmed)

    assert outcome == Done(changed=True, after={"how many": 2})
    assert not running.google.company.role_assignments
    assert connector.read(ann.id).protection == ""


def test_which_groups_give_roles_is_asked_for_again_after_a_while(running: Workspace, fair: Group) -> None:
    seconds = [0.0]
    config = running.config()
    client = GoogleClient(config, Context(target="google", permit=RecordingPermit()), sleep=lambda _: None)
    roles = Roles(config, client, clock=lambda: seconds[0])
    assert not roles.give_power(fair.id)
    running.google.company.appoint(fair, "_HELP_DESK_ADMIN_ROLE")

    seconds[0] = FRESH - 1
    assert not roles.give_power(fair.id)
    seconds[0] = FRESH
    assert roles.give_power(fair.id)
    client.close()
