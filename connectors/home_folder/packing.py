"""Making an archive, in steps that each stand once they are on the disk."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain
from typing import BinaryIO

from connectors.home_folder.archives import Archives
from connectors.home_folder.comparing import compared
from connectors.home_folder.errors import AskError, ChangedError, DamagedError, printable
from connectors.home_folder.folders import Folder
from connectors.home_folder.manifest import End, Head, Line, Record, Sum, Verified, read, written
from connectors.home_folder.reading import Reading
from connectors.home_folder.survey import amount, survey
from connectors.home_folder.tape import Nowhere, Tape
from connectors.home_folder.walking import Entry, walk
from scimbridge.sdk import Permit


class Packing:
    """One archive that is being made; whatever process began it.

    Args:
        archives: Where it comes to be.
        folder: What is archived.
        permit: Asked before each step.
        monotonic: A clock, in seconds.
    """

    def __init__(
        self, archives: Archives, folder: Folder, permit: Permit, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._archives = archives
        self._folder = folder
        self._permit = permit
        self._monotonic = monotonic
        self._head: Head | None = None
        self._last: Line | None = None
        self._unread = 0
        self._end = End(0, 0)
        self._verified = Verified(0, 0)
        self._first_of: dict[int, str] = {}

    def advance(self, until: float) -> str:
        """Go on with the archive, or begin it.

        Args:
            until: When no further step is begun, on the clock.

        Returns:
            How far it is; empty once it is made, read back, and of what is in the folder now.

        Raises:
            AskError: The folder holds something that cannot be archived, or there is no room.
            ChangedError: Something was changed meanwhile; what was made so far is thrown away if it is of that.
            DamagedError: It did not read back; it is thrown away.
        """
        self._permit(writes=True)
        with self._archives.unfinished(self._folder.id) as (data, lines):
            self._load(lines)
            try:
                if self._is_short(data):
                    return self._published()
                data.truncate(self._end.end)
                head = self._head or self._begin(lines)
                if not self._pack(head, data, lines, until) or not self._verify(data, lines, until):
                    return self._progress(head)
                compared(self._folder, self._lines())
            except (ChangedError, DamagedError):
                self._archives.discard(self._folder.id)
                raise
            except AskError:
                if self._head is None:  # nothing is begun
                    self._archives.discard(self._folder.id)
                raise
            self._archives.publish(head)
            return ""

    def _is_short(self, data: BinaryIO) -> bool:
        return os.fstat(data.fileno()).st_size < self._end.end

    def _published(self) -> str:
        """Come to an end where a process died when all but one name was given."""
        is_verified = self._end.is_last and self._verified.end == self._end.end
        if self._head is not None and is_verified and self._archives.publish_rest(self._head, self._end.end):
            return ""
        raise DamagedError("what was written of the archive is not there any more; it is begun anew")

    # -- what there is so far

    def _load(self, lines: BinaryIO) -> None:
        """Go back to the last step that stands."""
        good = position = 0
        pending: list[Record] = []
        with suppress(DamagedError):
            for text in lines:
                position += len(text)
                for record in read([text]):
                    pending.append(record)
                    if isinstance(record, Head | End | Verified):
                        self._take(pending)
                        good, pending = position, []
        lines.truncate(good)

    def _take(self, records: Iterable[Record]) -> None:
        for record in records:
            match record:
                case Head():
                    self._head = record
                case Line():
                    self._last, self._unread = record, record.size
                    if record.links > 1:
                        self._first_of.setdefault(record.ino, record.path)
                case Sum():
                    self._unread -= record.size
                case End():
                    self._end = record
                case Verified():
                    self._verified = record

    def _lines(self) -> Iterator[Line]:
        records = self._archives.records_so_far(self._folder.id)
        return (record for record in records if isinstance(record, Line))

    def _write(self, lines: BinaryIO, records: list[Record]) -> None:
        lines.seek(0, os.SEEK_END)
        lines.write(written(records))
        lines.flush()
        os.fsync(lines.fileno())
        self._take(records)

    def _progress(self, head: Head) -> str:
        size = max(head.size, self._end.done)
        if not self._end.is_last:
            return f"{amount(self._end.done)} of {amount(size)} archived"
        return f"{amount(self._verified.done)} of {amount(size)} read back from the archive"

    # -- making it

    def _begin(self, lines: BinaryIO) -> Head:
        size = survey(self._folder)
        self._archives.require_room(size)
        begun = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        head = Head(account=self._folder.id, name=self._folder.name, begun=begun, size=size)
        self._write(lines, [head])
        return head

    def _pack(self, head: Head, data: BinaryIO, lines: BinaryIO, until: float) -> bool:
        """Write the content, as far as time allows; whether all of it is written."""
        if self._end.is_last:
            return True
        reading = Reading(head, self._folder, self._first_of)
        pieces = reading.pieces(*self._where_it_was())
        is_last = False
        while not is_last and self._monotonic() < until:
            self._permit(writes=True)
            data.seek(self._end.end)
            records, size, is_last = reading.write(data, pieces)
            data.flush()
            os.fsync(data.fileno())
            self._write(lines, [*records, End(data.tell(), self._end.done + size, is_last)])
        return is_last

    def _where_it_was(self) -> tuple[Iterator[Entry], Line | None, int]:
        """Return what is left to read, and the file that was read only in part."""
        entries = walk(self._folder)
        entry: Entry | None = None
        for line in self._lines():
            entry = next(entries, None)
            if entry is None or entry.path != line.path or line.differs_from(entry.status):
                raise ChangedError(f"{printable(line.path)} was changed while the folder was archived")
        if entry is None or not self._unread:
            return entries, None, 0
        assert self._last is not None  # noqa: S101 - something of it is unread
        return chain([entry], entries), self._last, self._last.size - self._unread

    def _verify(self, data: BinaryIO, lines: BinaryIO, until: float) -> bool:
        """Read the archive back, as far as time allows; whether all of it was."""
        ends = Tape(data, Nowhere()).play(self._archives.records_so_far(self._folder.id), from_=self._verified.end)
        while self._verified.end < self._end.end and self._monotonic() < until:
            self._permit(writes=True)
            # From the disk, and not from memory, as far as the system lets us.
            os.posix_fadvise(data.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            end = next(ends)
            self._verified = Verified(end.end, end.done)
            self._write(lines, [self._verified])
        return self._verified.end == self._end.end
