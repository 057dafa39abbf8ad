"""Home folders: what an archive holds, what stops a removal, and ways that lead nowhere else."""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.home_folder import HomeFolderConfig, HomeFolderConnector, kernel, reading, tape, walking
from connectors.home_folder import connector as connector_module
from connectors.home_folder.archives import Archives
from connectors.home_folder.manifest import Head, Line
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountState,
    Action,
    ConnectorError,
    Context,
    Done,
    InProgress,
    LeaseLostError,
    NeedsPerson,
    Outcome,
    Person,
    RejectedError,
    RetryableError,
    TargetUnusableError,
)
from scimbridge.sdk.testing import RecordingPermit, confirmed
from tests.connectors.homes import OWNER, Homes

FILES = {"a/one.txt": "one" * 1000, "a/two.txt": "", "b/three.txt": "three" * 500, "top.txt": "on top"}
ACCESS_LIST = bytes.fromhex("0200000001000700ffffffff020005003930000004000500ffffffff10000700ffffffff20000000ffffffff")
"""acl(5) as the system keeps it: one named user beside the owner, the group and the others."""


@pytest.fixture
def homes(tmp_path: Path) -> Homes:
    return Homes(tmp_path)


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make each step one of a thousand bytes or of two things."""
    monkeypatch.setattr(reading, "STEP", 1000)
    monkeypatch.setattr(reading, "STEP_ENTRIES", 2)


def perform(homes: Homes, action: Action, account_id: str, confirm: Callable[[], None] = confirmed) -> Outcome:
    connector = homes.connector()
    state = connector.read_for(action, account_id)
    assert isinstance(state, AccountState)
    return connector.perform(action, state, confirm)


def archive(homes: Homes, account_id: str) -> Path:
    """Archive a folder, and return the archive."""
    assert isinstance(perform(homes, Action.ARCHIVE, account_id), Done)
    return homes.made()[-1]


def extracted(archive: Path, into: Path) -> Path:
    """Extract an archive by the system's own tar."""
    into.mkdir()
    subprocess.run(["tar", "xzpf", archive, "--xattrs", "--xattrs-include=*", "-C", into], check=True)
    (folder,) = into.iterdir()
    return folder


def asked(outcome: Outcome) -> str:
    assert isinstance(outcome, NeedsPerson)
    return outcome.instructions


# -- archives


def test_an_archive_gives_everything_back_by_any_tar(homes: Homes, tmp_path: Path) -> None:
    ada = homes.add("ada", FILES)
    path = homes.root / "ada"
    (path / "to one").symlink_to("a/one.txt")
    (path / "nowhere").symlink_to("/does/not/exist")
    (path / "a" / "same").hardlink_to(path / "top.txt")
    (path / os.fsdecode(b"caf\xe9 \n")).write_text("not UTF-8")
    with (path / "holes").open("wb") as holes:
        holes.truncate(3 << 20)
    (path / "b").chmod(0o2750)
    os.utime(path / "top.txt", ns=(1, 1_600_000_000_123_456_789))
    os.utime(path / "a" / "two.txt", ns=(1, -500_000_000))
    os.setxattr(path / "top.txt", "user.color", b"\x00\xff red")
    os.setxattr(path / "top.txt", "user.100%=all", b"yes")
    os.setxattr(path / "top.txt", os.fsdecode(b"user.caf\xe9"), b"in the manifest alone")
    os.setxattr(path / "b", "system.posix_acl_access", ACCESS_LIST)
    before = homes.look(path)

    made = archive(homes, ada)

    assert homes.look(path) == before
    back = extracted(made, tmp_path / "back")
    assert homes.look(back) == before
    assert os.getxattr(back / "top.txt", "user.color") == b"\x00\xff red"
    assert os.getxattr(back / "top.txt", "user.100%=all") == b"yes"
    assert os.getxattr(back / "b", "system.posix_acl_access") == ACCESS_LIST
    assert (back / "top.txt").stat().st_ino == (back / "a" / "same").stat().st_ino


def test_the_manifest_has_the_checksums_of_all_files(homes: Homes) -> None:
    archive(homes, homes.add("ada", FILES))

    (manifest,) = homes.made(".manifest.jsonl")
    records = [json.loads(line) for line in manifest.read_text().splitlines()]
    paths = [record["entry"]["path"] for record in records if "entry" in record]
    sums = [record["sum"]["sha256"] for record in records if "sum" in record]
    assert paths == ["", "a", "a/one.txt", "a/two.txt", "b", "b/three.txt", "top.txt"]
    assert sums == [hashlib.sha256(text.encode()).hexdigest() for text in FILES.values() if text]
    assert {each.stat().st_mode & 0o777 for each in homes.archives.iterdir()} == {0o600}


@pytest.mark.usefixtures("small_steps")
def test_a_large_folder_is_archived_in_slices_and_says_how_far_it_is(homes: Homes, tmp_path: Path) -> None:
    ada = homes.add("ada", FILES)
    connector = homes.connector()
    steps: list[str] = []
    state = connector.read(ada)

    for _ in range(50):
        outcome = _one_step(homes).perform(Action.ARCHIVE, state, confirmed)
        if not isinstance(outcome, InProgress):
            break
        assert not connector.read(ada).archived
        steps.append(outcome.progress)

    assert outcome == Done(changed=True)
    assert steps[0] == "0 bytes of 5.4 KiB archived"
    assert "2.9 KiB of 5.4 KiB archived" in steps
    assert any("read back" in step for step in steps)
    assert homes.look(extracted(homes.made()[0], tmp_path / "back")) == homes.look(homes.root / "ada")


