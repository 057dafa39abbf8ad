"""What reconciliation has found."""

from __future__ import annotations

from collections.abc import Iterator

from scimbridge.dashboard.export import Export
from scimbridge.dashboard.pages import reconciliation
from scimbridge.dashboard.visit import Visit
from scimbridge.documents.sheet import Sheet, paged
from scimbridge.domain.reconciliation import AccountFinding


def _people(one: AccountFinding) -> str:
    return ", ".join(f"{each.user_name} ({each.source}{', gone' * each.is_gone})" for each in one.owners)


FINDINGS: Sheet[AccountFinding] = Sheet(
    "reconciliation",
    {
        "finding": lambda one: one.id,
        "target": lambda one: one.target,
        "account": lambda one: one.name,
        "account id": lambda one: one.native_id,
        "how": lambda one: one.kind,
        "since": lambda one: one.first_seen_at,
        "suspended": lambda one: one.suspended,
        "last sign-in": lambda one: one.signed_in_at,
        "people": _people,
        "what to do": lambda one: one.kind.advice,
    },
)


class FindingsExport(Export):
    """Accounts that are not as they should be, those that were found last first, by the filter of the page."""

    path = "/reconciliation.csv"
    sheet = FINDINGS

    def items(self, visit: Visit) -> Iterator[AccountFinding]:
        """Yield the findings."""
        query, listed = reconciliation.read_query(visit), self.bridge.findings.listed
        return paged(lambda limit, after: listed(query, limit=limit, before=after), lambda one: one.id)
