"""What a list of a target's accounts shows that the bridge's own records do not: one answer for each account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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

    @property
    def advice(self) -> str:
        """What to do about it, as one sentence."""
        return _ADVICE[self]


_ADVICE = {
    Mismatch.DRIFTED: "find out who let it in again; `scimbridge cases request USERNAME --again` takes it away again",
    Mismatch.LEFT_OVER: "`scimbridge cases request USERNAME` has them leave by the rules",
    Mismatch.CONTESTED: "the bridge leaves it alone while two own it; correct one of them in its source",
    Mismatch.UNLINKED: "nothing, if the next look-up links it; else compare `match` with what the target has",
    Mismatch.ORPHANED: "find its owner, or end it by hand: nothing here says that its person has left",
    Mismatch.STALE: "ask its person; a file of leavers goes to `scimbridge cases request --file`",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """An identity that is linked to an account, or matches it.

    Attributes:
        linked: Whether it is linked; else its values match.
        is_gone: It is inactive or deleted.
        case_is_open: A case takes care of it.
        was_suspended: A case has suspended the account, and nothing has given it back since.
    """

    identity_id: str
    source: str
    user_name: str
    linked: bool
    is_gone: bool
    case_is_open: bool = False
    was_suspended: bool = False


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


def _after_its_person(owners: Sequence[Owner]) -> tuple[Mismatch, ...]:
    if any(owner.case_is_open for owner in owners):
        return ()
    return (Mismatch.DRIFTED if any(owner.was_suspended for owner in owners) else Mismatch.LEFT_OVER,)
