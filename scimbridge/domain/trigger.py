"""The facts that start a case."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from scimbridge.domain.lightweight import lightweight

BRIDGE = "scimbridge"
"""Who does what the bridge does by itself, as the history names it."""


class Trigger(StrEnum):
    """What the identity provider said, or a target. Only positive facts; absence is none."""

    DEACTIVATED = "deactivated"
    """``active`` went from true to false. First seen inactive is no such fact."""

    DELETED = "deleted"
    """DELETE /Users/{id}."""

    ENDED = "ended"
    """The end date that the source had given has passed."""

    UNASSIGNED = "unassigned"
    """No longer in any group that grants a target (`granted_by`); only that target is revoked."""

    CHANGED = "changed"
    """The identity matched the rule's `was` filter, and now matches its `now` (a mover)."""

    REQUESTED = "requested"
    """An operator asked for it: a command, the API, a file of leavers."""

    STALE = "stale"
    """The target says that nobody has signed in with the account for its `stale_after`; only that target is revoked."""

    ORPHANED = "orphaned"
    """An account that no identity claims."""

    @property
    def is_narrow(self) -> bool:
        """Whether it is about some targets only; a fact about all of them absorbs it."""
        return self in _NARROW

    @property
    def is_found(self) -> bool:
        """Whether the bridge finds it out by asking a target: no source says it."""
        return self in _FOUND


_NARROW = frozenset({Trigger.UNASSIGNED, Trigger.CHANGED, Trigger.STALE, Trigger.ORPHANED})
_FOUND = frozenset({Trigger.STALE, Trigger.ORPHANED})


@lightweight(frozen=True, slots=True, kw_only=True)
class Fact:
    """One trigger for one identity.

    Attributes:
        at: When the bridge committed the fact (UTC). Graces count from here.
        targets: Those that it is about; all where absent.
        actor: The operator who brought it, where one did.
        reason: Why, where somebody asked for it, or what was found.
    """

    trigger: Trigger
    identity_id: str
    source: str
    at: datetime
    request_id: str | None = None
    targets: tuple[str, ...] | None = None
    actor: str | None = None
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.trigger}: {self.reason}" if self.reason else str(self.trigger)

    @property
    def by(self) -> str:
        """Who brought it, for the history."""
        return self.actor or (BRIDGE if self.trigger.is_found else self.source)

    def concerns(self, target: str) -> bool:
        """Whether the fact is about a target."""
        return self.targets is None or target in self.targets
