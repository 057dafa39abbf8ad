"""Lists as CSV, sent while they are read: for spreadsheets, and for whoever has to show something to an auditor."""

from __future__ import annotations

import csv
import io
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, ClassVar, TypeVar

from starlette.responses import Response, StreamingResponse

from scimbridge.dashboard.page import Page
from scimbridge.dashboard.rendering import HEADERS
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.operator import Permission

AT_ONCE = 500
"""Rows that are read, and sent, at once."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of a formula."""

Item = TypeVar("Item")


class Export(Page):
    """A list as a file.

    Attributes:
        name: What the list is, as the name of the file has it.
        columns: What stands above the columns.
    """

    permission = Permission.AUDIT
    name: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]

    @abstractmethod
    def rows(self, visit: Visit) -> Iterator[Sequence[object]]:
        """Yield the rows, by the filter that the address has; read part by part, so that nothing is held for long."""

    def context(self, visit: Visit) -> dict[str, Any]:
        """It has no template."""
        raise NotImplementedError

    def respond(self, visit: Visit, _render: Callable[[dict[str, Any]], Response]) -> Response:
        """Return the file. That somebody took it is in the history."""
        parts = _parts(chain([self.columns], self.rows(visit)))
        # What is wrong with what was asked for shows before anything is sent.
        first = next(parts)
        self.bridge.exporting.note(self.name, by=visit.operator.name, now=visit.now)
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{self.name}-{visit.now:%Y-%m-%d}.csv"'}
        return StreamingResponse(chain([first], parts), media_type="text/csv; charset=utf-8", headers=headers)


def paged(read: Callable[[int, str | None], Sequence[Item]], key: Callable[[Item], str]) -> Iterator[Item]:
    """Yield all of a list that is read page by page.

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


def _parts(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield the text of a file, some hundred rows at once; spreadsheets know UTF-8 by its mark."""
    text = io.StringIO()
    text.write("\ufeff")
    writer = csv.writer(text)
    for number, row in enumerate(rows, 1):
        writer.writerow([_cell(value) for value in row])
        if number % AT_ONCE == 0:
            yield _taken(text)
    yield _taken(text)


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
