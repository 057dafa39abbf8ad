"""What an archive says about its content: one line of JSON for each thing, and the checksums of the files."""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from connectors.home_folder.errors import DamagedError
from connectors.home_folder.walking import Entry


class Kind(StrEnum):
    """What can be archived."""

    FOLDER = "folder"
    FILE = "file"
    LINK = "symbolic link"
    SAME = "hard link"


_KINDS: Mapping[int, Kind] = {stat.S_IFDIR: Kind.FOLDER, stat.S_IFREG: Kind.FILE, stat.S_IFLNK: Kind.LINK}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing in an archive.

    Attributes:
        path: From the home folder on; empty for that itself.
        size: Of a file, in bytes.
        disk: How much of it is on the disk, in bytes: less than ``size`` where it has holes.
        link: Where a symbolic link leads; of a further hard link, the path of the first.
        links: How many hard links there are.
        xattrs: Extended attributes, access lists among them, in base64.
        ino, mtime_ns, ctime_ns: By which a change is seen.
    """

    path: str
    kind: Kind
    mode: int
    uid: int
    gid: int
    ino: int
    mtime_ns: int
    ctime_ns: int
    size: int = 0
    disk: int = 0
    link: str = ""
    links: int = 1
    xattrs: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, ...]:
        """By which things are in the order in which a folder is walked."""
        return key_of(self.path)

    def octets_of(self, name: str) -> bytes:
        """Return the value of an extended attribute."""
        return base64.b64decode(self.xattrs[name])

    def differs_from(self, status: os.stat_result, *, is_emptied: bool = False) -> bool:
        """Whether a thing is not what was archived.

        The home folder itself may be closed and opened meanwhile.

        Args:
            status: How it is (lstat).
            is_emptied: Its folder is just being removed, so that times and links change by that alone.
        """
        if self.ino != status.st_ino or _KINDS.get(stat.S_IFMT(status.st_mode)) is not self._seen_as:
            return True
        if not self.path or (is_emptied and self.kind is Kind.FOLDER):
            return False
        if self.kind is Kind.FILE and self.size != status.st_size:
            return True
        # The hard links that went before it have changed the time of what is left.
        is_touched = self.ctime_ns != status.st_ctime_ns and not (is_emptied and self.links > 1)
        return is_touched or self.mtime_ns != status.st_mtime_ns

    @property
    def _seen_as(self) -> Kind:
        return Kind.FILE if self.kind is Kind.SAME else self.kind


def key_of(path: str) -> tuple[str, ...]:
    """Return by which a path is in the order in which a folder is walked."""
    return tuple(path.split("/")) if path else ()


def kind_of(status: os.stat_result) -> Kind | None:
    """Return what something is; ``None`` for what cannot be archived: devices, sockets, pipes."""
    return _KINDS.get(stat.S_IFMT(status.st_mode))


def line_of(entry: Entry, kind: Kind, *, link: str = "", xattrs: Mapping[str, bytes] | None = None) -> Line:
    """Return what is written down about an entry."""
    status = entry.status
    return Line(
        path=entry.path,
        kind=kind,
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        ino=status.st_ino,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=status.st_ctime_ns,
        size=status.st_size if kind is Kind.FILE else 0,
        disk=status.st_blocks * 512 if kind is Kind.FILE else 0,
        link=link,
        links=status.st_nlink if kind is not Kind.FOLDER else 1,
        xattrs={name: base64.b64encode(value).decode() for name, value in (xattrs or {}).items()},
    )


@dataclass(frozen=True, slots=True)
class Head:
    """The first line: what was archived, and when.

    Attributes:
        account: The folder's id.
        name: Its name.
        begun: When (UTC), as it stands in the names of files.
        size: All files together, in bytes, as counted before.
        format: Of these lines.
    """

    account: str
    name: str
    begun: str
    size: int
    format: int = 1


@dataclass(frozen=True, slots=True)
class Sum:
    """The checksum of a part of the file above; small files have one part, which is all of it."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class End:
    """What stands above it is in the archive, safely on the disk.

    Attributes:
        end: How far the archive goes, in bytes; a gzip member ends there.
        done: How much was read for it, in bytes.
        is_last: Nothing follows.
    """

    end: int
    done: int
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Verified:
    """The archive was read back up to here, and is what stands above."""

    end: int
    done: int


Record = Head | Line | Sum | End | Verified
_TAGS: Mapping[str, type[Any]] = {"head": Head, "entry": Line, "sum": Sum, "end": End, "verified": Verified}
_NAMES = {kind: tag for tag, kind in _TAGS.items()}


def written(records: Iterable[Record]) -> bytes:
    """Return lines of JSON."""
    return b"".join(json.dumps({_NAMES[type(each)]: asdict(each)}).encode() + b"\n" for each in records)


def read(lines: Iterable[bytes]) -> Iterator[Record]:
    """Yield what was written; a last line that was cut off is left out.

    Raises:
        DamagedError: One of them was never written so.
    """
    for text in lines:
        if not text.endswith(b"\n"):
            return
        try:
            record = _record(text)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise DamagedError(
                "the manifest of an archive is damaged: it has a line that the bridge never wrote"
            ) from error
        yield record


def _record(text: bytes) -> Record:
    ((tag, values),) = json.loads(text).items()
    if tag == "entry":
        values["kind"] = Kind(values["kind"])
    made: Record = _TAGS[tag](**values)
    return made
