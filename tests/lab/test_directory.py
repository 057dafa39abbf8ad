"""The sample directories themselves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from scimbridge.demo import directory as slapd
from scimbridge.demo.directory import DirectoryError, OpenLdap, start_directory
from scimbridge.demo.entries import PEOPLE_DN, SERVICE_DN, DemoDirectory, Write
from scimbridge.demo.mini_ldap import MiniLdap
from tests.lab.network import deep_folder

LOCK = "pwdAccountLockedTime"
KINDS = pytest.mark.parametrize("kind", [OpenLdap, MiniLdap])


@KINDS
def test_a_person_signs_in_unless_locked(kind: type[OpenLdap | MiniLdap], tmp_path: Path) -> None:
    with kind(tmp_path) as directory:
        directory.add_person("ann", "Ann", "Ann", "ann@example.com", password="right")
        before = directory.can_bind("ann", "right"), directory.can_bind("ann", "wrong")
        directory.set("ann", LOCK, "000001010000Z")

        assert before == (True, False)
        assert not directory.can_bind("ann", "right")
        assert not directory.can_bind("nobody", "right")


@KINDS
def test_writes_tell_what_changed_from_what_did_not(kind: type[OpenLdap | MiniLdap], tmp_path: Path) -> None:
    with kind(tmp_path) as directory:
        directory.add_person("ann", "Ann", "Ann", "ann@example.com")
        ann = directory.dn_of("ann")
        for values in (["000001010000Z"], ["000001010000Z"], [], []):
            _modify(directory, ann, LOCK, values)
        _modify(directory, ann, "sn", ["Other"])
        _modify(directory, f"uid=nobody,{PEOPLE_DN}", LOCK, [])
        _delete(directory, ann)

        assert [(write.operation, write.result, write.changed) for write in directory.writes()] == [
            ("modify", 0, True),
            ("modify", 0, False),
            ("modify", 0, True),
            ("modify", 0, False),
            ("modify", 50, False),
            ("modify", 32, False),
            ("delete", 0, True),
        ]
        assert directory.writes()[0] == Write("modify", ann, SERVICE_DN, 0, changed=True)


@KINDS
def test_a_restarted_directory_holds_what_it_held(kind: type[OpenLdap | MiniLdap], tmp_path: Path) -> None:
    with kind(tmp_path) as directory:
        entry_id = directory.add_person("ann", "Ann", "Ann", "ann@example.com")
        directory.stop()
        directory.start()

        found = directory.get("ann")

        assert found
        assert found["entryUUID"] == (entry_id,)


@KINDS
def test_a_folder_too_deep_for_a_socket_is_no_obstacle(kind: type[OpenLdap | MiniLdap], tmp_path: Path) -> None:
    with kind(deep_folder(tmp_path)) as directory:
        assert directory.add_person("ann", "Ann", "Ann", "ann@example.com")


@KINDS
def test_the_service_account_reaches_people_and_groups_only(kind: type[OpenLdap | MiniLdap], tmp_path: Path) -> None:
    with kind(tmp_path) as directory:
        _delete(directory, SERVICE_DN)
        _delete(directory, PEOPLE_DN)

        assert not any(write.changed for write in directory.writes())
        assert len(directory.writes()) == 2
        assert directory.can_bind_as(SERVICE_DN, directory.service_password)


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM])
def test_slapd_ends_with_the_process_that_started_it(tmp_path: Path, sig: signal.Signals) -> None:
    program = (
        "import sys, pathlib; from scimbridge.demo.directory import OpenLdap\n"
        "directory = OpenLdap(pathlib.Path(sys.argv[1])); directory.start()\n"
        "print(directory.process_id, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with parent:
        assert parent.stdout
        server = psutil.Process(int(parent.stdout.readline()))
        was_running = server.is_running()
        os.kill(parent.pid, sig)

    _, alive = psutil.wait_procs([server], timeout=120)

    assert was_running
    assert not alive


def test_a_missing_slapd_names_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _hide_slapd(monkeypatch)

    with pytest.raises(DirectoryError, match="apt-get install slapd"):
        OpenLdap(tmp_path).start()


def test_the_demo_has_a_directory_with_slapd_and_without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_slapd = start_directory(tmp_path / "with")
    _hide_slapd(monkeypatch)
    without = start_directory(tmp_path / "without")

    assert isinstance(with_slapd, OpenLdap)
    assert isinstance(without, MiniLdap)
    assert without.add_person("ann", "Ann", "Ann", "ann@example.com")
    with_slapd.stop()
    without.stop()


def test_a_server_that_does_not_start_says_where_to_look(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(slapd, "_ACCESS", "\nnonsense\n")

    with pytest.raises(DirectoryError, match=r"slapd\.log"):
        OpenLdap(tmp_path).start()


def _hide_slapd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(slapd, "PLACES", ())


def _modify(directory: DemoDirectory, dn: str, attribute: str, values: list[str]) -> None:
    with directory.signed_in(SERVICE_DN, directory.service_password) as connection:
        connection.modify(dn, {attribute: [("MODIFY_REPLACE", values)]})


def _delete(directory: DemoDirectory, dn: str) -> None:
    with directory.signed_in(SERVICE_DN, directory.service_password) as connection:
        connection.delete(dn)
