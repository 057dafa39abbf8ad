"""Inbound requests: what a source sent, what the bridge understood, and what it made of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from scimbridge.dashboard.case_filter import read_times
from scimbridge.dashboard.page import Page
from scimbridge.dashboard.pages.history import read_place
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.operator import Permission
from scimbridge.services.records import RequestQuery

SHOWN = 50
METHODS = ("POST", "PUT", "PATCH", "DELETE")


class RequestsPage(Page):
    """Requests that a filter finds, the newest first."""

    path = "/requests"
    template = "requests.html"
    permission = Permission.AUDIT

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return one page of them."""
        query, problems = read_query(visit)
        before = read_place(visit)
        found, older = self.bridge.records.requests(query, limit=SHOWN, before=before)
        return {
            "requests": [(row, _pretty(row["received"])) for row in found],
            "more": visit.address(after=str(older)) if older else "",
            "is_first": before is None,
            "problems": problems,
            "sources": [(name, name) for name in self.bridge.settings.sources],
            "methods": [(name, name) for name in METHODS],
        }


def read_query(visit: Visit) -> tuple[RequestQuery, Sequence[str]]:
    """Return the filter that an address has, and what of it means nothing."""
    since, until, problems = read_times(visit.request.query_params)
    query = RequestQuery(
        source=visit.asked("source") or None,
        method=visit.asked("method") or None,
        resource_id=visit.asked("resource") or None,
        is_refused=visit.asked("answered") == "refused",
        since=since,
        until=until,
    )
    return query, problems


def _pretty(received: object) -> str:
    return json.dumps(received, indent=2, ensure_ascii=False, default=str) if received is not None else ""
