"""What a list of a target's accounts shows that the bridge's own records do not, and the runs that find it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Mismatch(StrEnum):
    """How an account is not as it should be."""

    DRIFTED = "drifted"
    """Its person is gone, a case has suspended it, and it lets somebody sign in again."""

    LEFT_OVER = "left over"
    """Its person is gone, it lets somebody sign in, and no case takes care of it."""

    CONTESTED = "contested"
    """Several active identities own it, or several match it."""

    UNLINKED = "unlinked"
    """One active identity matches it and is not linked to it: it would be looked up only when that person leaves."""

    ORPHANED = "orphaned"
    """No identity that the bridge knows is linked to it or matches it."""

    STALE = "stale"
    """Nobody has signed in with it for the time that was asked about."""

    LEFT_ALONE = "left alone"
    """It would be one of the others, and is so on purpose: an exclusion or a hold keeps the bridge away from it."""

    @property
    def needs_person(self) -> bool:
        """Whether somebody has something to do about it."""
        return self is not Mismatch.LEFT_ALONE

    @property
    def meaning(self) -> str:
        """What it says of an account, as one sentence."""
        return _MEANING[self]

    @property
    def advice(self) -> str:
        """What to do about it, as one sentence."""
        return _ADVICE[self]


_MEANING = {
    Mismatch.DRIFTED: "Its person is gone, a case has suspended it, and it lets somebody sign in again",
    Mismatch.LEFT_OVER: "Its person is gone, it lets somebody sign in, and no case takes care of it",
    Mismatch.CONTESTED: "Several active people own it, by links or by the values that accounts are found by",
    Mismatch.UNLINKED: "One active person matches it, and is not linked to it",
    Mismatch.ORPHANED: "Nobody whom the bridge knows is linked to it or matches it",
    Mismatch.STALE: "Nobody has signed in with it for the time that was asked about, and it is older than that",
    Mismatch.LEFT_ALONE: "It would be drifted, left over, orphaned or stale, and an exclusion spares it or its people; "
    "or it would be left over, and its people are held",
}

_ADVICE = {
    Mismatch.DRIFTED: "find out who let it in again, and block it there; where no case is open and the source still "
    "has them, `scimbridge cases request USERNAME --again` does that",
    Mismatch.LEFT_OVER: "`scimbridge cases request USERNAME` has them leave by the rules; where the source has deleted "
    "them, end it by hand",
    Mismatch.CONTESTED: "the bridge leaves it alone while two own it; correct one of them in its source",
    Mismatch.UNLINKED: "nothing, if the next look-up links it; else compare `match` with what the target has",
    Mismatch.ORPHANED: "find its owner, or end it by hand: nothing here says that its person has left",
    Mismatch.STALE: "ask its person; a file of leavers goes to `scimbridge cases request FILE.csv`, and a rule with "
    '`when = ["stale"]` takes such accounts away by itself',
    Mismatch.LEFT_ALONE: "nothing, for as long as the exclusion or the hold is meant",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """An identity that is linked to an account, or matches it.

    Attributes:
        linked: Whether it is linked; else its values match.
        is_gone: It is inactive or deleted.
        case_is_open: A case takes care of it.
        was_suspended: A case has suspended the account, and nothing has given it back since.
        is_changing: A task is to block the account or to give it back, or did so since the list was asked for.
        case_id: The case that takes care of it, where that was asked for.
    """

    identity_id: str
    source: str
    user_name: str
    linked: bool
    is_gone: bool
    case_is_open: bool = False
    was_suspended: bool = False
    is_changing: bool = False
    case_id: str | None = None


def mismatches(owners: Sequence[Owner], *, suspended: bool | None, unused: bool | None) -> tuple[Mismatch, ...]:
    """Return how an account is not as it should be; what the target does not tell is never held against it.

    Args:
        owners: Who is linked to it or matches it.
        suspended: Whether sign-in is blocked, as the target tells.
        unused: Whether nobody has signed in for the time asked about.
    """
    found = []
    if not owners:
        found.append(Mismatch.ORPHANED)
    elif len([owner for owner in owners if not owner.is_gone]) > 1:
        found.append(Mismatch.CONTESTED)
    elif all(owner.is_gone for owner in owners):
        found += _after_its_person(owners) if suspended is False else ()
    elif not any(owner.linked for owner in owners):
        found.append(Mismatch.UNLINKED)
    if unused and suspended is not True:
        found.append(Mismatch.STALE)
    return tuple(found)


_MEANT_BY_EXCLUSION = frozenset({Mismatch.DRIFTED, Mismatch.LEFT_OVER, Mismatch.ORPHANED, Mismatch.STALE})
_MEANT_BY_HOLD = frozenset({Mismatch.LEFT_OVER})
"""A hold explains why nothing was begun, and not why an account came back to life."""


def set_apart(found: Sequence[Mismatch], *, is_spared: bool, is_held: bool) -> tuple[Mismatch, ...]:
    """Return the same mismatches, and those that are meant to be as one of their own.

    Args:
        found: How an account is not as it should be.
        is_spared: It is never touched: an exclusion says so of it, its target or all whose it is.
        is_held: All whose it is are held themselves.
    """
    meant = (_MEANT_BY_EXCLUSION if is_spared else frozenset()) | (_MEANT_BY_HOLD if is_held else frozenset())
    return tuple(dict.fromkeys(Mismatch.LEFT_ALONE if kind in meant else kind for kind in found))


def _after_its_person(owners: Sequence[Owner]) -> tuple[Mismatch, ...]:
    if any(owner.is_changing for owner in owners):
        return ()  # what the list says may be older than what was done
    if any(owner.was_suspended for owner in owners):
        return (Mismatch.DRIFTED,)
    return () if any(owner.case_is_open for owner in owners) else (Mismatch.LEFT_OVER,)


FEW = 10
"""A list that lost fewer accounts is believed, unless none is left: of a small target, few are a large share."""


def is_doubtful(told: int, before: int, lost_percent: int) -> bool:
    """Whether a list is so much shorter than the one before that it is rather not all than true.

    Args:
        told: Of how many accounts the target tells.
        before: Of how many it told in the last complete list.
        lost_percent: How many of a hundred may be missing.
    """
    lost = before - told
    is_many = lost >= FEW or told == 0
    return is_many and lost * 100 > lost_percent * before


class RunOutcome(StrEnum):
    """How a run ended. Only a complete one has asked about everything."""

    COMPLETE = "complete"
    """All accounts were looked at."""

    BROKEN_OFF = "broken off"
    """The target did not tell all its accounts, or whoever worked on the run died, several times."""

    NOT_BELIEVED = "not believed"
    """The target told of far fewer accounts than before."""

    NO_LIST = "no list"
    """The target has no list of all its accounts."""


AWAKE = timedelta(days=30)
"""A target at which nobody at all has signed in for so long has stopped noting it, for all that anybody can tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run over all accounts of a target.

    Attributes:
        unused_for: Stale is what nobody has signed in with for so long; nothing is, where absent.
        is_believed: Somebody has said that what the target tells is true, of however few accounts.
        turn: Whoever works on it; ``None`` while nobody does.
        tries: How often somebody has begun with it.
        lease_until: When others may take it up.
        accounts: How many accounts it has looked at.
        signed_in_at: When somebody last signed in with any of them, at the latest; ``None`` where none is told.
        outcome: ``None`` while it has not ended.
        reason: Why it has broken off or is not believed, as one sentence.
        counts: How many findings of each kind it ended with; kinds without any are left out.
    """

    id: str
    target: str
    asked_at: datetime
    asked_by: str
    unused_for: timedelta | None = None
    is_believed: bool = False
    turn: str | None = None
    tries: int = 0
    lease_until: datetime | None = None
    started_at: datetime | None = None
    accounts: int = 0
    signed_in_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: RunOutcome | None = None
    reason: str = ""
    counts: Mapping[Mismatch, int] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether it has looked at all accounts."""
        return self.outcome is RunOutcome.COMPLETE

    @property
    def has_failed(self) -> bool:
        """Whether it has ended without having been told everything: it takes the place of no other one."""
        return self.outcome in (RunOutcome.BROKEN_OFF, RunOutcome.NOT_BELIEVED)

    @property
    def since(self) -> datetime | None:
        """Stale is what nobody has signed in with from then on; nothing is, where absent."""
        if self.unused_for is None or self.started_at is None:
            return None
        return self.started_at - self.unused_for

    @property
    def notes_sign_ins(self) -> bool:
        """Whether the target still notes sign-ins: somebody has signed in lately, whoever that is."""
        if self.signed_in_at is None or self.unused_for is None or self.started_at is None:
            return False
        return self.signed_in_at >= self.started_at - min(self.unused_for, AWAKE)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFinding:
    """An account that is not as it should be, in one way; one that is so in two ways has two findings.

    Attributes:
        id: The same from run to run, for as long as each finds it again; the newest sorts last.
        run_id: The run that found it last.
        native_id: The account, by the target's immutable id.
        suspended: Whether sign-in is blocked; ``None`` where the target does not tell.
        signed_in_at: When somebody last signed in, at the earliest; ``None`` where the target does not tell.
        first_seen_at: When a run found it first (UTC).
        owners: Who is linked to it, then who matches it.
    """

    id: str
    run_id: str
    target: str
    kind: Mismatch
    native_id: str
    name: str
    suspended: bool | None
    signed_in_at: datetime | None
    first_seen_at: datetime
    owners: Sequence[Owner]
