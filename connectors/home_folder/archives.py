"""The folder that archives are kept in.

Of each archive there are two files: `NAME.ID.TIME.tar.gz`, and beside it `NAME.ID.TIME.manifest.jsonl`. The manifest
comes last, once the archive was read back: without it, an archive does not count.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO

from connectors.home_folder.errors import AskError, DamagedError
from connectors.home_folder.manifest import End, Head, Line, Record, read
from connectors.home_folder.survey import amount
from scimbridge.sdk import RetryableError

_DATA, _LINES = ".tar.gz", ".manifest.jsonl"
_PART = ".part"
_LONGEST_NAME = 150
"""Octets of a folder's name that go into the names of files, which may have 255."""

_WRITING = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Archives:
    """The open folder.

    Attributes:
        fd: The folder.
        max_size: The largest home folder that is archived, in bytes.
        spare: How much stays free, in bytes.
    """

    fd: int
    max_size: int
    spare: int

    @property
    def free(self) -> int:
        """How much is free, in bytes."""
        found = os.statvfs(self.fd)
        return found.f_bavail * found.f_frsize

    def require_room(self, size: int) -> None:
        """Refuse what is too large, or may not fit.

        Raises:
            AskError: It is.
        """
        if size > self.max_size:
            raise AskError(
                f"the folder holds {amount(size)}, more than max_size_gib allows ({amount(self.max_size)}); "
                "look at it, raise the limit, and retry the task"
            )
        if size + self.spare > self.free:
            raise AskError(
                f"the folder holds {amount(size)}, and only {amount(self.free)} are free where the archives are, "
                f"of which {amount(self.spare)} are to stay so (spare_gib); make room, and retry the task"
            )

    # -- one that is being made

    @contextmanager
    def unfinished(self, account_id: str) -> Iterator[tuple[BinaryIO, BinaryIO]]:
        """Open the two files of an archive that is not made yet, for nobody else meanwhile: it, and its manifest.

        Raises:
            RetryableError: Somebody else has them open, or has just ended the archive that they are of.
        """
        name = f"{account_id}{_LINES}{_PART}"
        with os.fdopen(self._opened(name, _WRITING), "r+b") as lines:
            try:
                fcntl.flock(lines, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RetryableError("another attempt still writes the archive of this folder") from error
            if os.fstat(lines.fileno()).st_ino != self._inode_of(name):
                raise RetryableError("another attempt has just ended the archive of this folder")
            # Not before: what has this name until then may be an archive that somebody else is about to end.
            with os.fdopen(self._opened(f"{account_id}{_DATA}{_PART}", _WRITING), "r+b") as data:
                yield data, lines

    def records_so_far(self, account_id: str) -> Iterator[Record]:
        """Yield what the manifest of an unfinished archive says by now."""
        return self._records(f"{account_id}{_LINES}{_PART}")

    def discard(self, account_id: str) -> None:
        """Throw away an archive that is not made yet."""
        for kind in (_LINES, _DATA):
            with suppress(FileNotFoundError):
                os.unlink(f"{account_id}{kind}{_PART}", dir_fd=self.fd)

    def publish(self, head: Head) -> None:
        """Give an archive that was made and read back its name; the manifest last."""
        self._publish(head, _DATA)
        self._publish(head, _LINES)

    def publish_rest(self, head: Head, size: int) -> bool:
        """Give the manifest its name, too, where a process died after the archive had got its own; False elsewhere."""
        if self._size_of(f"{_stem(head)}{_DATA}") != size:
            return False
        os.unlink(f"{head.account}{_DATA}{_PART}", dir_fd=self.fd)
        self._publish(head, _LINES)
        return True

    def _publish(self, head: Head, kind: str) -> None:
        os.rename(f"{head.account}{kind}{_PART}", f"{_stem(head)}{kind}", src_dir_fd=self.fd, dst_dir_fd=self.fd)
        os.fsync(self.fd)

    # -- those that are made

    def newest(self, account_id: str) -> str | None:
        """Return the name of the newest archive of a folder, without what its two files end with."""
        stems = [
            name.removesuffix(_LINES)
            for name in os.listdir(self.fd)
            if name.endswith(_LINES) and name.removesuffix(_LINES).split(".")[-2:-1] == [account_id]
        ]
        by_time = sorted(stems, key=begun_at, reverse=True)
        return next((stem for stem in by_time if self._is_whole(stem)), None)

    def records(self, stem: str) -> Iterator[Record]:
        """Yield what the manifest of an archive says."""
        return self._records(f"{stem}{_LINES}")

    def head(self, stem: str) -> Head:
        """Return of which folder an archive is."""
        return next(record for record in self.records(stem) if isinstance(record, Head))

    def lines(self, stem: str) -> Iterator[Line]:
        """Yield what an archive holds."""
        return (record for record in self.records(stem) if isinstance(record, Line))

    def data(self, stem: str) -> BinaryIO:
        """Open an archive."""
        return os.fdopen(self._opened(f"{stem}{_DATA}", _READING), "rb")

    def _is_whole(self, stem: str) -> bool:
        """Whether the archive is still there, as long as it was, and its manifest can be read."""
        try:
            end = max((record.end for record in self.records(stem) if isinstance(record, End)), default=0)
        except DamagedError:
            return False
        return self._size_of(f"{stem}{_DATA}") == end

    def _size_of(self, name: str) -> int | None:
        found = self._status_of(name)
        return found.st_size if found is not None else None

    def _inode_of(self, name: str) -> int | None:
        found = self._status_of(name)
        return found.st_ino if found is not None else None

    def _status_of(self, name: str) -> os.stat_result | None:
        try:
            return os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def _records(self, name: str) -> Iterator[Record]:
        with os.fdopen(self._opened(name, _READING), "rb") as lines:
            yield from read(lines)

    def _opened(self, name: str, flags: int) -> int:
        return os.open(name, flags, 0o600, dir_fd=self.fd)


def begun_at(stem: str) -> str:
    """Return when an archive was begun: which one of a folder's it is, without whose."""
    return stem.rpartition(".")[2]


def _stem(head: Head) -> str:
    name = os.fsdecode(os.fsencode(head.name)[:_LONGEST_NAME])
    return f"{name}.{head.account}.{head.begun}"
