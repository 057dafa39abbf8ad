"""Inquiries: what may mean that people lost a target, and is no fact. An operator decides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Cause(StrEnum):
    """What happened to a group that grants a target."""

    EMPTIED = "emptied"
    """Its last members were taken out."""

    CROWD = "crowd"
    """More people were taken out at once than anybody takes out by hand."""

    SUBGROUP = "subgroup"
    """A group was taken out of it or deleted, and with it those who are in there."""

    RENAMED = "renamed"
    """Its new name is in no `granted_by` of the target."""

    DELETED = "deleted"
    """It is gone."""

    def said(self, group: str) -> str:
        """Return the sentence that says what happened to a group of this name."""
        return _SAID[self].format(group=group)


_SAID = {
    Cause.EMPTIED: "group {group!r} was emptied",
    Cause.CROWD: "many people were taken out of group {group!r} at once",
    Cause.SUBGROUP: "group {group!r} has lost a group that was in it",
    Cause.RENAMED: "group {group!r} has another name",
    Cause.DELETED: "group {group!r} was deleted",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """A question to an operator: did these people lose the targets?

    Attributes:
        display_name: What the group was called when it granted the targets.
        people: How many are concerned, also through groups in the group, before anybody asks who has the target
            in other ways.
    """

    id: str
    source: str
    cause: Cause
    group_id: str
    display_name: str
    targets: tuple[str, ...]
    people: int
    opened_at: datetime
    closed_at: datetime | None = None
    closed_by: str | None = None
    verdict: str = ""
