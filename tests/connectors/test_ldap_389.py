"""What only 389 Directory Server has."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from connectors.ldap import LdapConnector
from scimbridge.sdk import Action, RejectedError
from scimbridge.sdk.testing import confirmed
from tests.lab.directories.ds389 import BACKEND_DN, Ds389Lab

pytest_plugins = ("tests.lab.fixtures",)


@pytest.fixture
def connector(ds389: Ds389Lab) -> Iterator[LdapConnector]:
    found = ds389.connector()
    yield found
    found.close()


@pytest.fixture
def name() -> str:
    return f"p{uuid.uuid4().hex[:10]}"


@pytest.mark.parametrize("value", ["1", "yes", "on", "false"])
def test_a_value_that_locks_nobody_out_gives_way_to_one_that_does_and_comes_back(
    ds389: Ds389Lab, connector: LdapConnector, name: str, value: str
) -> None:
    original = connector.read(ds389.add_person(name, nsAccountLock=value))
    could_sign_in = ds389.can_bind(original.id)

    connector.perform(Action.SUSPEND, original, confirmed)
    is_locked = not ds389.can_bind(original.id)
    connector.perform(Action.RESTORE, connector.read(original.id).with_original(original), confirmed)

    assert not original.suspended
    assert could_sign_in
    assert is_locked
    assert connector.read(original.id) == original


def test_an_account_that_a_role_locks_is_suspended_and_a_person_lets_it_in(
    ds389: Ds389Lab, connector: LdapConnector, name: str
) -> None:
    original = connector.read(ds389.add_person(name))
    ds389.lock_by_role(original.id)
    locked = connector.read(original.id)

    with pytest.raises(RejectedError, match="role"):
        connector.perform(Action.RESTORE, locked.with_original(original), confirmed)

    assert locked.suspended
    assert not ds389.can_bind(original.id)


def test_a_server_that_takes_no_writes_is_named_as_such(ds389: Ds389Lab, connector: LdapConnector, name: str) -> None:
    state = connector.read(ds389.add_person(name))
    ds389.modify(BACKEND_DN, **{"nsslapd-readonly": ["on"]})
    try:
        with pytest.raises(RejectedError, match=r"unwillingToPerform \(53\).*read-only"):
            connector.perform(Action.SUSPEND, state, confirmed)
    finally:
        ds389.modify(BACKEND_DN, **{"nsslapd-readonly": ["off"]})


def test_check_names_the_rights_that_are_missing(ds389: Ds389Lab, connector: LdapConnector, name: str) -> None:
    ds389.add_group(f"group {name}", ds389.add_person(name))
    reader = ds389.connector(bind_dn=ds389.reader_dn)
    able = ds389.connector(base_dn=ds389.people, groups_dn=ds389.groups, disabled_ou=None)

    found, nothing = reader.check(), able.check()

    reader.close()
    able.close()
    assert "may not write nsAccountLock on " in found
    assert "may not write member on " in found
    assert "may not write" not in nothing
