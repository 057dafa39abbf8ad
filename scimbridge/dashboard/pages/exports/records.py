"""The history, and what sources sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import itemgetter

from scimbridge.dashboard.case_filter import require_readable
from scimbridge.dashboard.export import Export
from scimbridge.dashboard.pages import history, requests
from scimbridge.dashboard.visit import Visit
from scimbridge.documents.sheet import AT_ONCE, Sheet
from scimbridge.store.values import Row

HISTORY: Sheet[Row] = Sheet(
    "history",
    {
        "entry": itemgetter("id"),
        "at": itemgetter("at"),
        "event": itemgetter("event"),
        "actor": itemgetter("actor"),
        "reason": itemgetter("reason"),
        "target": itemgetter("target"),
        "case": itemgetter("case_id"),
        "task": itemgetter("task_id"),
        "details": lambda row: json.dumps(row["details"], ensure_ascii=False, default=str),
    },
)

REQUESTS: Sheet[Row] = Sheet(
    "requests",
    {
        "request": itemgetter("id"),
        "at": itemgetter("at"),
        "source": itemgetter("source"),
        "method": itemgetter("method"),
        "path": itemgetter("path"),
        "status": itemgetter("status"),
        "understood": itemgetter("understood"),
        "applied": itemgetter("applied"),
        "resource": itemgetter("resource_id"),
    },
)


class HistoryExport(Export):
    """Entries of the history that a filter finds, the newest first."""

    path = "/history.csv"
    sheet = HISTORY

    def items(self, visit: Visit) -> Iterator[Row]:
        """Yield the entries."""
        query, problems = history.read_query(visit)
        require_readable(problems)
        yield from _all(partial(self.bridge.records.history, query, limit=AT_ONCE))


class RequestsExport(Export):
    """Inbound requests that a filter finds, the newest first; what was received as it came is on the page."""

    path = "/requests.csv"
    sheet = REQUESTS

    def items(self, visit: Visit) -> Iterator[Row]:
        """Yield the requests."""
        query, problems = requests.read_query(visit)
        require_readable(problems)
        yield from _all(partial(self.bridge.records.requests, query, limit=AT_ONCE))


def _all(read: Callable[..., tuple[Sequence[Row], int]]) -> Iterator[Row]:
    """Yield all records that are read page by page; 0 is where there is nothing older."""
    before: int | None = None
    while before != 0:
        rows, before = read(before=before)
        yield from rows
