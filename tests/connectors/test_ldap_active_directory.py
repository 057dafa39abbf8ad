"""What only Active Directory has, on Samba as a domain controller."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from connectors.ldap import LdapConnector
from connectors.ldap.flavors.active_directory import ActiveDirectory, forbids_deletion, power_of
from scimbridge.sdk import AccountNotFoundError, AccountState, Action, Done, RejectedError, RetryableError
from scimbridge.sdk.testing import confirmed
from tests.lab.directories.lab import BASE, PASSWORD
from tests.lab.directories.ranging import VALUES_AT_ONCE, RangingSocket
from tests.lab.directories.samba import DELETE, DELETE_CHILD, DELETE_TREE, SambaLab

pytest_plugins = ("tests.lab.fixtures",)

CONTROL = "userAccountControl"
NORMAL, NEVER_EXPIRES = 0x200, 0x10000


@pytest.fixture
def connector(samba: SambaLab) -> Iterator[LdapConnector]:
    found = samba.connector()
    yield found
    found.close()


@pytest.fixture
def name() -> str:
    return f"p{uuid.uuid4().hex[:10]}"


def perform(connector: LdapConnector, action: Action, state: AccountState) -> Done:
    outcome = connector.perform(action, state, confirmed)
    assert isinstance(outcome, Done)
    return outcome


def test_only_the_bit_is_set_and_only_the_bit_is_taken(samba: SambaLab, connector: LdapConnector, name: str) -> None:
    original = connector.read(samba.add_person(name, userAccountControl=str(NORMAL | NEVER_EXPIRES)))

    perform(connector, Action.SUSPEND, original)
    suspended = samba.values(original.id, CONTROL)
    samba.modify(original.name, userAccountControl=[str(NORMAL | 2)])
    perform(connector, Action.RESTORE, connector.read(original.id).with_original(original))

    assert suspended == (str(NORMAL | NEVER_EXPIRES | 2),)
    assert samba.values(original.id, CONTROL) == (str(NORMAL),)


def test_a_bit_that_somebody_set_meanwhile_is_not_lost(samba: SambaLab, connector: LdapConnector, name: str) -> None:
    state = connector.read(samba.add_person(name))
    samba.modify(state.name, userAccountControl=[str(NORMAL | NEVER_EXPIRES)])

    with pytest.raises(RetryableError, match="meanwhile"):
        connector.perform(Action.SUSPEND, state, confirmed)

    assert samba.values(state.id, CONTROL) == (str(NORMAL | NEVER_EXPIRES),)


def test_the_old_password_opens_nothing_after_the_reset(samba: SambaLab, connector: LdapConnector, name: str) -> None:
    original = connector.read(samba.add_person(name))

    perform(connector, Action.RESET_CREDENTIALS, original)

    assert not samba.can_bind(original.id, PASSWORD)


def test_a_renamed_account_is_done_at_once(samba: SambaLab, connector: LdapConnector, name: str) -> None:
    state = connector.read(samba.add_person(name))
    samba.move(state.id, f"CN={name}-married", samba.disabled)

    outcome = perform(connector, Action.SUSPEND, state)

    assert outcome.changed
    assert not samba.can_bind(state.id)


def test_what_is_no_guid_is_no_account(connector: LdapConnector) -> None:
    with pytest.raises(AccountNotFoundError):
        connector.read("ann)(cn=*")


def test_a_long_text_gives_way_to_the_mark_and_comes_back(samba: SambaLab, connector: LdapConnector, name: str) -> None:
    text = "x" * 1024
    original = connector.read(samba.add_person(name, info=text, description=text))

    perform(connector, Action.STAMP, replace(original, delete_at=datetime(2031, 1, 1, tzinfo=UTC)))
    left = connector.read(original.id)
    perform(connector, Action.UNSTAMP, left.with_original(original, left))

    assert left.stamped_until == datetime(2031, 1, 1, tzinfo=UTC)
    assert connector.read(original.id) == original


def test_a_long_name_that_is_taken_still_fits(samba: SambaLab, connector: LdapConnector, name: str) -> None:
    long = name.ljust(64, "x")
    perform(connector, Action.MOVE, connector.read(samba.add_person(long)))
    second = connector.read(samba.add_namesake(long))

    perform(connector, Action.MOVE, second)

    moved = connector.read(second.id)
    assert len(moved.name.split(",")[0]) == len("CN=") + 64
    assert second.id[:8] in moved.name


# -- protected -----------------------------------------------------------------


@pytest.mark.parametrize("who", ["Administrator", "krbtgt", "Guest"])
def test_who_came_with_the_domain_is_protected(samba: SambaLab, connector: LdapConnector, who: str) -> None:
    state = connector.read(samba.id_at(f"CN={who},CN=Users,{BASE}"))

    assert state.protection


def test_an_administrator_through_a_group_in_a_group_is_protected(
    samba: SambaLab, connector: LdapConnector, name: str
) -> None:
    account_id = samba.add_person(name)
    inner = samba.add_group(f"inner {name}", account_id)
    samba.add_group(f"plain {name}", account_id)
    samba.add_members(f"CN=Domain Admins,CN=Users,{BASE}", samba.id_at(inner))

    state = connector.read(account_id)

    assert "Domain Admins" in state.protection
    assert {each.name: each.is_privileged for each in state.groups or ()} == {
        f"inner {name}": True,
        f"plain {name}": False,
    }
    samba.delete(inner)


def test_who_has_been_an_administrator_is_protected(samba: SambaLab, connector: LdapConnector, name: str) -> None:
    state = connector.read(samba.add_person(name, adminCount="1"))

    assert "adminCount" in state.protection


def test_the_primary_group_is_left_alone_and_seen_where_it_gives_power(
    samba: SambaLab, connector: LdapConnector, name: str
) -> None:
    account_id = samba.add_person(name)
    admins = f"CN=Domain Admins,CN=Users,{BASE}"
    samba.add_members(admins, account_id)
    samba.modify(samba.dn_of(account_id), primaryGroupID=["512"])

    state = connector.read(account_id)
    assert [each.name for each in state.groups or ()] == ["Domain Users"]
    with pytest.raises(RejectedError, match="Domain Users"):  # the bridge's account has no right to it
        connector.perform(Action.REMOVE_FROM_GROUPS, state, confirmed)

    assert "Domain Admins" in state.protection
    assert samba.values(account_id, "primaryGroupID") == ("512",)


def test_what_an_account_stays_in_is_said(samba: SambaLab, name: str) -> None:
    account_id = samba.add_person(name)
    samba.add_group(f"group {name}", account_id)
    elsewhere = samba.add_group_elsewhere(f"elsewhere {name}", account_id)
    connector = samba.connector(groups_dn=samba.groups)

    outcome = perform(connector, Action.REMOVE_FROM_GROUPS, connector.read(account_id))

    connector.close()
    assert outcome.after == {"how many": 1, "primary group": 1, "groups elsewhere": 1}
    assert samba.members_of(elsewhere) == {samba.dn_of(account_id).casefold()}
    samba.delete(elsewhere)


def test_members_from_a_trusted_domain_leave_a_group_and_come_back(
    samba: SambaLab, connector: LdapConnector, name: str
) -> None:
    group = samba.add_group(name, samba.add_person(name))
    samba.add_foreign_member(group, "S-1-5-21-1111111111-2222222222-3333333333-1104")
    members = samba.members_of(group)
    original = connector.read_group(samba.id_at(group))

    connector.perform(Action.EMPTY_GROUP, original, confirmed)
    left = connector.read_group(original.id)
    outcome = connector.perform(Action.REFILL_GROUP, left.with_original(original, left), confirmed)

    assert any("foreignsecurityprincipals" in each for each in members)
    assert left.members == ()
    assert isinstance(outcome, Done)
    assert not outcome.lost
    assert samba.members_of(group) == members


def test_an_account_protected_from_accidental_deletion_is_not_deleted_and_it_is_said(
    samba: SambaLab, connector: LdapConnector, name: str
) -> None:
    account_id = samba.add_person(name)
    board = samba.add_unit(f"Board {name}")
    samba.move(account_id, f"CN={name}", board)
    samba.forbid(board, DELETE_CHILD)
    samba.forbid(samba.dn_of(account_id), DELETE | DELETE_TREE)

    with pytest.raises(RejectedError, match="accidental deletion"):
        connector.perform(Action.DELETE, connector.read(account_id), confirmed)

    assert samba.look(account_id)


# -- check ---------------------------------------------------------------------


def test_check_finds_nothing_to_warn_of_where_the_rights_are_there(samba: SambaLab, name: str) -> None:
    samba.add_group(f"group {name}", samba.add_person(name))
    connector = samba.connector(base_dn=samba.people, disabled_ou=None, groups_dn=samba.groups)

    found = connector.check()

    connector.close()
    assert found == "signed in; base_dn is there; the Recycle Bin is off"


def test_check_names_the_rights_that_are_missing(samba: SambaLab, name: str) -> None:
    samba.add_group(f"group {name}", samba.add_person(name))
    connector = samba.connector(bind_dn=samba.reader_dn)

    found = connector.check()

    connector.close()
    assert f"may not write {CONTROL} on " in found
    assert "may not write member on " in found
    assert "may not put accounts into disabled_ou" in found


# -- octets --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ((21, 1, 2, 3, 512), "Domain Admins"),
        ((21, 1, 2, 3, 519), "Enterprise Admins"),
        ((21, 1, 2, 3, 513), ""),
        ((32, 544), "Administrators"),
        ((32, 545), ""),
        ((5,), ""),
    ],
)
def test_power_is_told_by_the_sid(parts: tuple[int, ...], name: str) -> None:
    sid = bytes((1, len(parts), 0, 0, 0, 0, 0, 5)) + b"".join(part.to_bytes(4, "little") for part in parts)

    assert power_of(sid) == name
    assert power_of(sid[:-1]) == ""


def test_rules_that_are_cut_short_forbid_nothing() -> None:
    assert not forbids_deletion(b"\x01\x00\x04\x80")
    assert not forbids_deletion(bytes(20))


def test_an_entry_without_its_control_bits_is_refused() -> None:
    with pytest.raises(RejectedError, match="may not read it"):
        ActiveDirectory().lock({})


# -- Windows, where it is not like Samba -----------------------------------------


def test_members_that_come_in_ranges_are_all_read(samba: SambaLab, name: str) -> None:
    people = {samba.add_person(f"{name}.{number}") for number in range(VALUES_AT_ONCE * 2 + 1)}
    group = samba.add_group(name, *people)
    path = samba.folder / name
    with closing(RangingSocket(path, samba.socket)):
        connector = samba.connector(url=f"ldapi://{quote(str(path), safe='')}")

        state = connector.read_group(samba.id_at(group))

        connector.close()
    assert {each.id for each in state.members or ()} == people
