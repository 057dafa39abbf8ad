"""From a folder onto a tape: what is read is written at once, piece by piece."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from connectors.home_folder.errors import AskError, ChangedError, printable
from connectors.home_folder.folders import Folder
from connectors.home_folder.manifest import Head, Kind, Line, Record, Sum, kind_of, line_of
from connectors.home_folder.survey import special
from connectors.home_folder.tape import CHUNK, TRAILER, header, padding
from connectors.home_folder.walking import Entry, content, destination

STEP = 32 << 20
"""So much is read, in bytes, before what was written is made to stand; also the most that one checksum is of."""

STEP_ENTRIES = 5_000
LEVEL = 4
"""Of gzip: 6, the usual one, takes twice the time for a twentieth less."""

TICK = 20_000_000
"""Two changes within this time may get the same time from the kernel, in nanoseconds."""

Piece = tuple[Record, int]
"""What was written, and how much was read for it, in bytes."""


class Reading:
    """Reads a folder onto a tape.

    Args:
        head: What is archived.
        folder: The folder.
        first_of: Paths by the inodes of what has several hard links, as far as they are archived.
    """

    def __init__(self, head: Head, folder: Folder, first_of: dict[int, str]) -> None:
        self._head = head
        self._folder = folder
        self._first_of = first_of
        self._out: gzip.GzipFile

    def write(self, data: BinaryIO, pieces: Iterator[Piece]) -> tuple[list[Record], int, bool]:
        """Write some pieces as one gzip member.

        Returns:
            What was written, how much was read for it in bytes, and whether that was the last of it.
        """
        records: list[Record] = []
        size = 0
        with gzip.GzipFile(fileobj=data, mode="wb", compresslevel=LEVEL, mtime=0) as self._out:
            for record, more in pieces:
                records.append(record)
                size += more
                if size >= STEP or len(records) >= STEP_ENTRIES:
                    return records, size, False
            self._out.write(TRAILER)
        return records, size, True

    def pieces(self, entries: Iterable[Entry], unfinished: Line | None, offset: int) -> Iterator[Piece]:
        """Yield what is there once it is written.

        Args:
            entries: What is to be read.
            unfinished: The first of it, where its beginning is on the tape already.
            offset: How much of that is, in bytes.
        """
        for entry in entries:
            if unfinished is not None:
                with content(entry, self._folder.place) as fd:
                    yield from self._parts(fd, unfinished, offset)
                unfinished = None
            else:
                yield from self._whole(entry)

    def _whole(self, entry: Entry) -> Iterator[Piece]:
        kind = kind_of(entry.status)
        if kind is None:
            raise AskError(special([entry.path]))
        if kind is Kind.LINK:
            yield self._written(line_of(entry, kind, link=destination(entry)))
            return
        first = self._first_of.get(entry.status.st_ino) if kind is Kind.FILE else None
        if first is not None:
            yield self._written(line_of(entry, Kind.SAME, link=first))
            return
        with content(entry, self._folder.place) as fd:
            line = line_of(entry, kind, xattrs=_xattrs(fd, entry.path))
            if line.links > 1:
                self._first_of[line.ino] = line.path
            yield self._written(line)
            if line.size:
                _wait_for_next_tick(line)
                yield from self._parts(fd, line, 0)

    def _written(self, line: Line) -> Piece:
        self._out.write(header(self._head, line))
        return line, 0

    def _parts(self, fd: int, line: Line, start: int) -> Iterator[Piece]:
        for offset in range(start, line.size, STEP):
            size = min(STEP, line.size - offset)
            digest = self._part(fd, line, offset, size)
            if offset + size == line.size:
                self._out.write(padding(line.size))
                _require_unchanged(fd, line)
            yield Sum(digest, size), size

    def _part(self, fd: int, line: Line, offset: int, size: int) -> str:
        digest = hashlib.sha256()
        while size:
            chunk = os.pread(fd, min(size, CHUNK), offset)
            if not chunk:
                raise ChangedError(f"{printable(line.path)} became shorter while it was read")
            digest.update(chunk)
            self._out.write(chunk)
            offset += len(chunk)
            size -= len(chunk)
        return digest.hexdigest()


def _wait_for_next_tick(line: Line) -> None:
    """Wait until whatever changes a file from now on gives it another time."""
    age = time.time_ns() - line.ctime_ns
    if 0 <= age < TICK:
        time.sleep((TICK - age) / 10**9)


def _require_unchanged(fd: int, line: Line) -> None:
    if line.differs_from(os.fstat(fd)):
        raise ChangedError(f"{printable(line.path)} was changed while it was read")


def _xattrs(fd: int, path: str) -> dict[str, bytes]:
    """Return the extended attributes; access lists are among them."""
    found = {}
    try:
        for name in sorted(os.listxattr(fd)):
            found[name] = os.getxattr(fd, name)
    except OSError as error:
        if error.errno == errno.ENODATA:
            raise ChangedError(f"an attribute of {printable(path)} was changed while it was read") from error
        if error.errno != errno.ENOTSUP:  # a file system that has none
            raise
    return found
