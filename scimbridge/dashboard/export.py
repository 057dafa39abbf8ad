"""Lists as CSV, sent while they are read: for spreadsheets, and for whoever has to show something to an auditor."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, ClassVar

from starlette.responses import Response, StreamingResponse

from scimbridge.dashboard.page import Page
from scimbridge.dashboard.rendering import HEADERS
from scimbridge.dashboard.visit import Visit
from scimbridge.documents.sheet import Sheet
from scimbridge.domain.operator import Permission

MOST = 10_000
"""Rows of a list that nothing else bounds."""


class Export(Page):
    """A list as a file. Its address is that of the page with ``.csv`` behind, and takes the same filter.

    Attributes:
        sheet: What the list has in its columns.
    """

    permission = Permission.AUDIT
    sheet: ClassVar[Sheet[Any]]

    @abstractmethod
    def items(self, visit: Visit) -> Iterator[Any]:
        """Yield what is in the list, by the filter that the address has; read part by part."""

    def context(self, visit: Visit) -> dict[str, Any]:
        """It has no template."""
        raise NotImplementedError

    def respond(self, visit: Visit, _render: Callable[[dict[str, Any]], Response]) -> Response:
        """Return the file. That somebody took it is in the history."""
        name, parts = self.sheet.name, self.sheet.text(self.items(visit))
        # What is wrong with what was asked for shows before anything is sent.
        first = next(parts)
        self.bridge.exporting.note(name, by=visit.operator.name, now=visit.now)
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}-{visit.now:%Y-%m-%d}.csv"'}
        return StreamingResponse(chain([first], parts), media_type="text/csv; charset=utf-8", headers=headers)
