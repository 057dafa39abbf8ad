"""From an archive back into a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from connectors.home_folder.doors import CLOSED
from connectors.home_folder.errors import printable
from connectors.home_folder.manifest import Kind, Line
from connectors.home_folder.places import inside

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Unpacking:
    """Makes what an archive holds anew, in a folder that nobody but the bridge can enter.

    Args:
        name: What the home folder is called.
        parent: What it comes to be in, open.
    """

    def __init__(self, name: str, parent: int) -> None:
        self._name = name
        self._parent = parent
        self._file: tuple[Line, int] | None = None
        self._folders: list[Line] = []
        self.lost: list[str] = []

    def begin(self, line: Line) -> None:
        """Make the next thing."""
        self._end_file()
        with self._above(line.path) as (name, parent):
            match line.kind:
                case Kind.FOLDER:
                    os.mkdir(name, 0o700, dir_fd=parent)
                    self._folders.append(line)
                case Kind.FILE:
                    self._file = line, os.open(name, _NEW, 0o600, dir_fd=parent)
                case Kind.LINK:
                    os.symlink(line.link, name, dir_fd=parent)
                    os.chown(name, line.uid, line.gid, dir_fd=parent, follow_symlinks=False)
                    os.utime(name, ns=(line.mtime_ns, line.mtime_ns), dir_fd=parent, follow_symlinks=False)
                case Kind.SAME:
                    with self._above(line.link) as (first, there):
                        os.link(first, name, src_dir_fd=there, dst_dir_fd=parent, follow_symlinks=False)

    def take(self, chunk: bytes) -> None:
        """Write more of a file; holes stay holes."""
        assert self._file is not None  # noqa: S101 - the content of a file follows the file
        line, fd = self._file
        if line.disk < line.size and not any(chunk):
            os.lseek(fd, len(chunk), os.SEEK_CUR)
            return
        while chunk:
            chunk = chunk[os.write(fd, chunk) :]

    def end(self) -> None:
        """Give the folders what they had, those within before those around them; the home folder stays closed."""
        self._end_file()
        for line in reversed(self._folders):
            with self._above(line.path) as (name, parent), inside(name, parent) as fd:
                self._dress(fd, line)
                if not line.path:
                    os.fchown(fd, os.geteuid(), -1)
                    os.fchmod(fd, CLOSED)
        os.sync()

    def close(self) -> None:
        """Close what is open."""
        if self._file is not None:
            os.close(self._file[1])
            self._file = None

    def _end_file(self) -> None:
        if self._file is None:
            return
        line, fd = self._file
        os.ftruncate(fd, line.size)
        self._dress(fd, line)
        self.close()

    def _dress(self, fd: int, line: Line) -> None:
        """Give something its owner, mode, attributes and time, in the order in which none takes away another."""
        os.fchown(fd, line.uid, line.gid)
        os.fchmod(fd, line.mode)
        for name in line.xattrs:
            try:
                os.setxattr(fd, name, line.octets_of(name))
            except OSError as error:
                self.lost.append(f"{name} of {printable(line.path) or 'the folder'}: {os.strerror(error.errno or 0)}")
        os.utime(fd, ns=(line.mtime_ns, line.mtime_ns))

    @contextmanager
    def _above(self, path: str) -> Iterator[tuple[str, int]]:
        """Open the folder that something is in, and yield its name there."""
        names = [self._name, *path.split("/")] if path else [self._name]
        fd = os.dup(self._parent)
        try:
            for name in names[:-1]:
                with inside(name, fd) as below:
                    os.close(fd)
                    fd = os.dup(below)
            yield names[-1], fd
        finally:
            os.close(fd)
