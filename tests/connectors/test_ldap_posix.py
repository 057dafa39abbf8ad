"""Groups of Unix machines, which call their members by a plain name (RFC 2307)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from connectors.ldap import LdapConnector
from scimbridge.sdk import Action, Done
from scimbridge.sdk.testing import confirmed
from tests.lab.directories.lab import Lab, done

pytest_plugins = ("tests.lab.fixtures",)


@pytest.fixture(params=["full_openldap", "ds389"])
def lab(request: pytest.FixtureRequest) -> Lab:
    found: Lab = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def connector(lab: Lab) -> Iterator[LdapConnector]:
    found = lab.connector(member_attributes=["member", "memberUid"])
    yield found
    found.close()


@pytest.fixture
def name() -> str:
    return f"p{uuid.uuid4().hex[:10]}"


def add_posix_group(lab: Lab, name: str, *uids: str) -> str:
    """Add a group, and return its id."""
    values = {"cn": name, "gidNumber": "2000", **({"memberUid": list(uids)} if uids else {})}
    with lab.administrator() as admin:
        done(admin.add(lab.group_dn(name), ["posixGroup"], values))
    return lab.id_at(lab.group_dn(name))


def uids_in(lab: Lab, group_id: str) -> set[str]:
    return set(lab.values(group_id, "memberUid"))


def test_who_leaves_is_taken_out_of_groups_of_both_kinds_and_comes_back(
    lab: Lab, connector: LdapConnector, name: str
) -> None:
    account_id = lab.add_person(name)
    other = lab.add_person(f"{name}.2")
    by_dn = lab.add_group(f"dn {name}", account_id, other)
    by_name = add_posix_group(lab, f"posix {name}", name, "somebody")
    original = connector.read(account_id)

    connector.perform(Action.REMOVE_FROM_GROUPS, original, confirmed)
    left = connector.read(account_id)
    still = uids_in(lab, by_name)
    connector.perform(Action.ADD_TO_GROUPS, left.with_original(original, left), confirmed)

    assert {each.name for each in original.groups or ()} == {f"dn {name}", f"posix {name}"}
    assert left.groups == ()
    assert still == {"somebody"}
    assert connector.read(account_id).groups == original.groups
    assert uids_in(lab, by_name) == {name, "somebody"}
    assert lab.dn_of(account_id).casefold() in lab.members_of(by_dn)


def test_a_plain_name_gives_power_too(lab: Lab, name: str) -> None:
    account_id = lab.add_person(name)
    add_posix_group(lab, f"wheel {name}", name)
    dns = [lab.group_dn(f"wheel {name}")]
    connector = lab.connector(member_attributes=["member", "memberUid"], privileged_groups=dns)

    state = connector.read(account_id)

    connector.close()
    assert f"wheel {name}" in state.protection


def test_a_group_of_names_is_listed_emptied_and_filled_again(lab: Lab, connector: LdapConnector, name: str) -> None:
    account_id = lab.add_person(name)
    group_id = add_posix_group(lab, name, name, "somebody")
    empty = add_posix_group(lab, f"empty {name}")
    original = connector.read_group(group_id)

    connector.perform(Action.EMPTY_GROUP, original, confirmed)
    left = connector.read_group(group_id)
    outcome = connector.perform(Action.REFILL_GROUP, left.with_original(original, left), confirmed)

    assert [each.id for each in original.members or ()] == sorted([account_id, "somebody"])
    assert left.members == ()
    assert isinstance(outcome, Done)
    assert outcome.lost == ("the member somebody is gone",)
    assert uids_in(lab, group_id) == {name}
    assert {each.id: each.size for each in connector.list_groups()}[empty] == 0


def test_who_was_renamed_meanwhile_comes_back_under_the_new_name(lab: Lab, connector: LdapConnector, name: str) -> None:
    account_id = lab.add_person(name)
    group_id = add_posix_group(lab, name, name)
    original = connector.read_group(group_id)
    connector.perform(Action.EMPTY_GROUP, original, confirmed)
    left = connector.read_group(group_id)
    lab.move(account_id, f"uid={name}-married", lab.people)

    connector.perform(Action.REFILL_GROUP, left.with_original(original, left), confirmed)

    assert uids_in(lab, group_id) == {f"{name}-married"}


def test_a_group_of_both_kinds_is_left_in_both_ways(lab: Lab, connector: LdapConnector, name: str) -> None:
    account_id, other = lab.add_person(name), lab.add_person(f"{name}.2")
    group = lab.add_group(name, account_id, other)
    values = {"objectClass": ["groupOfNames", "extensibleObject"], "memberUid": [name]}
    lab.modify(group, **values)

    connector.perform(Action.REMOVE_FROM_GROUPS, connector.read(account_id), confirmed)

    assert lab.members_of(group) == {lab.dn_of(other).casefold()}
    assert uids_in(lab, lab.id_at(group)) == set()