def _one_step(homes: Homes) -> HomeFolderConnector:
    """Return a connector whose time is over after each step."""
    ticks = itertools.count()
    config = homes.connector().config
    return HomeFolderConnector(
        config,
        Context(target="homes", permit=RecordingPermit()),
        monotonic=lambda: next(ticks) * (connector_module.SLICE - 1),
    )


@pytest.mark.usefixtures("small_steps")
def test_what_changes_while_it_is_archived_begins_the_archive_anew(homes: Homes) -> None:
    ada = homes.add("ada", FILES)
    state = homes.connector().read(ada)
    for _ in range(4):
        assert isinstance(_one_step(homes).perform(Action.ARCHIVE, state, confirmed), InProgress)
    (homes.root / "ada" / "a" / "one.txt").write_text("two" * 1000)

    with pytest.raises(RetryableError, match=r"a/one.txt was changed"):
        _one_step(homes).perform(Action.ARCHIVE, state, confirmed)

    assert not list(homes.archives.iterdir())


@pytest.mark.usefixtures("small_steps")
def test_what_changes_while_it_is_read_stops_the_archive_at_once(homes: Homes) -> None:
    ada = homes.add("ada", FILES)

    class Meanwhile(RecordingPermit):
        def __call__(self, *, writes: bool) -> None:
            super().__call__(writes=writes)
            if self.asked.count(True) == 5:  # a part of one.txt is read
                (homes.root / "ada" / "a" / "one.txt").write_text("two" * 1000)

    connector = homes.connector(Meanwhile())
    with pytest.raises(RetryableError, match=r"a/one.txt was changed while it was read"):
        connector.perform(Action.ARCHIVE, connector.read(ada), confirmed)

    assert not list(homes.archives.iterdir())


@pytest.mark.parametrize(("number", "says"), [(errno.EIO, "Input/output error"), (errno.ENODATA, "was changed")])
def test_an_attribute_that_cannot_be_read_is_not_left_out(
    homes: Homes, monkeypatch: pytest.MonkeyPatch, number: int, says: str
) -> None:
    ada = homes.add("ada", FILES)
    os.setxattr(homes.root / "ada" / "top.txt", "user.color", b"red")

    def failing(_fd: int, name: str) -> bytes:
        raise OSError(number, os.strerror(number), name)

    monkeypatch.setattr(os, "getxattr", failing)
    with pytest.raises(RetryableError, match=says):
        perform(homes, Action.ARCHIVE, ada)

    assert not homes.made(".manifest.jsonl")


