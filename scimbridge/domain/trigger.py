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

    ENDED = "ended"
    """The end date that the source had given has passed."""

    UNASSIGNED = "unassigned"
    """No longer in any group that grants a target (`granted_by`); only that target is revoked."""

    @property
    def is_narrow(self) -> bool:
        """Whether it is about some targets only; a fact about all of them absorbs it."""
        return self is Trigger.UNASSIGNED


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One trigger for one identity.

    Attributes:
        at: When the bridge committed the fact (UTC). Graces count from here.
        targets: Those that it is about; all where absent.
    """

    trigger: Trigger
    identity_id: str
    source: str
    at: datetime
    request_id: str | None = None
    targets: tuple[str, ...] | None = None

    def concerns(self, target: str) -> bool:
        """Whether the fact is about a target."""
        return self.targets is None or target in self.targets
