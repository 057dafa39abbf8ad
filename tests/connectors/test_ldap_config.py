from __future__ import annotations

import socket
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.ldap import LdapConfig, LdapConnector
from connectors.ldap.client.connecting import Connecting
from scimbridge.sdk import Action, TargetUnusableError, addresses
from scimbridge.sdk.secret import SecretSources
from scimbridge.sdk.testing import RecordingPermit

GOOD: dict[str, Any] = {
    "connector": "ldap",
    "url": "ldaps://ldap.example.com",
    "bind_dn": "cn=scimbridge,dc=example,dc=com",
    "bind_password": "secret",
    "base_dn": "dc=example,dc=com",
}


BELOW = "ou=Students,dc=example,dc=com"


def config(**changes: Any) -> LdapConfig:
    settings = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    return LdapConfig.model_validate(settings)


def test_little_need_be_said() -> None:
    settings = config()

    assert settings.match == {"userName": "uid"}
    assert settings.user_filter == "(objectClass=person)"
    assert settings.flavor == "openldap"


def test_active_directory_has_defaults_of_its_own() -> None:
    settings = config(flavor="active-directory", match={"emails.value": "mail"})

    assert settings.match == {"emails.value": "mail"}
    assert settings.user_filter == "(&(objectCategory=person)(objectClass=user))"
    assert settings.stamp_attribute == "info"


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "ldaps://ldap.example.com:3636/"},
        {"url": "ldap://ldap.example.com", "start_tls": True},
        {"url": "ldap://localhost:389"},
        {"url": "ldap://127.0.0.5"},
        {"url": "ldap://[::1]:389"},
        {"url": "ldapi://%2Frun%2Fslapd%2Fldapi"},
        {"match": {"emails.value": "mail", "userName": "uid"}},
        {"url": ["ldaps://dc1.example.com", "ldaps://dc2.example.com"]},
        {"client_certificate": __file__, "bind_password": None},
        {"disabled_ou": "OU=Disabled, DC=Example, DC=com"},
        {"containers": {"DC=Example, DC=com": ["suspend"], "ou=Students,dc=example,dc=com": ["suspend", "delete"]}},
    ],
)
def test_good_settings_are_taken(changes: dict[str, Any]) -> None:
    settings = config(**changes)

    assert settings.base_dn == GOOD["base_dn"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"flavor": "edirectory"}, "active-directory"),
        ({"url": []}, "at least 1"),
        ({"url": ["ldaps://one.example.com", "ldap://two.example.com"]}, "in the clear"),
        ({"client_certificate": __file__}, "takes the place of bind_password"),
        ({"client_key": __file__}, "goes with a client_certificate"),
        ({"client_certificate": __file__, "bind_password": None, "url": "ldap://127.0.0.1"}, "encrypted connection"),
        ({"bind_password": None}, "bind_password is missing"),
        ({"protected": ["boss"]}, "distinguished name"),
        ({"privileged_groups": ["admins"]}, "distinguished name"),
        ({"stamp_attribute": ""}, "not the name of an LDAP attribute"),
        ({"hide_attribute": "hide it"}, "not the name of an LDAP attribute"),
        ({"url": "ldap://ldap.example.com"}, "in the clear.*ldaps://.*start_tls = true"),
        ({"url": "ldap://10.0.0.1"}, "in the clear"),
        ({"url": "ldap://127.0.0.1.example.com"}, "in the clear"),
        ({"url": "https://ldap.example.com"}, "write ldaps://"),
        ({"url": "ldap.example.com"}, "write ldaps://"),
        ({"url": "ldaps://ldap.example.com/dc=example"}, "keys of their own"),
        ({"url": "ldaps://ldap.example.com:port"}, "Port"),
        ({"start_tls": True}, "leave it out"),
        ({"url": "ldapi://%2Frun%2Fldapi", "start_tls": True}, "leave it out"),
        ({"bind_password": ""}, "anonymous"),
        ({"bind_dn": "admin"}, "distinguished name"),
        ({"base_dn": ""}, "distinguished name"),
        ({"match": {"userName": "uid)(x=*"}}, "not the name of an LDAP attribute"),
        ({"match": {}}, "at least 1"),
        ({"user_filter": "objectClass=person"}, "brackets"),
        ({"ca_file": "missing.pem"}, "no file"),
        ({"receive_timeout": 0}, "greater than or equal to 1"),
        ({"disabled_ou": "Disabled"}, "distinguished name"),
        ({"disabled_ou": "ou=Disabled,dc=example,dc=org"}, "beneath base_dn"),
        (
            {"disabled_groups_ou": "ou=Old,dc=example,dc=com", "groups_dn": "ou=Groups,dc=example,dc=com"},
            "beneath groups",
        ),
        ({"containers": {"Students": ["delete"]}}, "distinguished name"),
        ({"containers": {"ou=Students,dc=example,dc=org": ["delete"]}}, "not beneath base_dn"),
        ({"containers": {BELOW: ["delete"], BELOW.upper(): ["suspend"]}}, "twice"),
        ({"containers": {BELOW: ["remove"]}}, "suspend"),
        ({"containers": {BELOW: ["restore"]}}, "takes nothing"),
        ({"containers": {BELOW: ["delete_group"]}}, "takes nothing"),
        ({"lock_also": {"loginShell": ""}}, "no such pair"),
        ({"lock_also": {"userPassword": "!"}}, "would become the password"),
        ({"archive_attributes": ["mobile", "UserPassword"]}, "is a secret"),
        ({"archive_attributes": ["mobile;lang-de"]}, "not the name of an LDAP attribute"),
        ({"snapshot_attributes": ["*", "ourVpnToken"]}, "is a secret"),
        ({"snapshot_attributes": ["mo*"]}, "not the name of an LDAP attribute"),
        ({"archive_attributes": ["UID"]}, "the bridge itself needs UID"),
        ({"archive_attributes": ["description"]}, "the bridge itself needs description"),
        ({"stale_afterwards": "90d"}, "not permitted"),
        ({"stale_after": "0s"}, "greater than"),
        ({"reconcile": "daily"}, "five fields"),
    ],
)
def test_a_mistake_is_refused_and_explained(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        config(**changes)


def test_ca_file_is_relative_to_the_configuration_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()

    settings = LdapConfig.model_validate({**GOOD, "ca_file": "ca.pem"}, context=SecretSources(tmp_path))

    assert settings.ca_file == tmp_path / "ca.pem"


def test_the_password_is_never_shown() -> None:
    assert "secret" not in repr(config())


# -- rules by container


STUDENTS = {"suspend", "remove_from_groups", "delete"}


@pytest.mark.parametrize(
    ("container", "actions"),
    [
        ("OU=Students,DC=Example,DC=com", STUDENTS),
        ("ou=2024, ou=students, dc=example, dc=com", STUDENTS),
        ("ou=Guests,ou=Students,dc=example,dc=com", {"suspend"}),
        ("ou=Staff,dc=example,dc=com", {"suspend", "disconnect"}),
        ("ou=Former Students,dc=example,dc=com", None),
        (r"cn=ou=Students\,dc=example\,dc=com,ou=Board,dc=example,dc=com", None),
        ("dc=example,dc=com", None),
    ],
)
def test_the_innermost_container_says_what_is_for_an_account(container: str, actions: set[str] | None) -> None:
    settings = config(
        containers={
            BELOW: ["suspend", "delete"],
            f"ou=Guests,{BELOW}": ["suspend"],
            "ou=Staff,dc=example,dc=com": ["suspend", "disconnect"],
        }
    )

    assert settings.actions_in(container) == actions


def test_without_containers_everything_is_for_everybody() -> None:
    assert config().actions_in("ou=Anywhere,dc=example,dc=com") == frozenset(Action)


def test_nothing_is_archived_that_nobody_has_named() -> None:
    assert "archive_attributes" in dict(LdapConnector.lacks(config(), {Action.ARCHIVE}))
    assert not dict(LdapConnector.lacks(config(archive_attributes=["mobile"]), {Action.ARCHIVE}))


def test_an_action_that_is_for_no_container_is_no_plan() -> None:
    settings = config(containers={BELOW: ["suspend", "delete"]})

    lacking = dict(LdapConnector.lacks(settings, {Action.SUSPEND, Action.DELETE, Action.STAMP}))

    assert "none of them has stamp" in lacking["containers"]
    assert not dict(LdapConnector.lacks(settings, {Action.SUSPEND, Action.REMOVE_FROM_GROUPS, Action.STAMP_GROUP}))


@pytest.mark.parametrize("url", ["ldaps://169.254.169.254", ["ldaps://ldap.example.com", "ldaps://[fe80::1]"]])
def test_no_directory_is_written_where_clouds_keep_credentials_unless_it_is_allowed(url: str | list[str]) -> None:
    with pytest.raises(ValidationError, match="link-local or a cloud's own"):
        config(url=url)
    assert config(url=url, allow_link_local=True).url == url


def test_no_directory_is_looked_up_to_where_clouds_keep_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo
    monkeypatch.setattr(addresses, "FORBIDDEN", (ip_network("127.66.0.0/16"),))
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *arguments, **named: real("127.66.0.1", *arguments, **named))
    with socket.create_server(("127.66.0.1", 0)) as listening:
        listening.setblocking(False)
        settings = config(url=f"ldaps://ldap.example.com:{listening.getsockname()[1]}")
        with pytest.raises(TargetUnusableError, match=r"127\.66\.0\.1 is link-local or a cloud's own"):
            Connecting(settings, RecordingPermit()).connect()

        with pytest.raises(BlockingIOError):
            listening.accept()
