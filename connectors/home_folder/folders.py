"""The home folders of a root, and which is which.

A folder is told from all others by its inode and the time when it was made: one that was deleted and made anew is
another one, whatever its name. One that the bridge has brought back from an archive keeps the id that it had.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from connectors.home_folder.errors import ChangedError, printable
from connectors.home_folder.kernel import Place, made_at, place_of, rename_new
from connectors.home_folder.places import STATE, Root, inside
from scimbridge.sdk import AccountNotFoundError, RejectedError

NOT_HOMES = frozenset({STATE, "lost+found"})

_GOING = "going-"
_COMING = "coming-"
_CAME_BACK = "came-back-"


@dataclass(frozen=True, slots=True)
class Folder:
    """An open home folder.

    Attributes:
        id: By what it is told from every other one.
        name: Its name in ``parent``.
        parent: What it is in, open.
        fd: The folder itself.
        place: Where it is; whatever is elsewhere is not a part of it.
        made_at: When it was made, in nanoseconds since 1970.
        is_going: Whether its removal has begun: it is in the bridge's own folder.
    """

    id: str
    name: str
    parent: int
    fd: int
    place: Place
    made_at: int
    is_going: bool = False

    @property
    def status(self) -> os.stat_result:
        """Its owner, mode and times as they are now."""
        return os.fstat(self.fd)


def names_in(root: Root) -> list[str]:
    """Return the names of what may be a home folder."""
    return sorted(set(os.listdir(root.fd)) - NOT_HOMES)


@contextmanager
def named(root: Root, name: str) -> Iterator[Folder]:
    """Open a home folder by its name.

    Raises:
        RejectedError: It is a mount of its own.
        FileNotFoundError: It is not there (any more).
        NotADirectoryError: It is no folder, or a symbolic link.
    """
    with inside(name, root.fd) as fd:
        if place_of(fd) != root.place:
            raise RejectedError(f"the folder {printable(name)} is a mount of its own, which the bridge does not touch")
        yield Folder(_id_of(root, _key_of(fd)), name, root.fd, fd, root.place, made_at(fd))


@contextmanager
def by_id(root: Root, account_id: str) -> Iterator[Folder]:
    """Open a home folder by its id, whether it is in its place or its removal has begun.

    Raises:
        AccountNotFoundError: There is none.
    """
    name = _name_of(root, account_id)
    if name is not None:
        with named(root, name) as folder:
            if folder.id != account_id:
                raise ChangedError(f"{printable(name)} was swapped for another folder while it was looked for")
            yield folder
        return
    with _going(root, account_id) as folder:
        yield folder


@contextmanager
def _going(root: Root, account_id: str) -> Iterator[Folder]:
    bin_ = f"{_GOING}{account_id}"
    names = os.listdir(root.state)
    if bin_ not in names:
        raise AccountNotFoundError("there is no such folder")
    with inside(bin_, root.state) as parent:
        names = os.listdir(parent)
        for name in names:
            with inside(name, parent) as fd:
                if _id_of(root, _key_of(fd)) == account_id:
                    yield Folder(account_id, name, parent, fd, root.place, made_at(fd), is_going=True)
                    return
    if names:  # two were renamed while one was moved here, and the process died
        raise RejectedError(
            f"{STATE}/{bin_} holds {printable(names[0])}, which is another folder: move it back to where it was, and "
            "retry the task"
        )
    raise AccountNotFoundError("there is no such folder any more")


def set_aside(root: Root, folder: Folder) -> None:
    """Move a folder out of its place into the bridge's own, from where it is removed; its name is free then.

    Raises:
        ChangedError: Another one has got its name; that one is where it was.
    """
    bin_ = f"{_GOING}{folder.id}"
    with suppress(FileExistsError):  # a process died between the two steps
        os.mkdir(bin_, 0o700, dir_fd=root.state)
    with inside(bin_, root.state) as parent:
        rename_new(folder.name, root.fd, parent)
        with inside(folder.name, parent) as fd:
            moved = os.fstat(fd)
        if moved.st_ino != folder.status.st_ino:
            rename_new(folder.name, parent, root.fd)
            raise ChangedError(f"{printable(folder.name)} was swapped for another folder while it was looked at")
        os.fsync(parent)
    os.fsync(root.fd)
    os.fsync(root.state)


@contextmanager
def coming(root: Root, account_id: str) -> Iterator[int]:
    """Open an empty folder of the bridge's own, for a home folder to come to be in; what an attempt left there goes."""
    name = f"{_COMING}{account_id}"
    with suppress(FileNotFoundError):
        shutil.rmtree(name, dir_fd=root.state)
    os.mkdir(name, 0o700, dir_fd=root.state)
    with inside(name, root.state) as fd:
        yield fd


def put_back(root: Root, account_id: str, name: str, parent: int) -> None:
    """Give a folder that was brought back its place, and the id that it had.

    Raises:
        FileExistsError: Something else has its name.
    """
    for alias in _aliases(root, account_id):  # an attempt died before it came to this
        os.unlink(alias, dir_fd=root.state)
    with inside(name, parent) as fd:
        os.symlink(account_id, f"{_CAME_BACK}{_key_of(fd)}", dir_fd=root.state)
    os.fsync(root.state)
    rename_new(name, parent, root.fd)
    os.fsync(root.fd)
    os.rmdir(f"{_COMING}{account_id}", dir_fd=root.state)


def forget(root: Root, account_id: str) -> None:
    """Remove what held a folder whose removal has ended, and what is known of it."""
    for name, how in ((f"{_GOING}{account_id}", os.rmdir), *((each, os.unlink) for each in _aliases(root, account_id))):
        with suppress(FileNotFoundError):
            how(name, dir_fd=root.state)
    os.fsync(root.state)


def _name_of(root: Root, account_id: str) -> str | None:
    """Return the name of the folder in its place; looked at closely are those alone that can be it."""
    keys = {account_id, *(alias.removeprefix(_CAME_BACK) for alias in _aliases(root, account_id))}
    inodes = {int(number) for key in keys if (number := key.partition("-")[0]).isdecimal()}
    with os.scandir(root.fd) as entries:
        found = [entry.name for entry in entries if entry.inode() in inodes and entry.name not in NOT_HOMES]
    for name in found:
        with suppress(FileNotFoundError, NotADirectoryError, RejectedError), named(root, name) as folder:
            if folder.id == account_id:
                return name
    return None


def _key_of(fd: int) -> str:
    """Return what an open folder is told from all others by."""
    return f"{os.fstat(fd).st_ino}-{made_at(fd)}"


def _id_of(root: Root, key: str) -> str:
    """Return the id that a folder had before it was brought back."""
    try:
        return os.readlink(f"{_CAME_BACK}{key}", dir_fd=root.state)
    except FileNotFoundError:
        return key


def _aliases(root: Root, account_id: str) -> list[str]:
    links = [name for name in os.listdir(root.state) if name.startswith(_CAME_BACK)]
    return [name for name in links if os.readlink(name, dir_fd=root.state) == account_id]
