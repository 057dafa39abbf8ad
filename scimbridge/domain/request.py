"""What became of requests that people leave: a finding for each line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from scimbridge.domain.leavers import Leaver


class Outcome(StrEnum):
    """What becomes, or would become, of one line."""

    OPENED = "opened"
    """A case begins."""

    JOINED = "joined"
    """It goes on the case that is open."""

    DATED = "dated"
    """It waits for its date."""

    ALREADY = "already"
    """The person leaves already, or has left; nothing is done twice."""

    REPEATED = "repeated"
    """A line before is about the same person."""

    LEFT_ALONE = "left alone"
    """No rule is for this person, or they are excluded."""

    UNKNOWN = "unknown"
    """No source knows this person."""

    AMBIGUOUS = "ambiguous"
    """It may be several people."""

    WRONG = "wrong"
    """Something in the line cannot be."""

    @property
    def is_good(self) -> bool:
        """Whether what the line asks for happens, or has happened."""
        return self in _GOOD

    @property
    def is_new(self) -> bool:
        """Whether there is something to do for it."""
        return self in _NEW


_NEW = frozenset({Outcome.OPENED, Outcome.JOINED, Outcome.DATED})
_GOOD = _NEW | {Outcome.ALREADY, Outcome.REPEATED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What counts for every line that does not say it itself.

    Attributes:
        by: Who asks.
        reason: Why.
        date: When, as written: a date ends with its day, where the person's source is. Now where empty.
        source: Whose people are meant; those of any source where empty.
        again: Whether people who have left by a case that is complete leave once more.
    """

    by: str
    reason: str = ""
    date: str = ""
    source: str = ""
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What becomes of one line.

    Attributes:
        why: Why so, as one sentence; why not, where it is not done.
        due_at: When it begins, where that is later (UTC).
    """

    leaver: Leaver
    outcome: Outcome
    why: str = ""
    identity_id: str | None = None
    user_name: str | None = None
    source: str | None = None
    case_id: str | None = None
    due_at: datetime | None = None


class _Finding(Protocol):
    @property
    def outcome(self) -> Outcome: ...


AnyFinding = TypeVar("AnyFinding", bound=_Finding)


@dataclass(frozen=True)  # with slots, too, Python 3.11 cannot make one of a named kind
class LineReport(Generic[AnyFinding]):
    """What became of all lines.

    Attributes:
        is_done: False where nothing was done: one line could not be, or nothing was to be done.
    """

    findings: Sequence[AnyFinding]
    is_done: bool

    @property
    def failed(self) -> Sequence[AnyFinding]:
        """The lines that are not done, and why."""
        return [finding for finding in self.findings if not finding.outcome.is_good]


Report = LineReport[Finding]
