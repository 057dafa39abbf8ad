"""The situation of a case: computed from its tasks, holds and approvals, never stored; and what cases are asked for."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum

from scimbridge.domain.case import CaseState
from scimbridge.domain.trigger import Trigger


class Situation(StrEnum):
    """What an open case is doing; the first one that fits."""

    NEEDS_PERSON = "needs a person"
    """A task failed, or somebody has to decide about one."""

    HELD = "held"
    """A hold stops work that is left to do."""

    WORKING = "working"
    """Work is under way, or may begin now."""

    UNAPPROVED = "waits for approval"
    """A stage is due, and not as many operators have approved it as have to."""

    RETRYING = "retrying"
    """A target did not do it; it is tried again by itself."""

    WAITING = "waiting"
    """Nothing is due yet."""


class Wanted(StrEnum):
    """Which open cases to find, as one says it on a command line."""

    NEEDS_PERSON = "needs-person"
    HELD = "held"
    UNAPPROVED = "approval"
    LATE = "late"
    """Something is past its deadline."""

    WAITING = "waiting"
    """Nothing is due yet, nothing held, nobody has to decide."""


class Column(StrEnum):
    """Where a case stands on the board of leavers. An open one stands in exactly one of them."""

    RECEIVED = "received"
    """Something is due, and nothing has begun."""

    GRACE = "grace"
    """Nothing is due yet."""

    HELD = "held"
    """A hold stops work that is left to do."""

    REVOKING = "revoking"
    """Access is being taken away."""

    VERIFYING = "verifying"
    """Asked for; the target works on it, or is asked again."""

    NEEDS_PERSON = "needs a person"
    """A task failed, somebody has to decide about one, or a stage that is due waits for its approval."""

    DONE = "done"
    """Completed in the last 24 hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseQuery:
    """Which cases to find: those that all of it fits.

    Attributes:
        since: Opened then, or later.
        until: Opened then, or earlier.
        target: With a task there.
        flood_id: Belonging to that flood of the guard.
        search: A part of the person's userName, in any case.
        column: Standing there on the board.
        kind_is_leave: Only those that take access away.
        is_about_group: Only those about groups at targets.
        ids: Only these.
    """

    state: CaseState | None = None
    source: str | None = None
    rule: str | None = None
    trigger: Trigger | None = None
    target: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    flood_id: str | None = None
    situation: Wanted | None = None
    search: str | None = None
    column: Column | None = None
    kind_is_leave: bool = False
    is_about_group: bool = False
    ids: tuple[str, ...] | None = None

    @property
    def narrows(self) -> bool:
        """Whether it asks for anything beside the state and the way access goes."""
        return any(getattr(self, one.name) is not None for one in fields(self) if one.name not in _WIDE)


_WIDE = frozenset({"state", "kind_is_leave", "is_about_group"})