def test_a_link_that_becomes_a_file_while_it_is_read_begins_the_archive_anew(
    homes: Homes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = homes.add("ada", FILES)
    (homes.root / "ada" / "link").symlink_to("top.txt")
    real = os.readlink

    def swapping(name: str, *, dir_fd: int) -> str:
        if name == "link":
            monkeypatch.undo()
            (homes.root / "ada" / "link").unlink()
            (homes.root / "ada" / "link").write_text("a file by now")
        return real(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "readlink", swapping)
    with pytest.raises(RetryableError, match="link was swapped"):
        perform(homes, Action.ARCHIVE, ada)

    assert archive(homes, ada).exists()


def test_what_changes_after_it_was_read_never_counts_as_archived(homes: Homes) -> None:
    ada = homes.add("ada", FILES)

    class Late(RecordingPermit):
        def __call__(self, *, writes: bool) -> None:
            super().__call__(writes=writes)
            if self.asked.count(True) == 4:  # before it is read back
                (homes.root / "ada" / "top.txt").write_text("ON TOP")

    connector = homes.connector(Late())
    with pytest.raises(RetryableError, match=r"top.txt was changed since it was archived"):
        connector.perform(Action.ARCHIVE, connector.read(ada), confirmed)

    assert not list(homes.archives.iterdir())


@pytest.mark.usefixtures("small_steps")
def test_what_was_half_written_when_the_power_failed_is_written_anew(homes: Homes, tmp_path: Path) -> None:
    ada = homes.add("ada", FILES)
    state = homes.connector().read(ada)
    for _ in range(3):
        _one_step(homes).perform(Action.ARCHIVE, state, confirmed)
    lines, data = (homes.archives / f"{ada}{each}.part" for each in (".manifest.jsonl", ".tar.gz"))
    lines.write_bytes(lines.read_bytes() + lines.read_bytes().splitlines(keepends=True)[1] + b'{"sum": {"sha')
    data.write_bytes(data.read_bytes() + b"torn" * 10_000)

    made = archive(homes, ada)

    assert homes.look(extracted(made, tmp_path / "back")) == homes.look(homes.root / "ada")
    assert homes.connector().read(ada).archived


@pytest.mark.usefixtures("small_steps")
def test_an_archive_that_does_not_read_back_never_counts(homes: Homes) -> None:
    ada = homes.add("ada", FILES)
    state = homes.connector().read(ada)
    while "read back" not in (getattr(_one_step(homes).perform(Action.ARCHIVE, state, confirmed), "progress", "")):
        pass
    part = homes.archives / f"{ada}.tar.gz.part"
    octets = bytearray(part.read_bytes())
    octets[-40] ^= 1
    part.write_bytes(octets)

    with pytest.raises(RetryableError, match="does not read back"):
        homes.connector().perform(Action.ARCHIVE, state, confirmed)

    assert not list(homes.archives.iterdir())


@pytest.mark.parametrize(("age", "waits"), [(0, [0.02]), (15_000_000, [0.005]), (20_000_000, []), (-1, [])])
def test_a_file_is_read_once_its_next_change_would_show(
    homes: Homes, monkeypatch: pytest.MonkeyPatch, age: int, waits: list[float]
) -> None:
    ada = homes.add("ada", {"plan.txt": "the plan"})
    changed_at = (homes.root / "ada" / "plan.txt").stat().st_ctime_ns
    waited: list[float] = []
    monkeypatch.setattr(reading, "time", SimpleNamespace(time_ns=lambda: changed_at + age, sleep=waited.append))

    archive(homes, ada)

    assert waited == waits


def test_two_attempts_do_not_write_one_archive(homes: Homes) -> None:
    ada = homes.add("ada", FILES)
    seen: list[str] = []

    def meanwhile() -> None:
        with pytest.raises(RetryableError, match="another attempt"):
            perform(homes, Action.ARCHIVE, ada)
        seen.append("refused")

    class Meanwhile(RecordingPermit):
        def __call__(self, *, writes: bool) -> None:
            super().__call__(writes=writes)
            if self.asked.count(True) == 3 and not seen:
                meanwhile()

    connector = homes.connector(Meanwhile())
    assert isinstance(connector.perform(Action.ARCHIVE, connector.read(ada), confirmed), Done)
    assert seen == ["refused"]


def test_an_attempt_that_comes_too_late_leaves_the_archive_that_was_made_meanwhile(
    homes: Homes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = homes.add("ada", FILES)
    opened = Archives._opened

    def opening(archives: Archives, name: str, flags: int) -> int:
        fd = opened(archives, name, flags)
        monkeypatch.undo()
        archive(homes, ada)
        (homes.root / "ada" / "top.txt").write_text("written later")
        return fd

    late = homes.connector()
    state = late.read(ada)
    monkeypatch.setattr(Archives, "_opened", opening)
    with pytest.raises(RetryableError, match="another attempt"):
        late.perform(Action.ARCHIVE, state, confirmed)

    (made,) = homes.made()
    with tarfile.open(made) as tar:
        assert tar.extractfile("ada/top.txt").read() == b"on top"  # type: ignore[union-attr]


def test_a_lost_lease_stops_an_archive_between_two_steps(homes: Homes) -> None:
    ada = homes.add("ada", FILES)

    class Short(RecordingPermit):
        def __call__(self, *, writes: bool) -> None:
            super().__call__(writes=writes)
            if self.asked.count(True) == 3:
                raise LeaseLostError("over")

    connector = homes.connector(Short())
    with pytest.raises(LeaseLostError):
        connector.perform(Action.ARCHIVE, connector.read(ada), confirmed)

    assert not homes.made(".manifest.jsonl")
    assert archive(homes, ada).exists()


def test_devices_sockets_and_pipes_are_told_and_nothing_is_written(homes: Homes) -> None:
    ada = homes.add("ada", FILES)
    os.mkfifo(homes.root / "ada" / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        parent = os.open(homes.root / "ada", os.O_RDONLY)
        listening.bind(f"/proc/self/fd/{parent}/agent")
        os.close(parent)

    instructions = asked(perform(homes, Action.ARCHIVE, ada))

    assert "agent, pipe" in instructions
    assert not list(homes.archives.iterdir())


def test_what_is_too_large_or_has_no_room_waits_for_a_person(homes: Homes) -> None:
    ada = homes.add("ada", FILES)
    small, full = homes.connector(max_size_gib=1e-6), homes.connector(spare_gib=10**9)

    too_large = asked(small.perform(Action.ARCHIVE, small.read(ada), confirmed))
    no_room = asked(full.perform(Action.ARCHIVE, full.read(ada), confirmed))

    assert "more than max_size_gib allows" in too_large
    assert "are free where the archives are" in no_room
    assert not list(homes.archives.iterdir())


# -- crashes


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("action", [Action.ARCHIVE, Action.DELETE, Action.UNDELETE])
def test_a_process_killed_anywhere_leaves_what_the_next_one_ends(
    tmp_path: Path, action: Action, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in itertools.count(1):
        (tmp_path / str(number)).mkdir()
        homes = Homes(tmp_path / str(number))
        ada = homes.add("ada", FILES)
        before = homes.look(homes.root / "ada")
        if action is not Action.ARCHIVE:
            archive(homes, ada)
        if action is Action.UNDELETE:
            perform(homes, Action.DELETE, ada)

        was_killed = _killed_at(number, lambda homes=homes, ada=ada: perform(homes, action, ada))  # type: ignore[misc]

        if action is Action.ARCHIVE:
            assert homes.look(homes.root / "ada") == before
            if not homes.connector().read(ada).archived:
                archive(homes, ada)
            assert homes.connector().read(ada).archived
        elif _is_there(homes, ada) is (action is Action.DELETE):
            assert perform(homes, action, ada).changed  # type: ignore[union-attr]
        if action is Action.DELETE:
            assert not _is_there(homes, ada)
            assert not (homes.root / "ada").exists()
        if action is Action.UNDELETE:
            assert homes.inside(homes.root / "ada") == {path: told for path, told in before.items() if path != "."}
            assert not list(homes.state.glob("*/*")), "at most an empty folder is left"
        (made,) = homes.made()
        assert homes.look(extracted(made, tmp_path / f"back{number}")) == before
        if not was_killed:
            break
    assert number > 8


def _killed_at(number: int, act: Callable[[], object]) -> bool:
    """Act in another process, which is killed at its so-and-so-many-th step; False where it had come to its end."""
    child = os.fork()
    if child == 0:
        steps = itertools.count(1)

        def deadly(call: Callable[..., Any]) -> Callable[..., Any]:
            def stepping(*args: Any, **kwargs: Any) -> Any:
                if next(steps) == number:
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*args, **kwargs)

            return stepping

        for name in ("fsync", "sync", "rename", "unlink", "rmdir", "mkdir", "symlink", "fchown", "fchmod"):
            setattr(os, name, deadly(getattr(os, name)))
        try:
            act()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def _is_there(homes: Homes, account_id: str) -> bool:
    try:
        homes.connector().read(account_id)
    except AccountNotFoundError:
        return False
    return True


# -- removal


def test_what_has_no_archive_is_archived_and_confirmed_again_before_it_is_removed(homes: Homes) -> None:
    ada = homes.add("ada", FILES)
    seen: list[tuple[bool, int]] = []

    def confirm() -> None:
        seen.append(((homes.root / "ada" / "top.txt").exists(), len(homes.made())))

    first = perform(homes, Action.DELETE, ada, confirm)
    second = perform(homes, Action.DELETE, ada, confirm)

    assert isinstance(first, InProgress)
    assert first.progress == "the folder is archived"
    assert second.changed  # type: ignore[union-attr]
    assert seen == [(True, 0), (True, 1)]
    assert not (homes.root / "ada").exists()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda home: (home / "top.txt").write_text("ON TOP"), "top.txt"),
        (lambda home: (home / "b" / "new.txt").write_text("new"), "b"),
        (lambda home: (home / "a" / "two.txt").unlink(), "a"),
        (lambda home: (home / "top.txt").chmod(0o777), "top.txt"),
    ],
    ids=["content", "new", "gone", "mode"],
)
def test_what_was_changed_since_it_was_archived_is_not_removed(
    homes: Homes, change: Callable[[Path], object], named: str
) -> None:
    ada = homes.add("ada", FILES)
    archive(homes, ada)
    change(homes.root / "ada")
    before = homes.look(homes.root / "ada")

    instructions = asked(perform(homes, Action.DELETE, ada))

    assert f"{named} was changed since it was archived" in instructions
    assert homes.look(homes.root / "ada") == before
    assert not homes.connector().read(ada).archived


