"""What connectors.ldap does to groups on every flavor of server, where the contract's own tests do not reach."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.ldap import LdapConnector
from scimbridge.sdk import Action, AmbiguousAccountError, Done, GroupState, RejectedError, RetryableError
from scimbridge.sdk.testing import confirmed
from tests.lab.directories.lab import BASE, Lab
from tests.lab.directories.openldap import OpenLdapLab
from tests.lab.directories.samba import SambaLab

pytest_plugins = ("tests.lab.fixtures",)


@pytest.fixture
def connector(lab: Lab) -> Iterator[LdapConnector]:
    found = lab.connector()
    yield found
    found.close()


@pytest.fixture
def name() -> str:
    return f"g{uuid.uuid4().hex[:10]}"


def rdn_attribute(lab: Lab) -> str:
    return "CN" if lab.flavor == "active-directory" else "uid"


def perform(connector: LdapConnector, action: Action, state: GroupState) -> Done:
    outcome = connector.perform(action, state, confirmed)
    assert isinstance(outcome, Done)
    return outcome


def test_members_by_the_hundred_leave_and_come_back_even_when_some_went_by_themselves(
    lab: Lab, connector: LdapConnector, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.ldap.group_actions.MEMBERS_AT_ONCE", 3)
    people = [lab.add_person(f"{name}.{number}") for number in range(7)]
    original = connector.read_group(lab.id_at(lab.add_group(name, *people)))
    lab.remove_member(lab.group_dn(name), people[0])

    perform(connector, Action.EMPTY_GROUP, original)
    left = connector.read_group(original.id)
    lab.add_members(lab.group_dn(name), people[1])
    outcome = perform(connector, Action.REFILL_GROUP, left.with_original(original, left))

    assert left.members == ()
    assert not outcome.lost
    assert {each.id for each in connector.read_group(original.id).members or ()} == set(people)


def test_a_member_who_was_renamed_comes_back(lab: Lab, connector: LdapConnector, name: str) -> None:
    person = lab.add_person(name)
    original = connector.read_group(lab.id_at(lab.add_group(name, person)))
    perform(connector, Action.EMPTY_GROUP, original)
    left = connector.read_group(original.id)
    lab.move(person, f"{rdn_attribute(lab)}={name}-married", lab.disabled)

    perform(connector, Action.REFILL_GROUP, left.with_original(original, left))

    assert [each.id for each in connector.read_group(original.id).members or ()] == [person]


def test_text_that_came_meanwhile_is_not_overwritten(lab: Lab, connector: LdapConnector, name: str) -> None:
    state = connector.read_group(lab.id_at(lab.add_group(name, lab.add_person(name))))
    attribute = connector.config.group_stamp_attribute
    lab.modify(lab.group_dn(name), **{attribute: ["Needed by payroll"]})

    with pytest.raises(RetryableError, match="changed meanwhile"):
        connector.perform(Action.STAMP_GROUP, state, confirmed)

    assert lab.values(state.id, attribute) == ("Needed by payroll",)


def test_a_group_of_which_there_are_two_of_one_name_is_not_guessed(
    lab: Lab, connector: LdapConnector, name: str
) -> None:
    member = lab.add_person(name)
    both = {lab.id_at(lab.add_group(name, member)), lab.id_at(lab.add_namesake_group(name, member))}

    with pytest.raises(AmbiguousAccountError) as caught:
        connector.find_group(name)

    assert {candidate.id for candidate in caught.value.candidates} == both


def test_a_list_says_who_answers_for_a_group_when_it_changed_and_where_nobody_is_in_it(
    lab: Lab, connector: LdapConnector, name: str
) -> None:
    owner = lab.add_person(name)
    filled = lab.id_at(lab.add_group(f"{name} full", owner))
    empty = lab.id_at(lab.add_group(f"{name} empty"))
    lab.modify(lab.group_dn(f"{name} full"), **{lab.owner_attribute: [lab.dn_of(owner)]})

    listed = {each.id: each for each in connector.list_groups()}

    assert listed[filled].size is None
    assert [each.id for each in listed[filled].owners or ()] == [owner]
    assert listed[empty].size == 0
    changed_at = listed[filled].changed_at
    assert changed_at is not None
    assert abs(changed_at - datetime.now(UTC)) < timedelta(minutes=5)


def test_what_gives_power_is_protected(lab: Lab, connector: LdapConnector, name: str) -> None:
    inner = lab.add_group(name, lab.add_person(name))
    lab.make_powerful(inner)

    assert connector.read_group(lab.id_at(inner)).protection
    assert connector.read_group(lab.id_at(lab.group_dn("Power"))).protection


# -- of one kind of server only --------------------------------------------------


def test_a_group_that_must_have_a_member_is_not_emptied_without_a_stand_in(
    full_openldap: OpenLdapLab, name: str
) -> None:
    connector = full_openldap.connector(group_stand_in=None)
    state = connector.read_group(full_openldap.id_at(full_openldap.add_group(name, full_openldap.add_person(name))))

    with pytest.raises(RejectedError, match="group_stand_in"):
        connector.perform(Action.EMPTY_GROUP, state, confirmed)

    connector.close()
    assert len(full_openldap.members_of(full_openldap.group_dn(name))) == 1


def test_a_group_that_is_somebodys_primary_group_is_not_empty_and_not_deleted(samba: SambaLab, name: str) -> None:
    connector = samba.connector()
    account_id = samba.add_person(name)
    group = samba.add_group(name, account_id)
    samba.make_primary(account_id, group)

    listed = {each.id: each for each in connector.list_groups()}
    state = connector.read_group(samba.id_at(group))
    with pytest.raises(RejectedError, match="primary group"):
        connector.perform(Action.DELETE_GROUP, state, confirmed)

    connector.close()
    assert state.members == ()
    assert listed[state.id].size is None


def test_only_the_security_bit_goes_and_comes_back(samba: SambaLab, name: str) -> None:
    connector = samba.connector()
    universal_security = str(0x8 - 0x80000000)
    samba.add_group(name)
    samba.modify(samba.group_dn(name), groupType=[universal_security])
    original = connector.read_group(samba.id_at(samba.group_dn(name)))

    perform(connector, Action.DISABLE_GROUP, original)
    left = connector.read_group(original.id)
    perform(connector, Action.ENABLE_GROUP, left.with_original(original, left))

    connector.close()
    assert left.attributes["groupType"] == ("8",)
    assert samba.values(original.id, "groupType") == (universal_security,)


def test_what_came_with_the_domain_is_protected(samba: SambaLab) -> None:
    connector = samba.connector()

    listed = {each.name: each for each in connector.list_groups()}

    connector.close()
    assert listed["Domain Admins"].protected
    assert listed["Domain Users"].protected
    assert listed["Domain Users"].size is None
    assert BASE.casefold() in str(listed["Domain Users"].container).casefold()
