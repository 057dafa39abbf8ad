"""The guard's limits and floods, holds, exclusions, and what operators are asked."""

from __future__ import annotations

from collections.abc import Iterator

from scimbridge.dashboard.export import MOST, Export
from scimbridge.dashboard.visit import Visit
from scimbridge.documents.sheet import Sheet, paged
from scimbridge.domain.exclusion import Exclusion
from scimbridge.domain.inquiry import Inquiry
from scimbridge.services.flooding import FloodSummary
from scimbridge.services.gauging import Gauge
from scimbridge.store.holds import ListedHold
from scimbridge.store.values import Row

LIMITS: Sheet[Gauge] = Sheet(
    "guard",
    {
        "limit": lambda one: one.limit.where,
        "counts": lambda one: one.limit.guard_class,
        "window (s)": lambda one: one.limit.window.total_seconds(),
        "counted": lambda one: one.counted,
        "room for": lambda one: one.most,
        "active": lambda one: one.active,
        "holds the flood": lambda one: one.flood_id,
    },
)

FLOODS: Sheet[FloodSummary] = Sheet(
    "floods",
    {
        "flood": lambda one: one.flood.id,
        "limit": lambda one: one.flood.where,
        "counts": lambda one: one.flood.guard_class,
        "why": lambda one: one.flood.reason,
        "opened at": lambda one: one.flood.opened_at,
        "people": lambda one: one.extent.cases,
        "held": lambda one: one.extent.held,
        "had started": lambda one: one.extent.started,
        "decision": lambda one: one.flood.decision,
        "decided by": lambda one: one.flood.closed_by,
        "reason": lambda one: one.flood.closing_reason,
        "decided at": lambda one: one.flood.closed_at,
    },
)

HOLDS: Sheet[ListedHold] = Sheet(
    "holds",
    {
        "hold": lambda one: one.hold.id,
        "on": lambda one: one.hold.scope,
        "subject": lambda one: one.hold.subject,
        "person": lambda one: one.user_name,
        "legal": lambda one: one.hold.is_legal,
        "reason": lambda one: one.hold.reason,
        "placed by": lambda one: one.hold.placed_by,
        "placed at": lambda one: one.hold.placed_at,
        "until": lambda one: one.hold.until,
    },
)

EXCLUSIONS: Sheet[tuple[Exclusion, Row]] = Sheet(
    "exclusions",
    {
        "exclusion": lambda one: one[1].get("id", "configuration"),
        "spared": lambda one: one[0].in_words,
        "reason": lambda one: one[0].reason,
        "placed by": lambda one: one[1].get("placed_by"),
        "placed at": lambda one: one[1].get("placed_at"),
        "until": lambda one: one[0].until,
    },
)

INQUIRIES: Sheet[Inquiry] = Sheet(
    "inquiries",
    {
        "inquiry": lambda one: one.id,
        "group": lambda one: one.display_name,
        "source": lambda one: one.source,
        "what": lambda one: one.cause,
        "targets": lambda one: ", ".join(one.targets),
        "people": lambda one: one.people,
        "opened at": lambda one: one.opened_at,
        "answer": lambda one: one.verdict,
        "answered by": lambda one: one.closed_by,
        "answered at": lambda one: one.closed_at,
    },
)


class LimitsExport(Export):
    """One row for each limit of the guard."""

    path = "/guard.csv"
    sheet = LIMITS

    def items(self, visit: Visit) -> Iterator[Gauge]:
        """Yield the limits."""
        return iter(self.bridge.gauging.gauges(visit.now))


class FloodsExport(Export):
    """Floods, those that stand first."""

    path = "/floods.csv"
    sheet = FLOODS

    def items(self, _visit: Visit) -> Iterator[FloodSummary]:
        """Yield the floods."""
        yield from self.bridge.flooding.standing()
        yield from self.bridge.flooding.closed(MOST)


class HoldsExport(Export):
    """Holds that stand, the newest first; those of floods are with the floods."""

    path = "/holds.csv"
    sheet = HOLDS

    def items(self, _visit: Visit) -> Iterator[ListedHold]:
        """Yield the holds."""
        listed = self.bridge.holding.listed
        return paged(lambda limit, after: listed(limit, after=after), lambda one: one.hold.id)


class ExclusionsExport(Export):
    """All exclusions, those of the configuration too."""

    path = "/exclusions.csv"
    sheet = EXCLUSIONS

    def items(self, _visit: Visit) -> Iterator[tuple[Exclusion, Row]]:
        """Yield the exclusions; those of the configuration have no row."""
        yield from self.bridge.holding.exclusions()
        yield from ((each, {}) for each in self.bridge.settings.ruleset.exclusions)


class InquiriesExport(Export):
    """Inquiries, those first that nobody has answered."""

    path = "/inquiries.csv"
    sheet = INQUIRIES

    def items(self, _visit: Visit) -> Iterator[Inquiry]:
        """Yield the inquiries."""
        yield from self.bridge.overview.inquiries(MOST)
        yield from self.bridge.inquiring.answered(MOST)
