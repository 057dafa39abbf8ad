"""The history: everything that happened, who did it and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scimbridge.dashboard.case_filter import read_times
from scimbridge.dashboard.page import Page
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.operator import Permission
from scimbridge.services.records import HistoryQuery

SHOWN = 100


class HistoryPage(Page):
    """Entries that a filter finds, the newest first."""

    path = "/history"
    template = "history.html"
    permission = Permission.AUDIT

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return one page of them."""
        query, problems = read_query(visit)
        before = read_place(visit)
        entries, older = self.bridge.records.history(query, limit=SHOWN, before=before)
        return {
            "entries": entries,
            "more": visit.address(after=str(older)) if older else "",
            "is_first": before is None,
            "problems": problems,
            "targets": [(name, name) for name in self.bridge.settings.targets],
        }


def read_place(visit: Visit) -> int | None:
    """Return the number of a record that a page goes on before, if its address has one."""
    said = visit.asked("after")
    return int(said) if said.isdecimal() and len(said) < 18 else None


def read_query(visit: Visit) -> tuple[HistoryQuery, Sequence[str]]:
    """Return the filter that an address has, and what of it means nothing."""
    since, until, problems = read_times(visit.request.query_params)
    query = HistoryQuery(
        event=visit.asked("event") or None,
        actor=visit.asked("actor") or None,
        target=visit.asked("target") or None,
        case_id=visit.asked("case") or None,
        since=since,
        until=until,
    )
    return query, problems
