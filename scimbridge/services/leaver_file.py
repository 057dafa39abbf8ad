"""A file of leavers: CSV as people export it, read line by line, with what is wrong in which line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from scimbridge.domain.names import fold
from scimbridge.errors import LeaverFileError
from scimbridge.store import identities

MOST_LINES = 100_000
LARGEST = 32 * 1024 * 1024
"""In bytes. More at once than this is nobody's list of leavers, but a mistake."""

_COLUMNS: Mapping[str, str] = {"username": "user_name", "externalid": "external_id", "id": "id", "source": "source"}
_NAMING = ("user_name", "external_id", "id")
_EXAMPLE = "write a first line like `userName`, or `userName,source`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaver:
    """Whom a line names. At least one of the first three is there; where there are several, all have to fit.

    Attributes:
        number: The line in the file, from 1; where a value goes over several lines, the last of them.
        id: The SCIM id.
        source: Only there; in every source where absent.
    """

    number: int
    user_name: str | None = None
    external_id: str | None = None
    id: str | None = None
    source: str | None = None

    def __str__(self) -> str:
        return self.user_name or self.external_id or self.id or ""


@dataclass(frozen=True, slots=True)
class Unread:
    """A line that names nobody, or somebody whom an earlier line names."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaverFile:
    """What a file says.

    Attributes:
        ignored: Headings of columns that say nothing to the bridge.
    """

    leavers: tuple[Leaver, ...]
    unread: tuple[Unread, ...]
    ignored: tuple[str, ...]


def read_leavers(content: bytes) -> LeaverFile:
    """Return whom a CSV file names.

    The first line names the columns: ``userName``, ``externalId`` or ``id``, and ``source`` where not every source is
    meant; others are ignored. Values are separated by commas, semicolons or tabs.

    Raises:
        LeaverFileError: It is no such file; the message says what to do.
    """
    rows = _rows(_text(content))
    _, headings = next(rows, (0, []))
    columns = _columns(headings)
    leavers: dict[tuple[str | None, ...], Leaver] = {}
    unread: list[Unread] = []
    for number, values in rows:
        if len(leavers) + len(unread) >= MOST_LINES:
            raise LeaverFileError(f"the file has more than {MOST_LINES} lines; split it")
        found = _leaver(number, columns, values)
        if isinstance(found, Unread):
            unread.append(found)
            continue
        first = leavers.setdefault(_key(found), found)
        if first is not found:
            unread.append(Unread(number, f"names the same person as line {first.number}"))
    ignored = tuple(heading for heading in headings if heading and _folded(heading) not in _COLUMNS)
    return LeaverFile(leavers=tuple(leavers.values()), unread=tuple(unread), ignored=ignored)


def whom(tx: Connection, leaver: Leaver) -> list[str]:
    """Return the ids of the identities that a line names, in every source that it is about; deleted ones excepted."""
    return identities.named(
        tx, user_name=leaver.user_name, external_id=leaver.external_id, identity_id=leaver.id, source=leaver.source
    )


def _text(content: bytes) -> str:
    if len(content) > LARGEST:
        raise LeaverFileError(f"the file is larger than {LARGEST // 1024 // 1024} MB; split it")
    try:
        text = content.decode("utf-8-sig")  # Excel puts a mark before the first heading
    except UnicodeDecodeError as error:
        raise LeaverFileError("the file is not UTF-8; save it as `CSV UTF-8`") from error
    if "\0" in text:
        raise LeaverFileError("the file is no text; save it as `CSV UTF-8`")
    return text


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each line that says something, with its number."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for row in reader:
            values = [value.strip() for value in row]
            if any(values):
                yield reader.line_num, values
    except csv.Error as error:
        raise LeaverFileError(f"line {reader.line_num} cannot be read: {error}") from error


def _columns(headings: Iterable[str]) -> list[str | None]:
    columns = [_COLUMNS.get(_folded(heading)) for heading in headings]
    known = [column for column in columns if column is not None]
    if not set(known) & set(_NAMING):
        raise LeaverFileError(f"no column is called userName, externalId or id: {_EXAMPLE}")
    if len(set(known)) != len(known):
        raise LeaverFileError("two columns have the same heading; leave one out")
    return columns


def _folded(heading: str) -> str:
    """Return a heading as it is compared: ``User Name`` and ``user_name`` are ``userName``, too."""
    return fold(heading).replace(" ", "").replace("_", "").replace("-", "")


def _leaver(number: int, columns: list[str | None], values: list[str]) -> Leaver | Unread:
    if len(values) > len(columns):
        return Unread(number, f"has {len(values)} values, and the first line has {len(columns)} headings")
    said = {column: value for column, value in zip(columns, values, strict=False) if column is not None and value}
    if not said.keys() & set(_NAMING):
        return Unread(number, "names nobody")
    return Leaver(number=number, **said)


def _key(leaver: Leaver) -> tuple[str | None, ...]:
    name = fold(leaver.user_name) if leaver.user_name else None
    return (name, leaver.external_id, leaver.id, leaver.source)
