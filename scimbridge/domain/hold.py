"""Holds: dated facts that stop release and start until they are lifted, or their date has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Scope(StrEnum):
    """What a hold is on."""

    EVERYTHING = "everything"
    SOURCE = "source"
    TARGET = "target"
    IDENTITY = "identity"
    CASE = "case"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Nothing within its scope is released or started until it is lifted.

    One that has a date is lifted by the first pass of a sweeper after it; while none passes, it stands.

    Attributes:
        subject: The name of the source or target, or the id of the identity or case; empty for everything.
        until: When it ends by itself (UTC); never where absent.
        is_legal: Placed for a legal reason: nothing but lifting it by name, or its date, ends it.
        flood_id: The flood that the guard holds with it, where it was the guard.
    """

    id: str
    scope: Scope
    subject: str
    reason: str
    placed_by: str
    placed_at: datetime
    until: datetime | None = None
    lifted_at: datetime | None = None
    lifted_by: str | None = None
    is_legal: bool = False
    flood_id: str | None = None

    def stops_work_at(self, target: str) -> bool:
        """Whether a hold that concerns a case stops its work at this target."""
        return self.scope is not Scope.TARGET or self.subject == target