def test_a_changed_folder_is_archived_anew_beside_the_first_archive(homes: Homes) -> None:
    ada = homes.add("ada", FILES)
    first = archive(homes, ada)
    (homes.root / "ada" / "top.txt").write_text("ON TOP")

    second = archive(homes, ada)

    assert first != second
    assert first.exists()
    assert perform(homes, Action.DELETE, ada).changed  # type: ignore[union-attr]


def test_an_archive_that_was_lost_does_not_count(homes: Homes) -> None:
    ada = homes.add("ada", FILES)
    made = archive(homes, ada)
    made.write_bytes(made.read_bytes()[:-1])

    assert not homes.connector().read(ada).archived
    assert isinstance(perform(homes, Action.DELETE, ada), InProgress)

    assert len(homes.made()) == 2


@pytest.mark.parametrize("damage", [b"no JSON\n", b'{"entry": {}}\n', b'{"none": {}}\n', b"[1]\n", b"\0\0\n"])
def test_an_archive_whose_manifest_is_damaged_does_not_count(homes: Homes, damage: bytes) -> None:
    ada = homes.add("ada", FILES)
    archive(homes, ada)
    (manifest,) = homes.made(".manifest.jsonl")
    manifest.write_bytes(damage + manifest.read_bytes())

    assert perform(homes, Action.SUSPEND, ada) == Done(changed=True)
    assert not homes.connector().read(ada).archived
    assert isinstance(perform(homes, Action.DELETE, ada), InProgress)
    assert perform(homes, Action.DELETE, ada).changed  # type: ignore[union-attr]
    assert len(homes.made()) == 2


@pytest.mark.usefixtures("small_steps")
def test_what_was_damaged_of_an_unfinished_archive_is_written_anew(homes: Homes, tmp_path: Path) -> None:
    ada = homes.add("ada", FILES)
    before = homes.look(homes.root / "ada")
    assert isinstance(_one_step(homes).perform(Action.ARCHIVE, homes.connector().read(ada), confirmed), InProgress)
    with (homes.archives / f"{ada}.manifest.jsonl.part").open("ab") as lines:
        lines.write(b"\0\0\0\n" + b'{"end": {"end": 10}}\n')

    assert homes.look(extracted(archive(homes, ada), tmp_path / "back")) == before


def test_what_is_changed_while_the_folder_is_removed_stays_and_is_told(homes: Homes) -> None:
    ada = homes.add("ada", FILES)
    archive(homes, ada)

    instructions = asked(
        perform(homes, Action.DELETE, ada, lambda: (homes.root / "ada" / "b" / "three.txt").write_text("3"))  # type: ignore[arg-type]
    )

    assert "b/three.txt is not what the archive holds" in instructions
    assert (homes.state / f"going-{ada}" / "ada" / "b" / "three.txt").read_text() == "3"


