"""Files of leavers: a table with a line for each person, as people and HR systems write them."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

MOST_LINES = 10_000
"""Leavers in one file. The guard stops far fewer."""

MOST_BYTES = 8 << 20

_COLUMNS = {
    "username": "user_name",
    "externalid": "external_id",
    "email": "email",
    "id": "id",
    "source": "source",
    "reason": "reason",
    "date": "date",
}
_NAMING = frozenset({"user_name", "external_id", "email", "id"})
_SEPARATORS = (",", ";", "\t")
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


class LeaversFileError(ValueError):
    """A file is no table of leavers; the message says what is wrong and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaver:
    """One line: who is asked to leave. What is not said is empty.

    Attributes:
        line: Where it begins in the file, from 1.
        id: The SCIM id.
        date: When, as written.
        problem: What is wrong with the line; nothing of it counts then.
    """

    line: int
    user_name: str = ""
    external_id: str = ""
    email: str = ""
    id: str = ""
    source: str = ""
    reason: str = ""
    date: str = ""
    problem: str = ""

    @property
    def person(self) -> str:
        """What the line calls the person."""
        return self.user_name or self.email or self.external_id or self.id


@dataclass(frozen=True, slots=True)
class LeaversFile:
    """A file that was read.

    Attributes:
        ignored: Columns that mean nothing here, as they are spelled.
    """

    leavers: Sequence[Leaver]
    ignored: Sequence[str] = ()


def read_leavers(content: bytes) -> LeaversFile:
    """Return the lines of a file: CSV with commas, semicolons or tabs, in UTF-8, or in UTF-16 with its mark.

    Raises:
        LeaversFileError: It cannot be read as such. No part of it counts then.
    """
    text = _decoded(content)
    header = _header(text)
    leavers = []
    for line, cells in _rows(text, header.separator):
        if line == 1 or not any(cells):
            continue
        leavers.append(_leaver(line, cells, header))
        if len(leavers) > MOST_LINES:
            raise LeaversFileError(f"there are more than {MOST_LINES} lines; split the file")
    if not leavers:
        raise LeaversFileError("there is no line below the names of the columns")
    ignored = [name for at, name in enumerate(header.names) if at not in header.columns and name]
    return LeaversFile(leavers, ignored)


@dataclass(frozen=True, slots=True)
class _Header:
    """The first line: what separates columns, what they are called, and what those mean that mean something."""

    separator: str
    names: Sequence[str]
    columns: Mapping[int, str]


def _decoded(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise LeaversFileError(f"the file is larger than {MOST_BYTES >> 20} MiB; split it")
    encoding = next((name for bom, name in _BOMS.items() if content.startswith(bom)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise LeaversFileError(f"line {line} is not in UTF-8; save the file as CSV in UTF-8") from error
    if "\0" in text:
        raise LeaversFileError("there is a NUL in it, so that it is no text; save the file as CSV in UTF-8")
    return text


def _header(text: str) -> _Header:
    found = []
    for separator in _SEPARATORS:
        names = next((cells for _, cells in _rows(text, separator)), [])
        columns = {at: _COLUMNS[key] for at, name in enumerate(names) if (key := _plain(name)) in _COLUMNS}
        if _NAMING & set(columns.values()):
            found.append(_Header(separator, names, columns))
    if not found:
        raise LeaversFileError("the first line has to name the columns: userName, externalId, email or id")
    header = max(found, key=lambda each: len(each.names))
    if len(set(header.columns.values())) < len(header.columns):
        raise LeaversFileError("the first line names a column twice")
    return header


def _rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of each row's first line, and its cells."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = 1
    try:
        for cells in reader:
            yield line, [cell.strip() for cell in cells]
            line = reader.line_num + 1
    except csv.Error as error:
        raise LeaversFileError(f"line {line}: {error}; see to its quotes") from error


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).casefold()


def _leaver(line: int, cells: Sequence[str], header: _Header) -> Leaver:
    values = {header.columns[at]: cell for at, cell in enumerate(cells) if at in header.columns}
    problem = ""
    if any(cells[len(header.names) :]):
        problem = f"it has {len(cells)} values for {len(header.names)} columns; put values with separators into quotes"
    elif not any(values.get(name) for name in _NAMING):
        problem = "it names nobody"
    return Leaver(line=line, problem=problem, **values)
