"""Directories that the tests share. A test module asks for them with ``pytest_plugins = ("tests.lab.fixtures",)``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scimbridge.demo.directory import OpenLdap
from scimbridge.demo.mini_ldap import MiniLdap
from tests.lab.certificates import make_certificates


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
