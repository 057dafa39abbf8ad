"""Ways to folders that cannot lead anywhere else.

Every step is taken from an open folder to a name in it (``dir_fd``), follows no symbolic link and crosses no mount:
what others swap on the way is an error, and never another place.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from connectors.home_folder.errors import AskError, ChangedError, printable
from connectors.home_folder.kernel import Place, place_of
from scimbridge.sdk import RetryableError, TargetUnusableError

STATE = ".scimbridge"
"""The bridge's own folder in a root. The bridge never makes it: where it is missing, the root may be another one."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Root:
    """An open root.

    Attributes:
        fd: The folder that the home folders are in.
        state: The bridge's own folder in it.
        place: Where it is.
    """

    fd: int
    state: int
    place: Place


@contextmanager
def inside(name: str, parent: int) -> Iterator[int]:
    """Open a folder in a folder."""
    fd = os.open(name, _FOLDER, dir_fd=parent)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def below(name: str, parent: int, place: Place, seen: os.stat_result) -> Iterator[int]:
    """Open the folder in a folder that was looked at just now.

    Raises:
        ChangedError: Another one has its name by now.
        AskError: Something is mounted there.
    """
    try:
        fd = os.open(name, _FOLDER, dir_fd=parent)
    except NotADirectoryError as error:
        raise ChangedError(f"{printable(name)} was swapped for something else while it was looked at") from error
    try:
        if place_of(fd) != place:
            raise AskError(f"{printable(name)} is a mount: unmount it, and retry the task")
        if os.fstat(fd).st_ino != seen.st_ino:
            raise ChangedError(f"{printable(name)} was swapped for another folder while it was looked at")
        yield fd
    finally:
        os.close(fd)


@contextmanager
def trusted(path: Path) -> Iterator[int]:
    """Open a folder, every part of whose path only the bridge or root can swap.

    Raises:
        TargetUnusableError: A part of the path is a symbolic link, or others may swap it.
        RetryableError: It is not there; perhaps it is not mounted yet.
    """
    fd = os.open("/", _FOLDER)
    try:
        for depth, part in enumerate(path.parts[1:], start=2):
            there = Path(*path.parts[:depth])
            try:
                below_it = os.open(part, _FOLDER, dir_fd=fd)
            except FileNotFoundError as error:
                raise RetryableError(f"there is no folder {there} right now; is it mounted?") from error
            except NotADirectoryError as error:
                raise TargetUnusableError(
                    f"{there} is a symbolic link or a file; write the path of a folder"
                ) from error
            os.close(fd)
            fd = below_it
            _require_ours(os.fstat(fd), there)
        yield fd
    finally:
        os.close(fd)


def _require_ours(status: os.stat_result, path: Path) -> None:
    is_swappable = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not status.st_mode & stat.S_ISVTX
    if status.st_uid not in (0, os.geteuid()) or is_swappable:
        raise TargetUnusableError(
            f"others than root and the bridge can change what {path} leads to; chown and chmod it"
        )


@contextmanager
def opened(path: Path) -> Iterator[Root]:
    """Open a root.

    Raises:
        TargetUnusableError: It has no folder ``.scimbridge``, or others may enter that.
    """
    with trusted(path) as fd, _state_of(path, fd) as state:
        _require_private(os.fstat(state), path / STATE)
        yield Root(fd, state, place_of(fd))


def _state_of(path: Path, fd: int) -> AbstractContextManager[int]:
    if STATE not in os.listdir(fd):
        raise TargetUnusableError(
            f"{path} has no folder {STATE}: is it mounted, and the right one? then `install -d -m 0700 {path / STATE}`"
        )
    return inside(STATE, fd)


@contextmanager
def private(path: Path) -> Iterator[int]:
    """Open a folder of the bridge's own."""
    with trusted(path) as fd:
        _require_private(os.fstat(fd), path)
        yield fd


def _require_private(status: os.stat_result, path: Path) -> None:
    if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise TargetUnusableError(f"{path} has to belong to the bridge's user alone: chown it, and chmod 0700")