def test_what_is_written_while_the_folder_is_removed_stays_and_is_told(homes: Homes) -> None:
    ada = homes.add("ada", FILES)
    archive(homes, ada)

    instructions = asked(
        perform(homes, Action.DELETE, ada, lambda: (homes.root / "ada" / "b" / "late.txt").write_text("late"))  # type: ignore[arg-type]
    )

    assert "b/late.txt is not what the archive holds" in instructions
    left = homes.state / f"going-{ada}" / "ada"
    assert (left / "b" / "late.txt").read_text() == "late"
    (left / "b" / "late.txt").unlink()
    assert perform(homes, Action.DELETE, ada).changed  # type: ignore[union-attr]
    assert not list(homes.state.iterdir())


def test_another_folder_that_has_the_name_by_then_stays_in_its_place(homes: Homes) -> None:
    ada = homes.add("ada", FILES)
    archive(homes, ada)
    path = homes.root / "ada"

    def swap() -> None:
        path.rename(path.with_name("ada.old"))
        path.mkdir()
        (path / "new.txt").write_text("new")

    with pytest.raises(RetryableError, match="ada was swapped for another folder"):
        perform(homes, Action.DELETE, ada, swap)

    assert (path / "new.txt").read_text() == "new"
    assert homes.connector().read(ada).name == "ada.old"


@pytest.mark.parametrize("is_there", [True, False])
def test_another_folder_that_a_process_died_over_is_not_taken_for_the_one_to_remove(
    homes: Homes, is_there: bool
) -> None:
    ada, bob = homes.add("ada", FILES), homes.add("bob")
    archive(homes, ada)
    path, bin_ = homes.root / "ada", homes.state / f"going-{ada}"
    path.rename(path.with_name("old"))
    if not is_there:
        subprocess.run(["rm", "-r", path.with_name("old")], check=True)
    # Both were renamed while a process moved the one of this name, and it died before it looked at what it had moved.
    bin_.mkdir(mode=0o700)
    (homes.root / "bob").rename(bin_ / "ada")

    with suppress(ConnectorError):
        perform(homes, Action.DELETE, ada)
    with pytest.raises(RejectedError, match=rf"going-{ada} holds ada, which is another folder"):
        perform(homes, Action.DELETE, ada)

    assert f"{(bin_ / 'ada').stat().st_ino}" == bob.partition("-")[0]
    assert not path.with_name("old").exists()


def test_a_closed_folder_is_archived_and_removed_too(homes: Homes) -> None:
    ada = homes.add("ada", FILES)
    archive(homes, ada)

    perform(homes, Action.SUSPEND, ada)

    assert homes.connector().read(ada).archived
    assert perform(homes, Action.DELETE, ada).changed  # type: ignore[union-attr]


