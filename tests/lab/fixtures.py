"""Directories that the tests share. A test module asks for them with ``pytest_plugins = ("tests.lab.fixtures",)``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scimbridge.demo.directory import OpenLdap
from scimbridge.demo.mini_ldap import MiniLdap
from tests.lab.certificates import make_certificates
from tests.lab.directories.ds389 import Ds389Lab
from tests.lab.directories.lab import Lab
from tests.lab.directories.openldap import OpenLdapLab
from tests.lab.directories.samba import SambaLab


@pytest.fixture(scope="session")
def openldap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenLdap]:
    """A slapd that runs for the whole session, on a socket and with TLS; use uids of your own."""
    folder = tmp_path_factory.mktemp("openldap")
    with OpenLdap(folder, tls=make_certificates(folder / "tls")) as directory:
        yield directory


@pytest.fixture
def own_openldap(tmp_path: Path) -> Iterator[OpenLdap]:
    """A slapd for one test alone, to stop, restart or spoil."""
    with OpenLdap(tmp_path / "own") as directory:
        yield directory


@pytest.fixture(scope="session")
def mini_ldap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniLdap]:
    """The small server, for the whole session; use uids of your own."""
    with MiniLdap(tmp_path_factory.mktemp("mini")) as directory:
        yield directory


@pytest.fixture(scope="session")
def samba() -> Iterator[SambaLab]:
    """A domain of Active Directory, for the whole session; use names of your own."""
    with SambaLab() as lab:
        yield lab


@pytest.fixture(scope="session")
def ds389() -> Iterator[Ds389Lab]:
    """A 389 Directory Server, for the whole session; use names of your own."""
    with Ds389Lab() as lab:
        yield lab


@pytest.fixture(scope="session")
def full_openldap() -> Iterator[OpenLdapLab]:
    """An OpenLDAP server in which the connector may do all that it can, for the whole session."""
    with OpenLdapLab() as lab:
        yield lab


@pytest.fixture(params=["openldap", "389ds", "active-directory"])
def lab(request: pytest.FixtureRequest) -> Lab:
    """Each of the servers in turn; started when the first test asks for it."""
    found: Lab = request.getfixturevalue(
        {"openldap": "full_openldap", "389ds": "ds389", "active-directory": "samba"}[request.param]
    )
    return found
