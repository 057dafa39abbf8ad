"""What only OpenLDAP has, and how connections are made to it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.ldap import LdapConnector
from scimbridge.demo.directory import OpenLdap
from scimbridge.demo.entries import SERVICE_DN
from scimbridge.sdk import Action, Done, RejectedError, RetryableError, TargetUnusableError
from scimbridge.sdk.testing import confirmed
from tests.lab.certificates import expire, make_certificates, make_client
from tests.lab.connecting import ldap_connector
from tests.lab.directories.openldap import OpenLdapLab

pytest_plugins = ("tests.lab.fixtures",)


@pytest.fixture
def connector(full_openldap: OpenLdapLab) -> Iterator[LdapConnector]:
    found = full_openldap.connector(group_stand_in=None)
    yield found
    found.close()


@pytest.fixture
def name() -> str:
    return f"p{uuid.uuid4().hex[:10]}"


# -- locking -------------------------------------------------------------------

SHELLS = {"loginShell": "/usr/sbin/nologin", "shadowExpire": "1", "employeeType": "left"}


def test_what_programs_look_at_beside_the_lock_is_written_with_it_and_taken_back(
    full_openldap: OpenLdapLab, name: str
) -> None:
    connector = full_openldap.connector(lock_also=SHELLS)
    account_id = full_openldap.add_person(name)
    full_openldap.make_posix(account_id, loginShell="/bin/bash")
    original = connector.read(account_id)

    connector.perform(Action.SUSPEND, original, confirmed)
    suspended = connector.read(account_id)
    full_openldap.modify(original.name, loginShell=["/bin/zsh"])
    connector.perform(Action.RESTORE, connector.read(account_id).with_original(original), confirmed)

    assert [suspended.attributes[each] for each in SHELLS] == [("/usr/sbin/nologin",), ("1",), ()]
    restored = connector.read(account_id)
    assert not restored.suspended
    assert [restored.attributes[each] for each in SHELLS] == [("/bin/zsh",), (), ()]
    connector.close()


# -- groups --------------------------------------------------------------------


def test_the_last_member_of_a_group_that_must_have_one_stays_and_the_others_are_done(
    full_openldap: OpenLdapLab, connector: LdapConnector, name: str
) -> None:
    account_id = full_openldap.add_person(name)
    full_openldap.add_group(f"alone {name}", account_id)
    full_openldap.add_group(f"two {name}", account_id, full_openldap.add_person(f"{name}.2"))

    with pytest.raises(RejectedError, match=rf"alone {name}: .*last member.*group_stand_in") as caught:
        connector.perform(Action.REMOVE_FROM_GROUPS, connector.read(account_id), confirmed)

    assert "1 of the groups" in str(caught.value)
    assert [each.name for each in connector.read(account_id).groups or ()] == [f"alone {name}"]


def test_five_thousand_groups_one_of_them_large_are_left(full_openldap: OpenLdapLab, name: str) -> None:
    connector = full_openldap.connector(member_attributes=["uniqueMember"])
    account_id = full_openldap.add_person(name)
    member = full_openldap.dn_of(account_id)
    crowd = [f"uid=somebody-{number},{full_openldap.people}" for number in range(2000)]
    full_openldap.add_many_groups([f"{name} large"], member, *crowd)
    full_openldap.add_many_groups([f"{name} {number}" for number in range(4999)], member, crowd[0])

    state = connector.read(account_id)
    outcome = connector.perform(Action.REMOVE_FROM_GROUPS, state, confirmed)

    assert len(state.groups or ()) == 5000
    assert isinstance(outcome, Done)
    assert outcome.after["how many"] == 5000
    assert connector.read(account_id).groups == ()
    large = full_openldap.id_at(full_openldap.group_dn(f"{name} large"))
    assert len(full_openldap.values(large, "uniqueMember")) == 2000
    connector.close()


# -- trust ---------------------------------------------------------------------


class _KnowsCertificates(OpenLdap):
    """slapd, to which a certificate for ``scimbridge`` is the bridge's account."""

    def _settings(self) -> str:
        assert self.tls
        head = [
            f'TLSCACertificateFile "{self.tls.ca_file.absolute()}"',
            "TLSVerifyClient allow",
            f'authz-regexp "cn=scimbridge" "{SERVICE_DN}"',
        ]
        return "\n".join((*head, super()._settings()))


def test_a_certificate_takes_the_place_of_the_password(tmp_path: Path, name: str) -> None:
    tls = make_certificates(tmp_path / "tls")
    certificate, key = make_client(tmp_path / "tls", "scimbridge")
    stranger, its_key = make_client(tmp_path / "tls", "somebody")
    with _KnowsCertificates(tmp_path / "server", tls=tls) as directory:
        account_id = directory.add_person(name, "Ann", "Ann", "ann@example.com")
        settings: dict[str, Any] = {"url": directory.ldaps_url, "ca_file": tls.ca_file, "bind_password": None}
        known = ldap_connector(directory, client_certificate=certificate, client_key=key, **settings)
        unknown = ldap_connector(directory, client_certificate=stranger, client_key=its_key, **settings)

        known.perform(Action.SUSPEND, known.read(account_id), confirmed)
        with pytest.raises(RejectedError, match=r"\(50\)"):
            unknown.perform(Action.DELETE, unknown.read(account_id), confirmed)
        of_the_bridge, of_the_server = known.expiries()

        known.close()
        unknown.close()
        assert not directory.can_bind(name)
        assert (of_the_bridge.what, of_the_server.what) == ("the bridge's certificate", "the server's certificate")
        assert of_the_bridge.ends_at is not None


def test_when_certificates_end_is_told(openldap: OpenLdap) -> None:
    assert openldap.tls
    ca_file = openldap.tls.ca_file
    presented = ldap_connector(openldap, url=openldap.ldaps_url, ca_file=ca_file)

    (of_the_server,) = presented.expiries()

    presented.close()
    assert of_the_server.what == "the server's certificate"
    assert of_the_server.ends_at is not None
    assert of_the_server.ends_at > datetime.now(UTC)


def test_a_certificate_that_has_ended_makes_the_target_unusable(tmp_path: Path) -> None:
    with OpenLdap(tmp_path / "server", tls=expire(make_certificates(tmp_path / "tls"))) as directory:
        assert directory.tls
        connector = ldap_connector(directory, url=directory.ldaps_url, ca_file=directory.tls.ca_file)

        with pytest.raises(TargetUnusableError, match=r"CERTIFICATE_VERIFY_FAILED.*expired"):
            connector.check()

        connector.close()


def test_two_addresses_that_do_not_answer_are_tried_again_later(openldap: OpenLdap) -> None:
    connector = ldap_connector(openldap, url=["ldap://127.0.0.1:1", "ldap://127.0.0.1:2"])

    with pytest.raises(RetryableError, match="cannot be reached"):
        connector.check()

    connector.close()