def test_a_long_removal_goes_on_in_the_next_attempt(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.home_folder.removing.AT_ONCE", 1)
    ada = homes.add("ada", FILES)
    archive(homes, ada)
    connector = _one_step(homes)
    outcomes: list[Outcome] = []

    while not isinstance(outcome := connector.perform(Action.DELETE, homes.connector().read(ada), confirmed), Done):
        outcomes.append(outcome)
        assert homes.connector().find(Person({"userName": ("ada",)})) is None, "its name is free"

    assert len(outcomes) > 1
    assert {type(each) for each in outcomes} == {InProgress}
    assert not _is_there(homes, ada)


def test_a_folder_that_was_made_anew_is_another_one(homes: Homes) -> None:
    ada = homes.add("ada", FILES)
    archive(homes, ada)
    perform(homes, Action.DELETE, ada)

    new = homes.add("ada")

    assert new != ada
    assert not _is_there(homes, ada)
    assert not homes.connector().read(new).archived


# -- the way back


def test_a_removed_folder_comes_back_as_it_was_under_its_id_and_closed(homes: Homes) -> None:
    ada = homes.add("ada", FILES)
    path = homes.root / "ada"
    (path / "to one").symlink_to("a/one.txt")
    (path / "a" / "same").hardlink_to(path / "top.txt")
    (path / os.fsdecode(b"caf\xe9")).write_text("not UTF-8")
    with (path / "holes").open("wb") as holes:
        holes.seek(8 << 20)
        holes.write(b"end")
    (path / "b").chmod(0o2570)
    os.chown(path / "a", OWNER, OWNER)
    os.setxattr(path / "top.txt", "user.color", b"\x00\xff red")
    os.setxattr(path, "system.posix_acl_access", ACCESS_LIST)
    os.utime(path / "b", ns=(1, 1_600_000_000_123_456_789))
    original, before = homes.connector().read(ada), homes.look(path)
    archive(homes, ada)
    perform(homes, Action.DELETE, ada)

    outcome = perform(homes, Action.UNDELETE, ada)

    assert isinstance(outcome, Done)
    assert not outcome.lost
    back = homes.connector().read(ada)
    assert (back.suspended, back.archived, back.name) == (True, False, "ada")
    homes.connector().perform(Action.RESTORE, back.with_original(original, back), confirmed)
    assert homes.look(path) == before
    assert os.getxattr(path / "top.txt", "user.color") == b"\x00\xff red"
    assert os.getxattr(path, "system.posix_acl_access") == ACCESS_LIST
    assert (path / "holes").stat().st_blocks * 512 < 4 << 20
    archive(homes, ada)
    assert perform(homes, Action.DELETE, ada).changed  # type: ignore[union-attr]
    assert not list(homes.state.iterdir())


def test_an_archive_that_another_python_has_written_is_read(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = homes.add("ada", FILES)
    before = homes.inside(homes.root / "ada")

    def otherwise(head: Head, line: Line) -> bytes:
        info = tarfile.TarInfo.frombuf(tape.header(head, line)[-512:], "utf-8", "surrogateescape")
        info.pax_headers = {"comment": "x" * 1000}
        return info.tobuf(tarfile.PAX_FORMAT)

    monkeypatch.setattr(reading, "header", otherwise)
    archive(homes, ada)

    perform(homes, Action.DELETE, ada)
    perform(homes, Action.UNDELETE, ada)

    assert homes.inside(homes.root / "ada") == before


def test_a_damaged_archive_brings_nothing_back(homes: Homes) -> None:
    ada = homes.add("ada", FILES)
    made = archive(homes, ada)
    perform(homes, Action.DELETE, ada)
    octets = bytearray(made.read_bytes())
    octets[len(octets) // 2] ^= 1
    made.write_bytes(octets)

    with pytest.raises(RetryableError, match="does not read back"):
        perform(homes, Action.UNDELETE, ada)

    assert not (homes.root / "ada").exists()


def test_where_the_name_is_taken_nothing_is_unpacked(homes: Homes) -> None:
    ada = homes.add("ada", FILES)
    archive(homes, ada)
    perform(homes, Action.DELETE, ada)
    homes.add("ada")

    assert "another account is called ada" in asked(perform(homes, Action.UNDELETE, ada))

    assert not list(homes.state.iterdir())


@pytest.mark.parametrize(("old", "new"), [('"sha256": "', '"sha256": "0'), ('"kind": "file"', '"kind": "folder"')])
def test_an_archive_that_is_not_what_its_manifest_says_brings_nothing_back(homes: Homes, old: str, new: str) -> None:
    ada = homes.add("ada", FILES)
    archive(homes, ada)
    perform(homes, Action.DELETE, ada)
    (manifest,) = homes.made(".manifest.jsonl")
    manifest.write_text(manifest.read_text().replace(old, new, 1))

    with pytest.raises(RetryableError, match="does not read back"):
        perform(homes, Action.UNDELETE, ada)

    assert not (homes.root / "ada").exists()


def test_what_is_half_removed_is_not_brought_back_over_what_is_left(homes: Homes) -> None:
    ada = homes.add("ada", FILES)
    archive(homes, ada)
    asked(perform(homes, Action.DELETE, ada, lambda: (homes.root / "ada" / "b" / "late.txt").write_text("late")))  # type: ignore[arg-type]

    assert "has begun and not ended" in asked(perform(homes, Action.UNDELETE, ada))

    (homes.state / f"going-{ada}").rename(homes.archives / "left")
    assert perform(homes, Action.UNDELETE, ada).changed  # type: ignore[union-attr]
    assert (homes.root / "ada" / "b" / "three.txt").exists()


# -- ways that lead nowhere else


def test_a_folder_that_is_swapped_for_a_link_while_it_is_removed_leads_nowhere(homes: Homes, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "precious.txt").write_text("precious")
    os.utime(victim / "precious.txt", ns=(0, 0))
    for turn in range(8):
        ada = homes.add("ada", {f"{number}/precious.txt": "precious" for number in range(20)})
        archive(homes, ada)
        fd = os.open(homes.root / "ada", os.O_RDONLY)
        is_over = threading.Event()

        def swap(fd: int = fd, is_over: threading.Event = is_over) -> None:
            while not is_over.is_set():
                for number in range(20):
                    try:
                        os.rename(str(number), "aside", src_dir_fd=fd, dst_dir_fd=fd)
                        os.symlink(victim, str(number), dir_fd=fd)
                        os.unlink(str(number), dir_fd=fd)
                        os.rename("aside", str(number), src_dir_fd=fd, dst_dir_fd=fd)
                    except OSError:
                        continue

        swapping = threading.Thread(target=swap)
        swapping.start()
        try:
            outcome = perform(homes, Action.DELETE, ada)
        except ConnectorError as error:
            outcome = NeedsPerson(str(error))
        finally:
            is_over.set()
            swapping.join()
            os.close(fd)

        assert (victim / "precious.txt").read_text() == "precious", f"in turn {turn}: {outcome}"
        subprocess.run(["rm", "-rf", homes.root / "ada", *homes.state.iterdir()], check=True)


@pytest.mark.parametrize("action", [Action.ARCHIVE, Action.DELETE])
def test_a_folder_that_becomes_a_link_between_look_and_step_is_not_entered(
    homes: Homes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: Action
) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "one.txt").write_text("precious")
    ada = homes.add("ada", FILES)
    if action is Action.DELETE:
        archive(homes, ada)
    state = homes.connector().read(ada)

    def swap(home: int) -> None:
        os.rename("a", "aside", src_dir_fd=home, dst_dir_fd=home)
        os.symlink(victim, "a", dir_fd=home)

    _at_the_next_look_at("a", swap, monkeypatch)

    try:
        said = asked(homes.connector().perform(action, state, confirmed))
    except RetryableError as error:
        said = str(error)

    assert "a was swapped for" in said
    assert (homes.root / "ada" / "a").is_symlink()
    assert (victim / "one.txt").read_text() == "precious"


def test_a_folder_that_becomes_another_one_between_look_and_step_is_not_entered(
    homes: Homes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = homes.add("ada", FILES)
    archive(homes, ada)
    state = homes.connector().read(ada)

    def swap(home: int) -> None:
        os.rename("a", "aside", src_dir_fd=home, dst_dir_fd=home)
        os.rename("b", "a", src_dir_fd=home, dst_dir_fd=home)

    _at_the_next_look_at("a", swap, monkeypatch)

    assert "a was swapped for another folder" in asked(homes.connector().perform(Action.DELETE, state, confirmed))

    assert (homes.root / "ada" / "a" / "three.txt").exists()


def _at_the_next_look_at(name: str, act: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Act right after somebody looks at a name in an open folder, once."""
    real, armed = os.stat, [True]

    def stat(path: Any, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> os.stat_result:
        found = real(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
        if path == name and dir_fd is not None and armed:
            armed.clear()
            act(dir_fd)
        return found

    monkeypatch.setattr(os, "stat", stat)


@pytest.fixture(params=["tmpfs", "bind", "itself"])
def mount(
    request: pytest.FixtureRequest, homes: Homes, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Path], None]]:
    """Mount something over a path: another file system, a folder of the same one, or the very folder.

    Where mounting is not permitted, the path only claims to be a mount.
    """
    elsewhere: set[int] = set()
    real = kernel.place_of

    def pretended(fd: int) -> kernel.Place | None:
        return None if os.fstat(fd).st_ino in elsewhere else real(fd)

    def mount(path: Path) -> None:
        command: dict[str, list[str | Path]] = {
            "tmpfs": ["-t", "tmpfs", "none"],
            "bind": ["--bind", homes.archives],
            "itself": ["--bind", path],
        }
        if subprocess.run(["mount", *command[request.param], path], capture_output=True).returncode == 0:
            return
        elsewhere.add(path.stat().st_ino)
        for module in ("places", "walking", "folders"):
            monkeypatch.setattr(f"connectors.home_folder.{module}.place_of", pretended)

    yield mount
    # Not by the path that it was mounted at: what is wrongly removed has been moved before.
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for point in mounts:
        if Path(point).is_relative_to(homes.root):
            subprocess.run(["umount", point], check=True)


def test_what_is_mounted_in_a_folder_is_neither_archived_nor_removed(
    homes: Homes, mount: Callable[[Path], None]
) -> None:
    ada, bob = homes.add("ada", FILES), homes.add("bob", FILES)
    archive(homes, bob)
    for name in ("ada", "bob"):
        mount(homes.root / name / "a")

    assert "a is a mount: unmount it" in asked(perform(homes, Action.ARCHIVE, ada))
    assert re.match(r"a (is a mount|was changed)", asked(perform(homes, Action.DELETE, bob)))

    assert (homes.root / "bob" / "top.txt").exists()
    assert not homes.connector().read(bob).archived


def test_a_folder_that_is_a_mount_itself_is_left_alone(homes: Homes, mount: Callable[[Path], None]) -> None:
    homes.add("ada")
    mount(homes.root / "ada")
    connector = homes.connector()

    with pytest.raises(Exception, match="the folder ada is a mount of its own"):
        connector.find(Person({"userName": ("ada",)}))

    assert [page.accounts for page in connector.list_accounts()] == [(), ()]
    assert connector.check().startswith("0 home folders")


def test_links_and_files_in_the_root_are_no_home_folders(homes: Homes) -> None:
    (homes.root / "ada").symlink_to(homes.archives)
    (homes.root / "bob").write_text("a file")

    for name in ("ada", "bob", ".scimbridge", "..", ".", "", "ada/..", "\0"):
        assert homes.connector().find(Person({"userName": (name,)})) is None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    value=st.text() | st.sampled_from(["../homes/ada", "./ada", "ada/", "ada\0", "ADA", "ada@example.com", "K\u0131r"])
)
def test_no_name_leads_out_of_the_root(homes: Homes, value: str) -> None:
    if not (homes.root / "ada").exists():
        homes.add("ada")

    found = homes.connector().find(Person({"userName": (value,)}))

    assert (found is not None) == (value.casefold() == "ada")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=5, unique=True))
def test_any_names_within_a_folder_are_archived_and_removed(tmp_path: Path, names: list[bytes]) -> None:
    folder = tmp_path / os.urandom(8).hex()
    folder.mkdir()
    homes = Homes(folder)
    ada = homes.add("ada")
    plain = {os.fsdecode(name.replace(b"/", b"-").replace(b"\0", b"0")) for name in names} - {".", ".."}
    for name in plain:
        (homes.root / "ada" / name).write_text(name, errors="surrogateescape")

    made = archive(homes, ada)

    listed = subprocess.run(["tar", "tzf", made, "--null", "--quoting-style=literal"], capture_output=True, check=True)
    assert len(homes.look(homes.root / "ada")) == len(plain) + 1
    assert all(os.fsencode(name) in listed.stdout for name in plain)
    assert perform(homes, Action.DELETE, ada).changed  # type: ignore[union-attr]


def test_a_root_that_others_can_swap_is_refused(homes: Homes, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    with pytest.raises(TargetUnusableError, match="link is a symbolic link"):
        homes.connector(root=link / "homes").check()
    homes.state.chmod(0o755)
    with pytest.raises(TargetUnusableError, match="has to belong to the bridge's user alone"):
        homes.connector().check()
    homes.state.chmod(0o700)
    homes.root.chmod(0o777)
    with pytest.raises(TargetUnusableError, match="others than root and the bridge can change"):
        homes.connector().check()


def test_a_root_without_the_bridges_folder_is_not_taken_for_an_empty_one(homes: Homes) -> None:
    ada = homes.add("ada")
    homes.state.rmdir()

    with pytest.raises(TargetUnusableError, match=r"has no folder .scimbridge: is it mounted"):
        homes.connector().read(ada)


def test_too_many_folders_within_folders_are_for_a_person(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "DEEPEST", 3)
    ada = homes.add("ada", {"1/2/3/4/file": "deep"})

    assert "more than 3 folders deep" in asked(perform(homes, Action.ARCHIVE, ada))


# -- closing


def test_a_closed_folder_lets_nobody_in_and_comes_back_with_its_access_list(homes: Homes) -> None:
    ada = homes.add("ada", FILES)
    path = homes.root / "ada"
    os.setxattr(path, "system.posix_acl_access", ACCESS_LIST)
    original, before = homes.connector().read(ada), path.stat()

    perform(homes, Action.SUSPEND, ada)
    closed = path.stat()
    connector = homes.connector()
    outcome = connector.perform(Action.RESTORE, connector.read(ada).with_original(original), confirmed)

    assert (closed.st_mode & 0o7777, closed.st_uid) == (0, os.geteuid())
    assert outcome == Done(changed=True)
    assert (path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) == (before.st_mode, OWNER, before.st_gid)
    assert os.getxattr(path, "system.posix_acl_access") == ACCESS_LIST


@pytest.mark.parametrize("action", [Action.SUSPEND, Action.RESTORE])
def test_a_process_killed_between_two_changes_of_a_folder_leaves_what_the_next_one_ends(
    homes: Homes, action: Action
) -> None:
    ada = homes.add("ada", FILES)
    connector, path = homes.connector(), homes.root / "ada"
    original, before = connector.read(ada), path.stat()
    for number in itertools.count(1):
        if action is Action.RESTORE:
            perform(homes, Action.SUSPEND, ada)
        state = connector.read(ada).with_original(original)

        was_killed = _killed_at(number, lambda state=state: connector.perform(action, state, confirmed))  # type: ignore[misc]

        state = connector.read(ada).with_original(original)
        if not connector.is_as_wanted(action, state):
            assert connector.perform(action, state, confirmed) == Done(changed=True)
        restored = (path.stat().st_mode, path.stat().st_uid) == (before.st_mode, OWNER)
        assert connector.read(ada).suspended is (action is Action.SUSPEND) is not restored, number
        os.chown(path, OWNER, -1)
        path.chmod(before.st_mode)
        if not was_killed:
            break
    assert number == 4


def test_whoever_closed_their_own_folder_finds_it_so(homes: Homes) -> None:
    ada = homes.add("ada", FILES)
    (homes.root / "ada").chmod(0)
    connector = homes.connector()
    original = connector.read(ada)
    perform(homes, Action.SUSPEND, ada)
    connector.perform(Action.RESTORE, connector.read(ada).with_original(original), confirmed)

    state = connector.read(ada).with_original(original)

    assert connector.is_as_wanted(Action.RESTORE, state)
    assert (homes.root / "ada").stat().st_uid == OWNER


def test_where_the_owner_has_no_quota_left_a_person_is_asked(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = homes.add("ada", FILES)
    original = homes.connector().read(ada)
    perform(homes, Action.SUSPEND, ada)
    connector = homes.connector()
    state = connector.read(ada).with_original(original)

    def full(*_: object) -> None:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(os, "fchown", full)

    assert "ada: Disk quota exceeded; make room" in asked(connector.perform(Action.RESTORE, state, confirmed))


def test_a_folder_is_closed_where_archives_cannot_be_reached(homes: Homes) -> None:
    ada = homes.add("ada", FILES)
    homes.archives.rename(homes.archives.with_name("elsewhere"))

    assert perform(homes, Action.SUSPEND, ada).changed  # type: ignore[union-attr]

    assert homes.connector().read(ada).archived is None
    for action in (Action.ARCHIVE, Action.DELETE):
        with pytest.raises(RetryableError, match=r"there is no folder .*archives right now"):
            perform(homes, action, ada)


# -- configuration


def test_a_suffix_is_what_folders_leave_out_of_the_name(homes: Homes) -> None:
    ada = homes.add("ada")
    connector = homes.connector(suffix="@example.com")

    found = connector.find(Person({"userName": ("Ada@example.com",)}))

    assert found is not None
    assert (found.id, found.name) == (ada, "ada")
    assert connector.read(ada).attributes["name"] == ("ada@example.com",)
    assert connector.find(Person({"userName": ("ada@example.org",)})) is None


@pytest.mark.parametrize(
    ("root", "archives", "says"),
    [
        ("/", "/srv/archives", "belongs to the system"),
        ("/etc", "/srv/archives", "belongs to the system"),
        ("/usr/local/homes", "/srv/archives", "belongs to the system"),
        ("/var", "/srv/archives", "belongs to the system"),
        ("/home", "/boot/archives", "belongs to the system"),
        ("homes", "/srv/archives", "write a path from / on"),
        ("/home/../etc", "/srv/archives", "write a path from / on"),
        ("/home", "/home/archives", "may not lie within one another"),
        ("/home/people", "/home", "may not lie within one another"),
    ],
)
def test_a_root_that_is_not_peoples_is_refused_at_once(root: str, archives: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        HomeFolderConfig.model_validate({"connector": "home-folder", "root": root, "archives": archives})
