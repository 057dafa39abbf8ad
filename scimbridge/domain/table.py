"""Tables as people and other systems write them: CSV whose first line names the columns."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

MOST_LINES = 10_000
"""Lines in one file. The guard stops far fewer."""

MOST_BYTES = 8 << 20

_SEPARATORS = (",", ";", "\t")
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


class TableError(ValueError):
    """A file is no such table; the message says what is wrong and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What a table may say.

    Attributes:
        meaning: What the names of columns mean, in small letters without spaces, hyphens and underscores.
        naming: The meanings of which each line has one at least, and the first line a column.
        wanted: Those columns, for a sentence.
    """

    meaning: Mapping[str, str]
    naming: frozenset[str]
    wanted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line.

    Attributes:
        number: Where it begins in the file, from 1.
        values: What it says, by meaning; what is not said is empty or missing.
        problem: What is wrong with it; nothing of it counts then.
    """

    number: int
    values: Mapping[str, str]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A file that was read.

    Attributes:
        ignored: Columns that mean nothing here, as they are spelled.
    """

    lines: Sequence[Line]
    ignored: Sequence[str] = ()


def read_table(content: bytes, columns: Columns) -> Table:
    """Return the lines of a file: CSV with commas, semicolons or tabs, in UTF-8, or in UTF-16 with its mark.

    Raises:
        TableError: It cannot be read as such. No part of it counts then.
    """
    text = _decoded(content)
    header = _header(text, columns)
    lines = []
    for number, cells in _rows(text, header.separator):
        if number == 1 or not any(cells):
            continue
        lines.append(_line(number, cells, header, columns))
        if len(lines) > MOST_LINES:
            raise TableError(f"there are more than {MOST_LINES} lines; split the file")
    if not lines:
        raise TableError("there is no line below the names of the columns")
    return Table(lines, [name for at, name in enumerate(header.names) if at not in header.meaning and name])


@dataclass(frozen=True, slots=True)
class _Header:
    """The first line: what separates columns, what they are called, and what those mean that mean something."""

    separator: str
    names: Sequence[str]
    meaning: Mapping[int, str]


def _decoded(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise TableError(f"the file is larger than {MOST_BYTES >> 20} MiB; split it")
    encoding = next((name for bom, name in _BOMS.items() if content.startswith(bom)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise TableError(f"line {line} is not in UTF-8; save the file as CSV in UTF-8") from error
    if "\0" in text:
        raise TableError("it contains a NUL, so it is not text; save the file as CSV in UTF-8")
    return text


def _header(text: str, known: Columns) -> _Header:
    found = []
    for separator in _SEPARATORS:
        names = next((cells for _, cells in _rows(text, separator)), [])
        meaning = {at: known.meaning[key] for at, name in enumerate(names) if (key := _plain(name)) in known.meaning}
        if known.naming & set(meaning.values()):
            found.append(_Header(separator, names, meaning))
    if not found:
        raise TableError(f"the first line has to name the columns: {known.wanted}")
    header = max(found, key=lambda each: len(each.names))
    if len(set(header.meaning.values())) < len(header.meaning):
        raise TableError("the first line names a column twice")
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
        raise TableError(f"line {line}: {error}; check its quotes") from error


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).casefold()


def _line(number: int, cells: Sequence[str], header: _Header, known: Columns) -> Line:
    values = {header.meaning[at]: cell for at, cell in enumerate(cells) if at in header.meaning}
    problem = ""
    if any(cells[len(header.names) :]):
        problem = f"it has {len(cells)} values for {len(header.names)} columns; put values with separators into quotes"
    elif not any(values.get(name) for name in known.naming):
        problem = "it names nobody"
    return Line(number=number, problem=problem, values=values)
