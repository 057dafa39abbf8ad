"""Canceling many: all cases that a query finds, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from scimbridge.domain.case import CaseState
from scimbridge.domain.situation import CaseQuery
from scimbridge.errors import CaseClosedError
from scimbridge.services.operating import Operating
from scimbridge.services.summing_up import CaseSummary, sum_up
from scimbridge.store import case_search
from scimbridge.store.database import Database

SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would be canceled.

    Attributes:
        query: What to cancel by: cases that come after the preview are not in it.
        first: The newest ones.
    """

    query: CaseQuery
    count: int
    first: list[CaseSummary]


class Canceling:
    """Calls cases off by a query.

    Canceling stops and never acts, so that it is always safe, also for who is under a hold. It is for cases that take
    access away: calling one off that gives it back would leave somebody locked out whom the query only meant to spare.
    """

    def __init__(self, database: Database, operating: Operating) -> None:
        self._database = database
        self._operating = operating

    def preview(self, query: CaseQuery, now: datetime) -> Preview:
        """Return which open cases a query finds, up to now."""
        until = min(query.until, now) if query.until is not None else now
        query = replace(query, state=CaseState.OPEN, kind_is_leave=True, until=until)
        with self._database.read() as tx:
            return Preview(
                query=query,
                count=case_search.count(tx, query, now),
                first=sum_up(tx, case_search.find(tx, query, now, limit=SHOWN), now),
            )

    def cancel(self, preview: Preview, *, reason: str, by: str, now: datetime) -> Iterator[str]:
        """Cancel what was previewed, and yield the id of each case once it is canceled.

        Whoever stops half-way can begin anew: what is canceled is not found again. A case that ends meanwhile, or
        that the query does not find any more, is left out.
        """
        case_id: str | None = ""
        while case_id is not None:
            with self._database.read() as tx:
                case_id = case_search.next_id(tx, preview.query, now, after=case_id)
            if case_id is not None and self._cancel(case_id, reason=reason, by=by, now=now):
                yield case_id

    def _cancel(self, case_id: str, *, reason: str, by: str, now: datetime) -> bool:
        try:
            self._operating.cancel(case_id, reason=reason, by=by, now=now)
        except CaseClosedError:
            return False
        return True
