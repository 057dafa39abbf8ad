"""What lists of accounts tell on every flavor of server, where the contract's own tests do not reach."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.ldap import LdapConnector
from connectors.ldap.entry import Entry
from connectors.ldap.flavors.openldap import OpenLdap
from connectors.ldap.flavors.windows_times import EPOCH, LOCK_ID, WindowsTimes, windows_time, written_at
from connectors.ldap.listing import Listing
from scimbridge.sdk import NEVER, AccountPage, AccountSummary, Action, Coverage, End, RejectedError
from scimbridge.sdk.increments import cursor_of
from scimbridge.sdk.testing import confirmed
from tests.lab.directories.ds389 import Ds389Lab
from tests.lab.directories.lab import FEW, Lab
from tests.lab.directories.openldap import OpenLdapLab
from tests.lab.directories.samba import SambaLab

pytest_plugins = ("tests.lab.fixtures",)

Connect = Callable[..., LdapConnector]
A_MINUTE = timedelta(minutes=1)
LAST_DAY = datetime(2031, 2, 28, 22, 0, tzinfo=UTC)


@pytest.fixture
def connect() -> Iterator[Connect]:
    opened: list[LdapConnector] = []

    def open_one(lab: Lab, **changes: Any) -> LdapConnector:
        opened.append(lab.connector(**changes))
        return opened[-1]

    yield open_one
    for connector in opened:
        connector.close()


@pytest.fixture
def name() -> str:
    return f"p{uuid.uuid4().hex[:10]}"


def listed(connector: LdapConnector, since: str | None = None) -> tuple[dict[str, AccountSummary], End]:
    pages = list(connector.list_accounts(since))
    end = pages[-1].end
    assert end is not None
    return {account.id: account for page in pages for account in page.accounts}, end


def one(connector: LdapConnector, account_id: str) -> AccountSummary:
    return listed(connector)[0][account_id]


def scope_of(connector: LdapConnector) -> object:
    return Listing(connector.config, connector.directory).scope


# -- on every server -----------------------------------------------------------


def test_who_has_signed_in_is_listed_with_the_time_and_who_has_not_without(
    lab: Lab, connect: Connect, name: str
) -> None:
    here, never = lab.add_person(name), lab.add_person(f"{name}.never")
    before = datetime.now(UTC) - A_MINUTE
    assert lab.can_bind(here)

    found, _ = listed(connect(lab))

    signed_in_at = found[here].signed_in_at
    assert isinstance(signed_in_at, datetime)
    assert before < signed_in_at < before + 3 * A_MINUTE
    # Only Active Directory tells that somebody never did; the others may have begun to note it later.
    is_windows = lab.flavor == "active-directory"
    assert found[never].signed_in_at == (NEVER if is_windows else None)
    assert found[here].signed_in_within == timedelta(days=14 if is_windows else 0)


def test_what_the_bridge_did_shows_in_the_list(lab: Lab, connect: Connect, name: str) -> None:
    connector = connect(lab)
    account_id = lab.add_person(name)
    for action in (Action.SUSPEND, Action.DISCONNECT, Action.MOVE):
        connector.perform(action, connector.read(account_id), confirmed)

    account = one(connector, account_id)

    assert (account.suspended, account.unmanaged) == (True, True)
    assert account.container is not None
    assert account.container.casefold() == lab.disabled.casefold()
    assert account.suspended_since is not None
    assert abs(account.suspended_since - datetime.now(UTC)) < A_MINUTE


def test_a_list_of_many_parts_has_everybody_once_and_no_group(
    lab: Lab, connect: Connect, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = {lab.add_person(f"{name}.{number}") for number in range(5)}
    group = lab.id_at(lab.add_group(f"group {name}", next(iter(people))))
    monkeypatch.setattr("connectors.ldap.client.conversation.PAGE", 2)

    pages = list(connect(lab).list_accounts())

    ids = [account.id for page in pages for account in page.accounts]
    assert max(len(page.accounts) for page in pages) == 2
    assert people <= set(ids)
    assert group not in ids
    assert len(ids) == len(set(ids))


def test_a_list_of_other_accounts_begins_anew(lab: Lab, connect: Connect, name: str) -> None:
    account_id = lab.add_person(name)
    _, end = listed(connect(lab, base_dn=lab.groups, disabled_ou=None, groups_dn=lab.groups))
    _, wide_end = listed(connect(lab))

    found, wider = listed(connect(lab), end.cursor)
    _, of_the_same = listed(connect(lab), wide_end.cursor)
    _, of_other_attributes = listed(connect(lab, match={"userName": "mail"}), wide_end.cursor)

    assert of_the_same.coverage is Coverage.CHANGES
    assert wider.coverage is Coverage.WHOLE
    assert account_id in found
    assert of_other_attributes.coverage is Coverage.WHOLE


@pytest.mark.parametrize("lab", ["openldap", "389ds"], indirect=True)  # Samba has no such limits
def test_who_may_see_only_a_part_gets_no_list(lab: Lab, connect: Connect, name: str) -> None:
    for number in range(FEW + 1):
        lab.add_person(f"{name}.{number}")
    pages: list[AccountPage] = []

    with pytest.raises(RejectedError, match=r"sizeLimitExceeded \(4\)|adminLimitExceeded \(11\)"):
        pages.extend(connect(lab, bind_dn=lab.reader_dn).list_accounts())

    assert all(page.end is None for page in pages)


# -- Active Directory ----------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", NEVER),
        ("9223372036854775807", NEVER),
        ("9223372036854775806", NEVER),
        ("-1", None),
        (str((LAST_DAY - EPOCH) // timedelta(microseconds=1) * 10), LAST_DAY),
    ],
)
def test_the_end_of_an_account(
    samba: SambaLab, connect: Connect, name: str, value: str, expected: datetime | str | None
) -> None:
    account_id = samba.add_person(name, accountExpires=value)

    assert one(connect(samba), account_id).expires_at == expected


def test_a_domain_says_by_how_much_sign_ins_lag(samba: SambaLab, connect: Connect, name: str) -> None:
    here = samba.add_person(name)
    assert samba.can_bind(here)
    domain = samba.people.split(",", 1)[1]
    try:
        samba.modify(domain, **{"msDS-LogonTimeSyncInterval": ["3"]})
        often = one(connect(samba), here)
        samba.modify(domain, **{"msDS-LogonTimeSyncInterval": ["0"]})
        not_any_more = one(connect(samba), here)
    finally:
        samba.modify(domain, **{"msDS-LogonTimeSyncInterval": []})

    assert often.signed_in_within == timedelta(days=3)
    assert isinstance(often.signed_in_at, datetime)
    assert not_any_more.signed_in_at is None


def test_only_what_has_changed_is_listed_and_of_another_controller_everything(
    samba: SambaLab, connect: Connect, name: str
) -> None:
    same, changed = samba.add_person(name), samba.add_person(f"{name}.changed")
    connector = connect(samba)
    _, end = listed(connector)
    samba.modify(samba.dn_of(changed), description=["Third floor"])

    found, changes = listed(connector, end.cursor)
    _, nothing = listed(connector, changes.cursor)
    scope = scope_of(connector)
    of_another = listed(connector, cursor_of([scope, str(uuid.uuid4())], number=str(samba.highest)))
    set_back = listed(connector, cursor_of([scope, samba.count], number=str(samba.highest + 100)))
    of_this = listed(connector, cursor_of([scope, samba.count], number=str(samba.highest)))

    assert (changes.coverage, changes.cursor != end.cursor) == (Coverage.CHANGES, True)
    assert changed in found
    assert same not in found
    assert nothing.coverage is Coverage.CHANGES
    assert of_this[1].coverage is Coverage.CHANGES
    for everybody, whole in (of_another, set_back):
        assert whole.coverage is Coverage.WHOLE
        assert same in everybody


def test_deletions_show_to_who_may_see_them(samba: SambaLab, connect: Connect, name: str) -> None:
    account_id = samba.add_person(name)
    administrator = connect(samba, bind_dn=samba.admin_dn)
    _, end = listed(administrator)
    samba.delete(samba.dn_of(account_id))

    pages = list(administrator.list_accounts(end.cursor))

    assert [account_id in page.gone for page in pages].count(True) == 1
    assert pages[-1].end is not None
    assert pages[-1].end.coverage is Coverage.CHANGES_AND_DELETIONS
    assert not any(page.gone for page in administrator.list_accounts(pages[-1].end.cursor))


def test_since_when_an_account_is_locked_is_when_the_lock_was_written_and_not_when_anything_was(
    samba: SambaLab, name: str
) -> None:
    account_id = samba.add_person(name, userAccountControl="514")
    history = samba.asked_for(account_id, "replPropertyMetaData")
    now = written_at(history, LOCK_ID)
    lock = LOCK_ID.to_bytes(4, "little")
    at = next(at for at in range(16, len(history), 48) if history[at : at + 4] == lock)
    moment = LAST_DAY - timedelta(days=365)
    seconds = int((moment - EPOCH).total_seconds()).to_bytes(8, "little")
    earlier = history[: at + 8] + seconds + history[at + 16 :]
    whole = {"whenChanged": (samba.asked_for(account_id, "whenChanged"),)}

    assert now is not None
    assert abs(now - datetime.now(UTC)) < A_MINUTE
    assert WindowsTimes().locked_since(Entry("", "", {**whole, "replPropertyMetaData": (earlier,)})) == moment
    for unknown in (b"", history[:-1], b"\x02" + history[1:], history[:at] + bytes(4) + history[at + 4 :]):
        assert written_at(unknown, LOCK_ID) is None
        entry = Entry("", "", {**whole, "replPropertyMetaData": (unknown,)})
        assert WindowsTimes().locked_since(entry) is not None, "when anything was changed"


def test_a_sign_in_of_which_nothing_may_be_read_is_unknown() -> None:
    unreadable, never = Entry("", ""), Entry("", "", {"logonCount": (b"0",)})

    assert WindowsTimes().signed_in_at(unreadable) is None
    assert WindowsTimes().signed_in_at(never) == NEVER
    assert windows_time("soon") is None


# -- OpenLDAP and 389 ----------------------------------------------------------


def test_an_account_with_an_end(full_openldap: OpenLdapLab, connect: Connect, name: str) -> None:
    ending, endless = (
        full_openldap.add_person(name, pwdEndTime="20310228220000Z"),
        full_openldap.add_person(f"{name}.2"),
    )

    found, _ = listed(connect(full_openldap))

    assert found[ending].expires_at == LAST_DAY
    assert found[endless].expires_at is None


def test_the_newest_of_several_notes_counts() -> None:
    notes = {"pwdLastSuccess": (b"20310228220000.000001Z",), "authTimestamp": (b"20300101000000Z",)}

    assert OpenLdap.times.signed_in_at(Entry("", "", notes)) == LAST_DAY


def test_a_role_locks_since_nobody_knows_when(ds389: Ds389Lab, connect: Connect, name: str) -> None:
    account_id = ds389.add_person(name)
    ds389.lock_by_role(account_id)

    account = one(connect(ds389), account_id)

    assert account.suspended
    assert account.suspended_since is None


def test_changes_among_which_the_newest_one_is_not_are_not_taken_for_all(
    full_openldap: OpenLdapLab, connect: Connect, name: str
) -> None:
    account_id = full_openldap.add_person(name)
    connector = connect(full_openldap)
    later = cursor_of(scope_of(connector), changed="2131-01-01T00:00:00+00:00")

    found, end = listed(connector, later)

    assert end.coverage is Coverage.WHOLE
    assert account_id in found
