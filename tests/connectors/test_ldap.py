"""connectors.ldap against a real slapd, where the contract's own tests do not reach."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import ldap3
import pytest

from connectors.ldap import LdapConnector
from connectors.ldap.client import Directory
from connectors.ldap.entry import Change, Edit
from connectors.ldap.flavors.openldap import LOCK, LOCKED
from connectors.ldap.pool import IDLE_LIMIT
from scimbridge.demo.directory import OpenLdap
from scimbridge.demo.entries import BASE_DN, PEOPLE_DN, POLICY_DN, READER_DN, SERVICE_DN
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountState,
    Action,
    Done,
    Person,
    RejectedError,
    RetryableError,
    TargetUnusableError,
)
from tests.lab.certificates import make_authority
from tests.lab.connecting import allow, ldap_config, ldap_connector
from tests.lab.network import proxy_to, silent_server, trickling_server

pytest_plugins = ("tests.lab.fixtures",)

Connect = Callable[..., LdapConnector]


@pytest.fixture
def connect() -> Iterator[Connect]:
    opened: list[LdapConnector] = []

    def open_one(*args: Any, **changes: Any) -> LdapConnector:
        opened.append(ldap_connector(*args, **changes))
        return opened[-1]

    yield open_one
    for connector in opened:
        connector.close()


@pytest.fixture
def connector(openldap: OpenLdap, connect: Connect) -> LdapConnector:
    return connect(openldap)


@pytest.fixture
def uid() -> str:
    return f"u{uuid.uuid4().hex[:10]}"


def add(directory: OpenLdap, uid: str, **extra: str) -> str:
    return directory.add_person(uid, "Ann Example", "Example", f"{uid}@example.com", **extra)


def confirm() -> None:
    """Nothing speaks against it."""


def perform(connector: LdapConnector, action: Action, state: AccountState) -> Done:
    outcome = connector.perform(action, state, confirm)
    assert isinstance(outcome, Done)
    return outcome


def writes_to(directory: OpenLdap, uid: str) -> list[tuple[str, int, bool]]:
    writes = directory.writes()
    return [(write.operation, write.result, write.changed) for write in writes if write.dn == directory.dn_of(uid)]


# -- finding -------------------------------------------------------------------


def test_an_awkward_uid_is_found_by_the_letter_and_its_account_locked(
    openldap: OpenLdap, connector: LdapConnector
) -> None:
    awkward, lookalike = "odd*name(x), Smith + Co \\ #1", "oddbutname(x), Smith + Co \\ #1"
    account_id = add(openldap, awkward)
    add(openldap, lookalike)

    found = connector.find(Person({"userName": (awkward,)}))
    assert found is not None
    perform(connector, Action.SUSPEND, connector.read(found.id))

    assert found.id == account_id
    assert not openldap.can_bind(awkward)
    assert openldap.can_bind(lookalike)


def test_match_is_tried_in_order_until_something_is_found(openldap: OpenLdap, connect: Connect, uid: str) -> None:
    account_id = add(openldap, uid)
    connector = connect(openldap, match={"userName": "uid", "emails.value": "mail"})

    found = connector.find(
        Person({"userName": ("renamed-" + uid,), "emails.value": ("x@example.com", f"{uid}@example.com")})
    )

    assert found is not None
    assert found.id == account_id


def test_an_entry_that_is_no_person_is_not_found(openldap: OpenLdap, connector: LdapConnector, uid: str) -> None:
    with openldap.administrator() as admin:
        admin.add(f"uid={uid},{PEOPLE_DN}", "account", {"uid": uid})

    assert connector.find(Person({"userName": (uid,)})) is None


def test_a_list_cut_short_by_the_directory_is_never_taken_as_whole(
    openldap: OpenLdap, connect: Connect, uid: str
) -> None:
    for number in range(4):
        openldap.add_person(f"{uid}-{number}", "Ann", "Ann", f"{uid}@example.com")
    reader = connect(
        openldap, bind_dn=READER_DN, bind_password=openldap.reader_password, match={"emails.value": "mail"}
    )

    with pytest.raises(RejectedError, match=r"sizeLimitExceeded \(4\)"):
        reader.find(Person({"emails.value": (f"{uid}@example.com",)}))


def test_references_to_other_servers_are_passed_over(own_openldap: OpenLdap, connect: Connect, uid: str) -> None:
    add(own_openldap, uid)
    with own_openldap.administrator() as admin:
        elsewhere = {"ou": "elsewhere", "ref": "ldap://127.0.0.1:1/dc=example,dc=org"}
        admin.add(f"ou=elsewhere,{PEOPLE_DN}", ["referral", "extensibleObject"], elsewhere)

    found = connect(own_openldap).find(Person({"userName": (uid,)}))

    assert found is not None


def test_a_missing_base_says_nothing_about_the_account(openldap: OpenLdap, connect: Connect, uid: str) -> None:
    account_id = add(openldap, uid)
    astray = connect(openldap, base_dn=f"ou=Nowhere,{BASE_DN}")

    with pytest.raises(TargetUnusableError, match="noSuchObject"):
        astray.read(account_id)


# -- locking -------------------------------------------------------------------


def test_a_locked_person_cannot_sign_in_until_restored_with_the_old_password(
    openldap: OpenLdap, connector: LdapConnector, uid: str
) -> None:
    original = connector.read(add(openldap, uid, password="the old one"))

    perform(connector, Action.SUSPEND, original)
    locked_out = not openldap.can_bind(uid, "the old one")
    perform(connector, Action.RESTORE, connector.read(original.id).with_original(original))

    assert locked_out
    assert openldap.can_bind(uid, "the old one")
    assert writes_to(openldap, uid) == [("modify", 0, True), ("modify", 0, True)]


def test_restore_brings_back_the_passing_lock_that_was_there_before(
    openldap: OpenLdap, connector: LdapConnector, uid: str
) -> None:
    account_id = add(openldap, uid)
    openldap.set(uid, LOCK, "20200101120000Z")
    original = connector.read(account_id)

    perform(connector, Action.SUSPEND, original)
    perform(connector, Action.RESTORE, connector.read(account_id).with_original(original))

    assert not original.suspended
    assert connector.read(account_id).attributes[LOCK] == ("20200101120000Z",)


def test_restore_leaves_an_account_locked_that_was_so_before_us(
    openldap: OpenLdap, connector: LdapConnector, uid: str
) -> None:
    account_id = add(openldap, uid)
    openldap.set(uid, LOCK, LOCKED)
    original = connector.read(account_id)

    outcome = perform(connector, Action.RESTORE, original.with_original(original))

    assert not outcome.changed
    assert not openldap.can_bind(uid)


def test_restore_does_not_overwrite_what_somebody_changed_since(
    openldap: OpenLdap, connector: LdapConnector, uid: str
) -> None:
    original = connector.read(add(openldap, uid))
    perform(connector, Action.SUSPEND, original)
    suspended = connector.read(original.id).with_original(original)
    openldap.set(uid, LOCK, "20200101120000Z")

    with pytest.raises(RetryableError, match=r"assertionFailed \(122\)"):
        connector.perform(Action.RESTORE, suspended, confirm)

    assert connector.read(original.id).attributes[LOCK] == ("20200101120000Z",)


def test_the_id_survives_a_rename(openldap: OpenLdap, connector: LdapConnector, uid: str) -> None:
    account_id = add(openldap, uid)

    rename(openldap, uid, f"{uid}-married")

    assert connector.read(account_id).name == openldap.dn_of(f"{uid}-married")


@pytest.mark.parametrize("action", [Action.SUSPEND, Action.DELETE])
def test_an_account_renamed_since_it_was_read_is_not_taken_for_gone(
    openldap: OpenLdap, connector: LdapConnector, uid: str, action: Action
) -> None:
    state = connector.read(add(openldap, uid))
    rename(openldap, uid, f"{uid}-married")

    with pytest.raises(RetryableError, match="renamed"):
        connector.perform(action, state, confirm)

    assert openldap.can_bind(f"{uid}-married")


@pytest.mark.parametrize("action", [Action.SUSPEND, Action.DELETE])
def test_somebody_else_who_got_the_name_since_is_not_touched(
    openldap: OpenLdap, connector: LdapConnector, uid: str, action: Action
) -> None:
    state = connector.read(add(openldap, uid))
    rename(openldap, uid, f"{uid}-married")
    add(openldap, uid)

    with pytest.raises(RetryableError, match=r"assertionFailed \(122\)"):
        connector.perform(action, state, confirm)

    assert openldap.can_bind(uid)


def rename(directory: OpenLdap, uid: str, new_uid: str) -> None:
    with directory.administrator() as admin:
        assert admin.modify_dn(directory.dn_of(uid), f"uid={new_uid}")[1]["result"] == 0


# -- deleting ------------------------------------------------------------------


def test_an_account_with_entries_below_it_is_not_deleted(
    openldap: OpenLdap, connector: LdapConnector, uid: str
) -> None:
    account_id = add(openldap, uid)
    with openldap.administrator() as admin:
        admin.add(f"cn=phone,{openldap.dn_of(uid)}", "device", {"cn": "phone"})

    with pytest.raises(RejectedError, match=r"notAllowedOnNonLeaf \(66\).*entries below"):
        connector.perform(Action.DELETE, connector.read(account_id), confirm)

    assert openldap.get(uid)


def test_a_delete_is_confirmed_after_the_permit(openldap: OpenLdap, connect: Connect, uid: str) -> None:
    happened: list[str] = []

    def permit(*, writes: bool) -> None:
        happened.append("write" if writes else "read")

    connector = connect(openldap, permit)
    state = connector.read(add(openldap, uid))

    connector.perform(Action.DELETE, state, lambda: happened.append("confirm"))

    assert happened[-2:] == ["write", "confirm"]


# -- what is never touched -----------------------------------------------------


@pytest.mark.parametrize("action", list(LdapConnector.capabilities))
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (SERVICE_DN.upper().replace(",", " , "), "bind_dn"),
        (f"uid=ann,{PEOPLE_DN.replace('example', 'elsewhere')}", "not beneath base_dn"),
        (BASE_DN, "not beneath base_dn"),
    ],
)
def test_the_bridge_itself_and_what_is_outside_the_base_are_refused(
    connector: LdapConnector, action: Action, name: str, reason: str
) -> None:
    original = AccountState(id=str(uuid.uuid4()), name=name, suspended=False)
    state = replace(original, suspended=action is Action.RESTORE, original=original)

    with pytest.raises(RejectedError, match=reason):
        connector.perform(action, state, confirm)


@pytest.mark.parametrize(
    ("action", "right"),
    [(Action.SUSPEND, f"modify {LOCK}.*write access to {LOCK}"), (Action.DELETE, "delete.*children")],
)
def test_a_missing_right_is_named_and_the_person_is_not(
    openldap: OpenLdap, connect: Connect, uid: str, action: Action, right: str
) -> None:
    reader = connect(openldap, bind_dn=READER_DN, bind_password=openldap.reader_password)
    state = reader.read(add(openldap, uid))

    with pytest.raises(RejectedError, match=rf"{right}") as caught:
        reader.perform(action, state, confirm)

    assert "(50)" in str(caught.value)
    assert uid not in str(caught.value)


# -- trust ---------------------------------------------------------------------


def test_a_certificate_of_an_unknown_authority_makes_the_target_unusable(
    openldap: OpenLdap, connect: Connect, tmp_path: Path
) -> None:
    distrusting = connect(openldap, url=openldap.ldaps_url, ca_file=make_authority(tmp_path, "other"))

    with pytest.raises(TargetUnusableError, match="CERTIFICATE_VERIFY_FAILED"):
        distrusting.check()


@pytest.mark.parametrize("start_tls", [False, True], ids=["ldaps", "start_tls"])
def test_a_certificate_for_another_address_makes_the_target_unusable(
    openldap: OpenLdap, connect: Connect, start_tls: bool
) -> None:
    assert openldap.tls
    upstream = openldap.ldap_url if start_tls else openldap.ldaps_url
    with proxy_to(upstream, host="127.0.0.2") as proxy:
        url = f"{'ldap' if start_tls else 'ldaps'}://127.0.0.2:{proxy.port}"
        misled = connect(openldap, url=url, ca_file=openldap.tls.ca_file, start_tls=start_tls)

        with pytest.raises(TargetUnusableError, match="CERTIFICATE_VERIFY_FAILED"):
            misled.check()


def test_start_tls_encrypts_before_the_password_is_sent(openldap: OpenLdap, connect: Connect) -> None:
    assert openldap.tls

    found = connect(openldap, url=openldap.ldap_url, start_tls=True, ca_file=openldap.tls.ca_file).check()

    assert found.startswith("signed in")


def test_a_directory_that_wants_encryption_makes_the_target_unusable(openldap: OpenLdap, connect: Connect) -> None:
    with pytest.raises(TargetUnusableError, match=r"confidentialityRequired \(13\).*start_tls"):
        connect(openldap, url=openldap.ldap_url).check()


def test_start_tls_where_there_is_none_makes_the_target_unusable(own_openldap: OpenLdap, connect: Connect) -> None:
    with proxy_to(own_openldap.url) as proxy, pytest.raises(TargetUnusableError, match="startTLS failed"):
        connect(own_openldap, url=f"ldap://127.0.0.1:{proxy.port}", start_tls=True).check()


def test_a_filter_that_is_none_is_named(openldap: OpenLdap, connect: Connect) -> None:
    with pytest.raises(TargetUnusableError, match="user_filter"):
        connect(openldap, user_filter="(a(b))").find(Person({"userName": ("ann",)}))


# -- trouble on the way --------------------------------------------------------


def test_a_stopped_directory_can_be_tried_again_and_a_restarted_one_is_used_at_once(
    own_openldap: OpenLdap, connect: Connect, uid: str
) -> None:
    account_id = add(own_openldap, uid)
    connector = connect(own_openldap)
    before = connector.read(account_id)

    own_openldap.stop()
    with pytest.raises(RetryableError):
        connector.read(account_id)
    own_openldap.start()

    assert connector.read(account_id) == before


def test_a_read_replaces_a_connection_that_died_in_the_meantime(
    own_openldap: OpenLdap, connect: Connect, uid: str
) -> None:
    account_id = add(own_openldap, uid)
    connector = connect(own_openldap)
    before = connector.read(account_id)
    own_openldap.stop()
    own_openldap.start()

    assert connector.read(account_id) == before


def test_a_change_whose_answer_is_lost_is_not_sent_again(openldap: OpenLdap, connect: Connect, uid: str) -> None:
    account_id = add(openldap, uid)
    with proxy_to(openldap.url) as proxy:
        connector = connect(openldap, url=f"ldap://127.0.0.1:{proxy.port}")
        state = connector.read(account_id)

        proxy.swallows_next_answer = True
        with pytest.raises(RetryableError):
            connector.perform(Action.SUSPEND, state, confirm)
        again = perform(connector, Action.SUSPEND, connector.read(account_id))

    assert not again.changed
    assert writes_to(openldap, uid) == [("modify", 0, True)]


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_a_directory_that_never_answers_is_given_up(openldap: OpenLdap, connect: Connect, scheme: str) -> None:
    with silent_server() as port:
        waiting = connect(openldap, url=f"{scheme}://127.0.0.1:{port}", connect_timeout=1, receive_timeout=1)

        with pytest.raises(RetryableError, match="timed out"):
            waiting.check()


def test_a_directory_that_never_finishes_its_answer_is_given_up(openldap: OpenLdap, connect: Connect) -> None:
    with trickling_server() as port:
        waiting = connect(openldap, url=f"ldap://127.0.0.1:{port}", receive_timeout=1)

        with pytest.raises(RetryableError, match="timed out"):
            waiting.check()


def test_a_long_idle_connection_is_tried_before_a_change_goes_over_it(own_openldap: OpenLdap, uid: str) -> None:
    add(own_openldap, uid)
    now = [0.0]
    directory = Directory(ldap_config(own_openldap), allow, clock=lambda: now[0])
    directory.search(BASE_DN, "(objectClass=*)", [], scope="BASE")
    own_openldap.stop()
    own_openldap.start()
    now[0] += IDLE_LIMIT + 1

    edit = Edit((Change(LOCK, add=(LOCKED,), is_whole=True),))
    directory.modify(own_openldap.dn_of(uid), edit, only_if="(objectClass=*)")

    assert not own_openldap.can_bind(uid)
    directory.close()


# -- check ---------------------------------------------------------------------


def test_check_says_that_accounts_can_be_locked(connector: LdapConnector) -> None:
    assert connector.check() == "signed in; base_dn is there; accounts can be locked"


def test_check_warns_where_the_directory_ignores_locks(own_openldap: OpenLdap, connect: Connect, uid: str) -> None:
    account_id, connector = add(own_openldap, uid), connect(own_openldap)
    with own_openldap.administrator() as admin:
        admin.modify(POLICY_DN, {"pwdLockout": [(ldap3.MODIFY_REPLACE, ["FALSE"])]})

    perform(connector, Action.SUSPEND, connector.read(account_id))

    assert own_openldap.can_bind(uid)
    assert "WARNING" in connector.check()


def test_check_says_what_it_could_not_see(openldap: OpenLdap, connect: Connect) -> None:
    assert "no password policy is visible" in connect(openldap, base_dn=PEOPLE_DN).check()


def test_check_names_a_missing_base(openldap: OpenLdap, connect: Connect) -> None:
    with pytest.raises(TargetUnusableError, match=f"ou=Nowhere,{BASE_DN} does not exist"):
        connect(openldap, base_dn=f"ou=Nowhere,{BASE_DN}").check()


def test_an_account_is_known_by_nothing_but_its_id(openldap: OpenLdap, connector: LdapConnector, uid: str) -> None:
    add(openldap, uid)

    with pytest.raises(AccountNotFoundError):
        connector.read(uid)
