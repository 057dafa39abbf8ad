"""The octets of an archive: tar (pax, POSIX.1-2001) in gzip members, one after the other.

Several gzip members are one gzip file (RFC 1952 section 2.2), so that `tar xzf` reads it, and what was written up to
the end of a member stands whatever happens later.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import BinaryIO, Protocol

from connectors.home_folder.errors import DamagedError, printable
from connectors.home_folder.manifest import End, Head, Kind, Line, Record, Sum

CHUNK = 1 << 20
TRAILER = bytes(2 * tarfile.BLOCKSIZE)

_TYPES = {
    Kind.FOLDER: tarfile.DIRTYPE,
    Kind.FILE: tarfile.REGTYPE,
    Kind.LINK: tarfile.SYMTYPE,
    Kind.SAME: tarfile.LNKTYPE,
}


def header(head: Head, line: Line) -> bytes:
    """Return what stands before the content of one thing; extended attributes as GNU tar and bsdtar have them."""
    info = tarfile.TarInfo(_inside(head, line.path))
    info.type = _TYPES[line.kind]
    info.mode, info.uid, info.gid = line.mode, line.uid, line.gid
    info.size = line.size
    info.linkname = _inside(head, line.link) if line.kind is Kind.SAME else line.link
    info.pax_headers = {"mtime": _seconds(line.mtime_ns), **dict(_attributes(line))}
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _seconds(nanoseconds: int) -> str:
    whole, part = divmod(abs(nanoseconds), 10**9)
    return f"{'-' if nanoseconds < 0 else ''}{whole}.{part:09d}"


def _attributes(line: Line) -> Iterator[tuple[str, str]]:
    """Yield extended attributes; a name that is not UTF-8 has no place there, and is in the manifest alone."""
    for name in line.xattrs:
        with suppress(UnicodeEncodeError):
            name.encode()
            quoted = name.replace("%", "%25").replace("=", "%3D")  # as GNU tar writes them
            yield f"SCHILY.xattr.{quoted}", line.octets_of(name).decode("utf-8", "surrogateescape")


def padding(size: int) -> bytes:
    """Return what follows the content of a file, up to the next block."""
    return bytes(-size % tarfile.BLOCKSIZE)


def _inside(head: Head, path: str) -> str:
    return f"{head.name}/{path}" if path else head.name


class Sink(Protocol):
    """What takes that which is read back."""

    def begin(self, line: Line) -> None:
        """Take the next thing; of a file, the content follows."""

    def take(self, chunk: bytes) -> None:
        """Take more of a file's content; it counts once its part has come to an end."""


class Nowhere:
    """Takes what is read only to see that it can be read."""

    def begin(self, line: Line) -> None:
        """Take nothing."""

    def take(self, chunk: bytes) -> None:
        """Take nothing."""


class Tape:
    """An archive that is read back against its manifest.

    Args:
        file: The archive.
        sink: Gets the content.
    """

    def __init__(self, file: BinaryIO, sink: Sink) -> None:
        self._file = file
        self._sink = sink
        self._line: Line | None = None
        self._left = 0

    def play(self, records: Iterable[Record], *, from_: int = 0) -> Iterator[End]:
        """Yield each end that was reached, all up to it having been read back.

        Args:
            records: The manifest, from its beginning on.
            from_: An end up to which all was read back before.

        Raises:
            DamagedError: Something is not as the manifest says.
        """
        pending: list[Line | Sum] = []
        start = 0
        for record in records:
            if isinstance(record, Line | Sum):
                pending.append(record)
            elif isinstance(record, End):
                if record.end > from_:
                    self._read(pending, start, record)
                    yield record
                else:
                    self._pass_over(pending)
                pending, start = [], record.end

    def _pass_over(self, pending: Iterable[Line | Sum]) -> None:
        for record in pending:
            if isinstance(record, Line):
                self._line, self._left = record, record.size
            else:
                self._left -= record.size

    def _read(self, pending: Iterable[Line | Sum], start: int, end: End) -> None:
        self._file.seek(start)
        try:
            with gzip.GzipFile(fileobj=_UpTo(self._file, end.end - start), mode="rb") as member:
                for record in pending:
                    if isinstance(record, Line):
                        self._begin(member, record)
                    else:
                        self._part(member, record)
                self._expect(member, TRAILER if end.is_last else b"")
                if member.read(1):
                    raise self._damaged()
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise self._damaged() from error

    def _begin(self, member: gzip.GzipFile, line: Line) -> None:
        self._line, self._left = line, line.size
        kind = self._kind_of_header(member)
        if kind != _TYPES[line.kind]:
            raise self._damaged()
        self._sink.begin(line)

    def _kind_of_header(self, member: gzip.GzipFile) -> bytes:
        """Read one header, however the Python of its time has written it; what it says stands in the manifest, too."""
        while True:
            block = member.read(tarfile.BLOCKSIZE)
            if len(block) < tarfile.BLOCKSIZE:
                raise self._damaged()
            kind, size = block[156:157], block[124:136].strip(b"\0 ")
            if kind != tarfile.XHDTYPE:
                return kind
            length = int(size, 8)
            member.read(length + len(padding(length)))

    def _part(self, member: gzip.GzipFile, part: Sum) -> None:
        digest, left = hashlib.sha256(), part.size
        while left:
            chunk = member.read(min(left, CHUNK))
            if not chunk:
                raise self._damaged()
            digest.update(chunk)
            left -= len(chunk)
            self._sink.take(chunk)
        self._left -= part.size
        if digest.hexdigest() != part.sha256 or self._left < 0:
            raise self._damaged()
        if self._left == 0 and self._line is not None:
            self._expect(member, padding(self._line.size))

    def _expect(self, member: gzip.GzipFile, octets: bytes) -> None:
        if member.read(len(octets)) != octets:
            raise self._damaged()

    def _damaged(self) -> DamagedError:
        path = self._line.path if self._line is not None else ""
        return DamagedError(
            f"the archive does not read back as it was written, at {printable(path) or 'its beginning'}"
        )


class _UpTo:
    """A file up to a number of octets from here."""

    def __init__(self, file: BinaryIO, left: int) -> None:
        self._file = file
        self._left = left

    def read(self, size: int = -1) -> bytes:
        """Read as a file does."""
        octets = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(octets)
        return octets

    def seek(self, position: int) -> None:
        """Refuse: a member is read once, from its beginning to its end."""
        raise io.UnsupportedOperation(f"cannot go to {position}")
