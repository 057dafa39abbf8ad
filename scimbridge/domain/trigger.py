"""The facts that start a case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Trigger(StrEnum):
    """What the identity provider said. Only positive facts; absence is none."""

    DEACTIVATED = "deactivated"
    """``active`` went from true to false. First seen inactive is no such fact."""

    DELETED = "deleted"
    """DELETE /Users/{id}."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One trigger for one identity.

    Attributes:
        at: When the bridge committed the fact (UTC). Graces count from here.
    """

    trigger: Trigger
    identity_id: str
    source: str
    at: datetime
    request_id: str | None = None
