"""Lists as sheets: CSV in which a spreadsheet takes nothing for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Generic, TypeVar

AT_ONCE = 500
"""Rows that are read, and written, at once."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of a formula."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Sheet(Generic[Item]):
    """What a list has in each column.

    Attributes:
        name: What the list is, as the name of a file has it.
        columns: What stands above each column, and what is in it for one item.
    """

    name: str
    columns: Mapping[str, Callable[[Item], object]]

    def row(self, item: Item) -> Sequence[object]:
        """Return the row of an item."""
        return [value(item) for value in self.columns.values()]

    def text(self, items: Iterable[Item]) -> Iterator[str]:
        """Yield the text of the file, some hundred rows at once; spreadsheets know UTF-8 by its mark."""
        text = io.StringIO()
        text.write("\ufeff")
        writer = csv.writer(text)
        for number, row in enumerate(chain([list(self.columns)], map(self.row, items)), 1):
            writer.writerow([_cell(value) for value in row])
            if number % AT_ONCE == 0:
                yield _taken(text)
        yield _taken(text)


def paged(read: Callable[[int, str | None], Sequence[Item]], key: Callable[[Item], str]) -> Iterator[Item]:
    """Yield all of a list that is read page by page, so that nothing is held for long.

    Args:
        read: Returns at most so many that follow the one of a key; the first ones where there is none.
        key: What the next page begins after.
    """
    after: str | None = None
    while page := read(AT_ONCE, after):
        yield from page
        if len(page) < AT_ONCE:
            return
        after = key(page[-1])


def _taken(text: io.StringIO) -> str:
    said = text.getvalue()
    text.seek(0)
    text.truncate()
    return said


def _cell(value: object) -> str | int | float:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return value
        case datetime():
            return value.isoformat(timespec="seconds")
        case _:
            said = str(value)
            # An apostrophe before it, and a spreadsheet takes it for what it is: text.
            return f"'{said}" if said.startswith(_FORMULA) else said
