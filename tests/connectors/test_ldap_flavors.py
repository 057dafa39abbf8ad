"""What connectors.ldap does on every flavor of server, where the contract's own tests do not reach."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.ldap import LdapConnector
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountState,
    Action,
    ConnectorError,
    Done,
    NeedsPerson,
    RejectedError,
    RetryableError,
    TargetUnusableError,
)
from scimbridge.sdk.testing import confirmed
from tests.lab.directories.counting import Fault
from tests.lab.directories.lab import BASE, PASSWORD, Lab

pytest_plugins = ("tests.lab.fixtures",)

Connect = Callable[..., LdapConnector]


@pytest.fixture
def connect(lab: Lab) -> Iterator[Connect]:
    opened: list[LdapConnector] = []

    def open_one(**changes: Any) -> LdapConnector:
        opened.append(lab.connector(**changes))
        return opened[-1]

    yield open_one
    for connector in opened:
        connector.close()


@pytest.fixture
def connector(connect: Connect) -> LdapConnector:
    return connect()


@pytest.fixture
def name() -> str:
    return f"p{uuid.uuid4().hex[:10]}"


def perform(connector: LdapConnector, action: Action, state: AccountState) -> Done:
    outcome = connector.perform(action, state, confirmed)
    assert isinstance(outcome, Done)
    return outcome


# -- signing in ----------------------------------------------------------------


def test_who_is_suspended_cannot_sign_in_until_restored_with_the_old_password(
    lab: Lab, connector: LdapConnector, name: str
) -> None:
    original = connector.read(lab.add_person(name))

    perform(connector, Action.SUSPEND, original)
    could_sign_in = lab.can_bind(original.id)
    perform(connector, Action.RESTORE, connector.read(original.id).with_original(original))

    assert not could_sign_in
    assert lab.can_bind(original.id)


def test_who_gets_a_new_password_while_suspended_stays_suspended(lab: Lab, connector: LdapConnector, name: str) -> None:
    original = connector.read(lab.add_person(name))
    perform(connector, Action.SUSPEND, original)

    perform(connector, Action.RESET_CREDENTIALS, connector.read(original.id).with_original(original))

    suspended = connector.read(original.id).with_original(original)
    assert suspended.suspended
    perform(connector, Action.RESTORE, suspended)
    assert not lab.can_bind(original.id, PASSWORD)


def test_what_somebody_changed_since_the_account_was_read_is_not_overwritten(
    lab: Lab, connector: LdapConnector, name: str
) -> None:
    state = replace(connector.read(lab.add_person(name)), delete_at=datetime(2031, 1, 1, tzinfo=UTC))
    lab.modify(state.name, description=["Back on Monday"])

    with pytest.raises(RetryableError, match="changed meanwhile"):
        connector.perform(Action.STAMP, state, confirmed)

    assert lab.values(state.id, "description") == ("Back on Monday",)


# -- moved, renamed, deleted behind our back ------------------------------------


def test_a_moved_account_is_still_found(lab: Lab, connector: LdapConnector, name: str) -> None:
    account_id = lab.add_person(name)

    lab.move(account_id, f"{rdn_attribute(lab)}={name}-married", lab.disabled)

    state = connector.read(account_id)
    assert state.id == account_id
    assert state.container is not None
    assert state.container.casefold() == lab.disabled.casefold()


@pytest.mark.parametrize("action", [Action.SUSPEND, Action.STAMP, Action.MOVE, Action.DELETE])
def test_a_name_that_is_somebody_elses_by_now_leads_nobody_astray(
    lab: Lab, connector: LdapConnector, name: str, action: Action
) -> None:
    state = connector.read(lab.add_person(name))
    lab.move(state.id, f"{rdn_attribute(lab)}={name}-married", lab.people)
    other_id = lab.add_namesake(name)
    other = lab.look(other_id)

    if lab.flavor == "active-directory":  # its requests name the account by its id
        connector.perform(action, state, confirmed)
    else:
        with pytest.raises(RetryableError):
            connector.perform(action, state, confirmed)

    assert lab.look(other_id) == other


@pytest.mark.parametrize(
    "action", [Action.SUSPEND, Action.STAMP, Action.MOVE, Action.RESET_CREDENTIALS, Action.HIDE_FROM_DIRECTORY]
)
def test_an_account_that_was_deleted_is_said_to_be_gone(
    lab: Lab, connector: LdapConnector, name: str, action: Action
) -> None:
    state = connector.read(lab.add_person(name))
    lab.delete(state.name)

    with pytest.raises(AccountNotFoundError):
        connector.perform(action, state, confirmed)


def test_an_account_outside_of_base_dn_is_never_touched(lab: Lab, connect: Connect, name: str) -> None:
    state = connect().read(lab.add_person(name))
    narrow = connect(base_dn=lab.disabled, disabled_ou=None, groups_dn=lab.groups)

    with pytest.raises(ConnectorError, match="base_dn"):
        narrow.read(state.id)
    with pytest.raises(RejectedError, match="base_dn"):
        narrow.perform(Action.SUSPEND, state, confirmed)


# -- groups --------------------------------------------------------------------


def test_only_groups_that_name_the_account_itself_count(lab: Lab, connector: LdapConnector, name: str) -> None:
    account_id = lab.add_person(name)
    inner = lab.add_group(f"inner {name}", account_id)
    outer = lab.add_group(f"outer {name}", lab.id_at(inner))

    perform(connector, Action.REMOVE_FROM_GROUPS, connector.read(account_id))

    assert not connector.read(account_id).groups
    assert lab.members_of(outer) == {inner.casefold()}


def test_power_through_a_group_in_a_group_is_noticed(lab: Lab, connect: Connect, name: str) -> None:
    account_id = lab.add_person(name)
    inner = lab.add_group(f"inner {name}", account_id)
    middle = lab.add_group(f"middle {name}", lab.id_at(inner))
    lab.add_group(f"plain {name}", account_id)
    connector = connect(privileged_groups=[lab.add_group(f"power {name}", lab.id_at(middle))])

    state = connector.read(account_id)

    assert {each.name: each.is_privileged for each in state.groups or ()} == {
        f"inner {name}": True,
        f"plain {name}": False,
    }
    assert f"inner {name}" in state.protection


def test_groups_that_name_each_other_end_the_search(lab: Lab, connect: Connect, name: str) -> None:
    account_id = lab.add_person(name)
    one = lab.add_group(f"one {name}", account_id)
    other = lab.add_group(f"other {name}", lab.id_at(one))
    lab.add_members(one, lab.id_at(other))

    state = connect(privileged_groups=[f"cn=nowhere,{BASE}"]).read(account_id)

    assert not state.protection


def test_a_member_who_is_gone_already_and_one_who_is_there_already_are_no_trouble(
    lab: Lab, connector: LdapConnector, name: str
) -> None:
    original = connector.read(lab.add_person(name))
    group = lab.add_group(f"group {name}", original.id)
    before = connector.read(original.id)
    perform(connector, Action.REMOVE_FROM_GROUPS, before)

    again = perform(connector, Action.REMOVE_FROM_GROUPS, before)
    lab.add_members(group, original.id)
    given = perform(connector, Action.ADD_TO_GROUPS, original.with_original(before, original))

    assert not again.changed
    assert not given.changed
    assert not given.lost


def test_a_group_that_is_gone_is_named(lab: Lab, connector: LdapConnector, name: str) -> None:
    account_id = lab.add_person(name)
    group = lab.add_group(f"group {name}", account_id)
    before = connector.read(account_id)
    perform(connector, Action.REMOVE_FROM_GROUPS, before)
    lab.delete(group)
    left = connector.read(account_id)

    outcome = perform(connector, Action.ADD_TO_GROUPS, left.with_original(before, left))

    assert outcome.lost == (f"the group group {name} is gone",)


def test_a_group_that_refuses_is_named_and_the_others_are_done(lab: Lab, connect: Connect, name: str) -> None:
    account_id = lab.add_person(name)
    lab.add_group(f"group {name}", account_id)
    forbidden = lab.add_group_elsewhere(f"forbidden {name}", account_id)
    connector = connect()

    with pytest.raises(RejectedError, match=f"forbidden {name}.*insufficientAccessRights") as caught:
        connector.perform(Action.REMOVE_FROM_GROUPS, connector.read(account_id), confirmed)

    assert "1 of the groups" in str(caught.value)
    assert [each.name for each in connector.read(account_id).groups or ()] == [f"forbidden {name}"]
    lab.delete(forbidden)


def test_a_directory_that_goes_away_in_the_middle_leaves_nothing_undone_in_the_end(
    lab: Lab, connector: LdapConnector, name: str
) -> None:
    assert lab.counter
    account_id, other_id = lab.add_person(name), lab.add_person(f"{name}.2")
    for number in range(3):
        lab.add_group(f"{name} {number}", account_id, other_id)
    before = connector.read(account_id)
    lab.counter.faults = iter([Fault.NONE, Fault.LOST])

    with pytest.raises(RetryableError):
        connector.perform(Action.REMOVE_FROM_GROUPS, before, confirmed)
    half = connector.read(account_id).with_original(before)
    again = perform(connector, Action.REMOVE_FROM_GROUPS, half)

    assert len(half.groups or ()) == 2
    assert again.after["how many"] == 2
    assert connector.read(account_id).groups == ()


# -- the mark ------------------------------------------------------------------


def test_what_people_wrote_beside_the_mark_stays_and_so_does_a_date_that_they_moved(
    lab: Lab, connector: LdapConnector, name: str
) -> None:
    attribute = connector.config.stamp_attribute
    original = connector.read(lab.add_person(name, **{attribute: "Third floor"}))
    perform(connector, Action.STAMP, replace(original, delete_at=datetime(2031, 1, 1, tzinfo=UTC)))
    left = connector.read(original.id)
    lab.modify(left.name, **{attribute: ["Third floor, asked twice [To Be Deleted 2031-06-30]"]})

    moved = connector.read(original.id)
    again = perform(connector, Action.STAMP, moved.with_original(original, left))
    perform(connector, Action.UNSTAMP, moved.with_original(original, left))

    assert moved.stamped_until == datetime(2031, 6, 30, tzinfo=UTC)
    assert not again.changed
    assert lab.values(original.id, attribute) == ("Third floor, asked twice",)


def test_the_description_says_that_the_account_will_be_deleted(lab: Lab, connect: Connect, name: str) -> None:
    connector = connect(stamp_attribute=lab.unmanaged_attribute)
    original = connector.read(lab.add_person(name, description="Third floor"))

    perform(connector, Action.STAMP, replace(original, delete_at=datetime(2031, 1, 1, tzinfo=UTC)))

    assert lab.values(original.id, "description") == ("Third floor [To Be Deleted]",)
    assert lab.values(original.id, lab.unmanaged_attribute) == ("[To Be Deleted 2031-01-01T00:00:00Z]",)


# -- moving --------------------------------------------------------------------


def test_a_name_that_is_taken_there_gets_a_piece_of_the_id_and_loses_it_on_the_way_back(
    lab: Lab, connector: LdapConnector, name: str
) -> None:
    first_id = lab.add_person(name)
    perform(connector, Action.MOVE, connector.read(first_id))
    original = connector.read(lab.add_namesake(name))
    before = lab.look(original.id)

    perform(connector, Action.MOVE, original)
    moved = connector.read(original.id)
    outcome = perform(connector, Action.MOVE_BACK, moved.with_original(original, moved))

    assert moved.container is not None
    assert moved.container.casefold() == lab.disabled.casefold()
    assert original.id[:8] in moved.name
    assert not outcome.lost
    assert lab.look(original.id) == before


def test_who_finds_the_old_name_taken_keeps_the_new_one_and_it_is_said(
    lab: Lab, connector: LdapConnector, name: str
) -> None:
    original = connector.read(lab.add_person(name))
    perform(connector, Action.MOVE, original)
    lab.add_namesake(name)
    moved = connector.read(original.id)

    outcome = perform(connector, Action.MOVE_BACK, moved.with_original(original, moved))

    back = connector.read(original.id)
    assert back.container == original.container
    assert original.id[:8] in back.name
    assert outcome.lost


def test_where_the_old_place_is_gone_the_account_stays_and_it_is_said(
    lab: Lab, connector: LdapConnector, name: str
) -> None:
    original = replace(connector.read(lab.add_person(name)), container=f"ou=Gone,{BASE}")
    perform(connector, Action.MOVE, original)
    moved = connector.read(original.id)

    outcome = perform(connector, Action.MOVE_BACK, moved.with_original(original, moved))

    assert not outcome.changed
    assert "is gone" in outcome.lost[0]
    assert connector.read(original.id) == moved


# -- deleting ------------------------------------------------------------------


def test_an_account_with_entries_below_it_is_not_deleted(lab: Lab, connector: LdapConnector, name: str) -> None:
    account_id = lab.add_person(name)
    lab.add_below(account_id)

    with pytest.raises(RejectedError, match=r"notAllowedOnNonLeaf \(66\).*entries below"):
        connector.perform(Action.DELETE, connector.read(account_id), confirmed)

    assert lab.look(account_id)


def test_only_what_is_beneath_delete_below_is_deleted(lab: Lab, connect: Connect, name: str) -> None:
    connector = connect(delete_below=[lab.disabled])
    state = connector.read(lab.add_person(name))

    with pytest.raises(RejectedError, match="delete_below"):
        connector.perform(Action.DELETE, state, confirmed)
    perform(connector, Action.MOVE, state)
    outcome = perform(connector, Action.DELETE, connector.read(state.id))

    assert outcome.changed


# -- rights and settings -------------------------------------------------------


@pytest.mark.parametrize("action", [Action.SUSPEND, Action.STAMP, Action.MOVE, Action.DELETE, Action.RESET_CREDENTIALS])
def test_a_missing_right_is_named_and_the_person_is_not(lab: Lab, connect: Connect, name: str, action: Action) -> None:
    reader = connect(bind_dn=lab.reader_dn)
    state = reader.read(lab.add_person(name))
    before = lab.look(state.id)

    with pytest.raises(RejectedError, match=r"insufficientAccessRights \(50\): grant the bind account") as caught:
        reader.perform(action, state, confirmed)

    assert name not in str(caught.value)
    assert lab.look(state.id) == before


def test_whom_protected_names_a_person_decides_about(lab: Lab, connect: Connect, name: str) -> None:
    account_id = lab.add_person(name)

    assert "protected" in connect(protected=[lab.people.upper()]).read(account_id).protection
    assert not connect(protected=[lab.disabled]).read(account_id).protection


def test_about_the_bridges_own_account_a_person_decides(lab: Lab, connector: LdapConnector) -> None:
    assert "bind_dn" in connector.read(lab.id_at(lab.service_dn)).protection


def test_check_notices_another_kind_of_server(lab: Lab, connect: Connect) -> None:
    others = {"openldap", "389ds", "active-directory"} - {lab.flavor}

    for flavor in sorted(others):
        with pytest.raises(TargetUnusableError, match=r"flavor|OpenLDAP"):
            connect(flavor=flavor).check()


@pytest.mark.parametrize("key", ["disabled_ou", "groups_dn", "disabled_groups_ou", "group_stand_in"])
def test_check_names_what_is_not_there(connect: Connect, key: str) -> None:
    with pytest.raises(TargetUnusableError, match=f"{key}: ou=Nowhere,{BASE} does not exist"):
        connect(**{"disabled_groups_ou": None, key: f"ou=Nowhere,{BASE}"}).check()


def test_an_address_that_does_not_answer_gives_way_to_the_next(lab: Lab, connect: Connect, name: str) -> None:
    account_id = lab.add_person(name)

    state = connect(url=["ldap://127.0.0.1:1", lab.url]).read(account_id)

    assert state.id == account_id


def test_an_address_that_refuses_the_password_does_not(lab: Lab, connect: Connect) -> None:
    with pytest.raises(TargetUnusableError, match="invalidCredentials"):
        connect(url=[lab.url, "ldap://127.0.0.1:1"], bind_password="wrong").check()


def test_an_account_in_more_groups_than_a_page_holds_leaves_all_of_them(
    lab: Lab, connector: LdapConnector, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_id = lab.add_person(name)
    for number in range(5):
        lab.add_group(f"{name} {number}", account_id)
    monkeypatch.setattr("connectors.ldap.client.conversation.PAGE", 2)
    monkeypatch.setattr("connectors.ldap.memberships.AT_ONCE", 2)

    perform(connector, Action.REMOVE_FROM_GROUPS, connector.read(account_id))

    assert connector.read(account_id).groups == ()


def rdn_attribute(lab: Lab) -> str:
    return "CN" if lab.flavor == "active-directory" else "uid"


# -- what the snapshot keeps -----------------------------------------------------


def test_what_is_archived_is_in_the_snapshot_and_what_was_written_since_is_left_to_a_person(
    lab: Lab, connector: LdapConnector, name: str
) -> None:
    original = connector.read(lab.add_person(name, mobile="+1 555 0100", title="Treasurer"))
    lab.modify(original.name, title=["Adviser"])
    now = connector.read(original.id).with_original(original)

    outcome = connector.perform(Action.ARCHIVE, now, confirmed)
    again = connector.perform(Action.ARCHIVE, connector.read(original.id).with_original(original), confirmed)

    assert isinstance(outcome, NeedsPerson)
    assert "title" in outcome.instructions
    assert "Adviser" not in outcome.instructions
    assert again == outcome
    assert [lab.values(original.id, each) for each in ("mobile", "title")] == [(), ("Adviser",)]
    assert AccountState.from_json(original.to_json()).attributes["mobile"] == ("+1 555 0100",)


def test_what_is_no_text_is_not_archived(lab: Lab, connect: Connect, name: str) -> None:
    attribute = "thumbnailPhoto" if lab.flavor == "active-directory" else "jpegPhoto"
    connector = connect(archive_attributes=["mobile", attribute])
    original = connector.read(lab.add_person(name, mobile="+1 555 0100", **{attribute: b"\xff\xd8\xff\xe0"}))

    with pytest.raises(RejectedError, match=attribute):
        connector.perform(Action.ARCHIVE, original.with_original(original), confirmed)

    assert lab.values(original.id, "mobile") == ("+1 555 0100",)


def test_the_snapshot_keeps_all_text_where_that_is_wanted_and_no_secret(lab: Lab, connect: Connect, name: str) -> None:
    photo = "thumbnailPhoto" if lab.flavor == "active-directory" else "jpegPhoto"
    extra = {"telephoneNumber": "+1 555 0100", "title": "Treasurer", photo: b"\xff\xd8\xff\xe0"}
    account_id = lab.add_person(name, **extra)
    usual = connect().read(account_id)

    everything = connect(snapshot_attributes=["*"]).read_first(Action.SUSPEND, account_id).attributes
    chosen = connect(snapshot_attributes=["telephoneNumber"]).read_first(Action.SUSPEND, account_id).attributes

    assert everything["telephoneNumber"] == ("+1 555 0100",)
    assert chosen == {**usual.attributes, "telephoneNumber": ("+1 555 0100",)}
    assert {*usual.attributes} < {*everything}
    assert not {photo, "userPassword", "tokenGroups", "objectGUID"} & {*everything}
    assert connect(snapshot_attributes=["*"]).read(account_id) == usual
