"""Runs of reconciliation, and what they found."""

from __future__ import annotations

from scimbridge.api.endpoint import Answer, Model
from scimbridge.api.paging import Page, Paging
from scimbridge.api.values import At, Duration, Name, Text
from scimbridge.domain.reconciliation import Mismatch, RunOutcome


class RunLine(Answer):
    """A run over all accounts of a target."""

    id: str
    target: str
    asked_at: At
    asked_by: str
    unused_for_seconds: float | None
    """Stale is what nobody has signed in with for so long; nothing is where null."""

    believed: bool
    """Somebody has said that what the target tells is true, of however few accounts."""

    started_at: At | None
    accounts: int
    """How many it has looked at."""

    ended_at: At | None
    outcome: RunOutcome | None
    """Null until it has ended. Only a complete one has asked about everything; one is not believed where the target
    told of far fewer accounts than in the last complete one."""

    reason: str
    """Why it broke off, or is not believed."""


class ReconciledLine(Answer):
    """How far a target is reconciled."""

    target: str
    has_list: bool | None
    """Whether it gives out a list of all accounts; null where nobody has asked."""

    counts: dict[Mismatch, int]
    """How many findings stand, by kind."""

    shown: RunLine | None
    """The run whose findings stand: the newest complete one, or the newest that ended if none is."""

    complete_at: At | None
    """When the newest complete run ended."""

    last: RunLine | None
    """The newest run that ended. Where it broke off or is not believed, what stands is older, or not all."""

    under_way: RunLine | None
    progress: float | None
    """How far that is, from 0 to 1, as far as it can be told."""

    next_at: At | None
    """When the target's schedule asks for the next one."""


class Reconciliation(Answer):
    """All targets."""

    items: list[ReconciledLine]


class RunRequest(Model):
    """What to look for."""

    believe: bool = False
    """What the target tells is true, of however few accounts; said of a run that is under way, too."""

    unused_for: Duration | None = None
    """Stale is what nobody has signed in with for so long; else the target's `stale_after`."""


class FindingList(Paging):
    """Which findings."""

    target: Name | None = None
    kind: Mismatch | None = None
    search: Text = ""
    """A part of the account's name, in any case."""


class FindingOwner(Answer):
    """Who is linked to an account, or matches it."""

    identity_id: str
    source: str
    user_name: str
    linked: bool
    gone: bool
    """Inactive or deleted by now."""

    case_id: str | None
    """Their open case."""


class MismatchLine(Answer):
    """An account that is not as it should be, in one way."""

    id: str
    """The same from run to run, for as long as each finds it again."""

    target: str
    kind: Mismatch
    account_id: str
    """The target's immutable id."""

    name: str
    suspended: bool | None
    signed_in_at: At | None
    first_seen_at: At
    advice: str
    owners: list[FindingOwner]


class FindingPage(Page[MismatchLine]):
    """Findings, those that were first seen last first."""
