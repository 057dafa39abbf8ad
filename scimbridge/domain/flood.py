"""A flood: more identities than a limit of the guard allows, held until a person decides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from scimbridge.domain.action import GuardClass
from scimbridge.domain.guard import GuardScope, where


class Decision(StrEnum):
    """What an operator made of a flood."""

    RELEASED = "released"
    """It was meant: its cases go on, and counting starts anew."""

    CANCELED = "canceled"
    """It was a mistake: its open cases are called off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """What one limit of the guard holds, as one.

    Attributes:
        scope: Over what the limit counts.
        subject: The name of the source or target; empty overall.
        reason: Which limit, and what came.
        closed_at: When somebody decided; it takes nobody in from then on.
        decision: What; ``None`` while it stands.
        closing_reason: Why.
        gives_back: What it has taken is given back, too.
        settled_at: When the decision had been carried out for all of its cases.
    """

    id: str
    scope: GuardScope
    subject: str
    guard_class: GuardClass
    opened_at: datetime
    reason: str
    closed_at: datetime | None = None
    closed_by: str | None = None
    decision: Decision | None = None
    closing_reason: str = ""
    gives_back: bool = False
    settled_at: datetime | None = None

    @property
    def where(self) -> str:
        """What the limit is for: ``all sources and targets``, ``source okta`` or ``target crm``."""
        return where(self.scope, self.subject)

    @property
    def stands(self) -> bool:
        """Whether it waits for a person."""
        return self.closed_at is None
