"""Everything in a folder, in an order that is always the same."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from connectors.home_folder.errors import AskError, ChangedError, printable
from connectors.home_folder.folders import Folder
from connectors.home_folder.kernel import Place, place_of
from connectors.home_folder.places import below

DEEPEST = 200
"""Folders within folders: each is open while those in it are looked at."""

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in a home folder, or that folder itself.

    Attributes:
        path: From the home folder on; empty for that itself.
        name: Its name in ``parent``; ``.`` for the home folder.
        parent: The folder that it is in, open until the next entry.
        status: How it is (lstat).
    """

    path: str
    name: str
    parent: int
    status: os.stat_result


def walk(folder: Folder) -> Iterator[Entry]:
    """Yield a home folder and all that is in it, each folder before what it holds, names in order.

    Raises:
        AskError: Something is mounted there, or it is too deep.
        ChangedError: It was swapped while it was looked at.
    """
    yield Entry("", ".", folder.fd, folder.status)
    yield from _within(folder.fd, folder.place, "", 1)


def _within(fd: int, place: Place, path: str, depth: int) -> Iterator[Entry]:
    require_not_too_deep(path, depth)
    for name in sorted(os.listdir(fd)):
        inner = joined(path, name)
        status = os.stat(name, dir_fd=fd, follow_symlinks=False)
        yield Entry(inner, name, fd, status)
        if stat.S_ISDIR(status.st_mode):
            with below(name, fd, place, status) as found:
                yield from _within(found, place, inner, depth + 1)


def joined(path: str, name: str) -> str:
    """Return the path of a name in a folder."""
    return f"{path}/{name}" if path else name


def require_not_too_deep(path: str, depth: int) -> None:
    """Refuse what would open too many folders at once.

    Raises:
        AskError: It is.
    """
    if depth > DEEPEST:
        raise AskError(
            f"{printable(path)[:80]}… is more than {DEEPEST} folders deep; look at it, and archive it by hand"
        )


@contextmanager
def content(entry: Entry, place: Place) -> Iterator[int]:
    """Open a file or folder that was come across, to read it.

    Raises:
        ChangedError: It is another one by now.
        AskError: A file is mounted there.
    """
    try:
        fd = os.open(entry.name, _FILE, dir_fd=entry.parent)
    except OSError as error:
        if error.errno not in {errno.ELOOP, errno.ENXIO}:  # a link, or a socket
            raise
        raise ChangedError(f"{printable(entry.path)} was swapped for something else while it was read") from error
    try:
        if os.fstat(fd).st_ino != entry.status.st_ino:
            raise ChangedError(f"{printable(entry.path)} was swapped while it was read")
        if place_of(fd) != place:
            raise AskError(f"{printable(entry.path)} is a mount: unmount it, and retry the task")
        yield fd
    finally:
        os.close(fd)


def destination(entry: Entry) -> str:
    """Return where a symbolic link leads that was come across.

    Raises:
        ChangedError: It is no link any more.
    """
    try:
        return os.readlink(entry.name, dir_fd=entry.parent)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise ChangedError(f"{printable(entry.path)} was swapped for something else while it was read") from error
