"""A case: one deprovisioning, or its undo, of one identity, which may be a group at a target."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from scimbridge.domain.identity import AT_TARGET
from scimbridge.domain.ids import CaseId, IdentityId
from scimbridge.domain.lightweight import lightweight
from scimbridge.domain.trigger import Trigger


class CaseState(StrEnum):
    """Waiting, held and needs-a-person are computed from dates, holds and tasks, never stored."""

    OPEN = "open"
    COMPLETED = "completed"
    CANCELED = "canceled"


class CaseKind(StrEnum):
    """Which way access goes."""

    LEAVE = "leave"
    """Takes access away."""

    RESTORE = "restore"
    """Gives back what a leave case took."""


@lightweight(frozen=True, slots=True, kw_only=True)
class Case:
    """One deprovisioning of one identity, from trigger to end.

    Attributes:
        rule: The name of the rule that planned it.
        trigger_at: When the first fact was committed (UTC); graces count from here.
        reason: Why it ended.
        rule_version: A digest of the rule as it was then.
        opened_by: Who asked for it, where that was an operator.
        ruleset: The version of all rules that planned it, where the store knew of one.
    """

    id: CaseId
    identity_id: IdentityId
    source: str
    kind: CaseKind
    rule: str
    trigger: Trigger | None
    trigger_at: datetime
    state: CaseState
    opened_at: datetime
    closed_at: datetime | None = None
    reason: str = ""
    rule_version: str = ""
    opened_by: str | None = None
    ruleset: int | None = None

    @property
    def is_narrow(self) -> bool:
        """Whether it is about some targets only, for each of which there is a reason of its own."""
        return self.trigger is None or self.trigger.is_narrow

    @property
    def is_about_group(self) -> bool:
        """Whether it is about a group at a target."""
        return self.source.startswith(AT_TARGET)
