"""The one list of where one can go. What has no page yet, or may not be seen, is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scimbridge.domain.operator import Operator, Permission


@dataclass(frozen=True, slots=True)
class Entry:
    """A page in the navigation."""

    label: str
    path: str


@dataclass(frozen=True, slots=True)
class Section:
    """Pages that belong together."""

    label: str
    entries: tuple[Entry, ...]


SECTIONS = (
    Section(
        "Leavers",
        (Entry("Board", "/"), Entry("Cases", "/cases"), Entry("Search", "/search"), Entry("Left alone", "/left-alone")),
    ),
    Section(
        "Safety",
        (
            Entry("Guard", "/guard"),
            Entry("Holds", "/holds"),
            Entry("Exclusions", "/exclusions"),
            Entry("Inquiries", "/inquiries"),
        ),
    ),
    Section(
        "Machinery",
        (
            Entry("Targets", "/targets"),
            Entry("Reconciliation", "/reconciliation"),
            Entry("Queues", "/queues"),
            Entry("Rules", "/rules"),
            Entry("Schedules", "/schedules"),
        ),
    ),
    Section(
        "Record",
        (
            Entry("History", "/history"),
            Entry("Requests", "/requests"),
            Entry("Charts", "/charts"),
            Entry("Reports", "/reports"),
        ),
    ),
    Section(
        "Setup",
        (
            Entry("Sources", "/sources"),
            Entry("Operators", "/operators"),
            Entry("Settings", "/settings"),
        ),
    ),
)


def sections_for(operator: Operator, pages: Mapping[str, Permission]) -> list[Section]:
    """Return where an operator can go.

    Args:
        operator: Who looks.
        pages: The path of each page, and what it takes to see it.
    """
    found = [
        Section(section.label, tuple(entry for entry in section.entries if _may(operator, pages.get(entry.path))))
        for section in SECTIONS
    ]
    return [section for section in found if section.entries]


def _may(operator: Operator, permission: Permission | None) -> bool:
    return permission is not None and operator.role.may(permission)
