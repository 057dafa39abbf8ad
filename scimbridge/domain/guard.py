"""The guard: how many identities may be suspended, stripped or deleted in a window of time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from math import inf

from scimbridge.domain.action import GuardClass
from scimbridge.domain.duration import format_duration


class GuardScope(StrEnum):
    """Over what is counted."""

    OVERALL = "overall"
    SOURCE = "source"
    TARGET = "target"


_LOSSES: Mapping[GuardClass, str] = {
    GuardClass.ALL: "would lose access",
    GuardClass.SUSPEND: "would be suspended",
    GuardClass.STRIP: "would lose groups or licenses",
    GuardClass.DELETE: "would lose an account or its data",
    GuardClass.GROUPS: "would be given up",
}


def where(scope: GuardScope, subject: str) -> str:
    """Return what a limit is for, for a sentence."""
    return f"{scope} {subject}" if subject else "all sources and targets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most so many distinct identities within a rolling window; either number binds.

    Attributes:
        subject: The name of the source or target; empty overall.
        count: The number of identities.
        percent: The share of the identities that were active when the window began.
        key: What tells it from the others: scope, subject and class.
    """

    scope: GuardScope
    subject: str
    guard_class: GuardClass
    window: timedelta
    count: int | None = None
    percent: float | None = None
    key: tuple[str, str, str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", (self.scope.value, self.subject, self.guard_class.value))

    def most(self, active: int, floor: int) -> float:
        """Return how many identities the window has room for; one at least, or nobody could ever leave.

        Args:
            active: How many were active when the window began.
            floor: The percentage binds where at least so many were active.
        """
        bounds = [inf if self.count is None else float(self.count)]
        if self.percent is not None and active >= floor:
            bounds.append(max(1.0, active * self.percent / 100))
        return min(bounds)

    def least(self, floor: int) -> float:
        """Return how many identities the window has room for at any rate, however many were active."""
        return self.most(floor, floor)

    @property
    def where(self) -> str:
        """What it is for, for a sentence."""
        return where(self.scope, self.subject)

    def tripped(self, active: int, floor: int) -> str:
        """Return what has come, and which number bound it, as one sentence without an end."""
        share = self.percent is not None and self.most(active, floor) != self.count
        limit = f"{self.percent:g}% of {active} that were active" if share else f"{self.count}"
        what = "groups" if self.guard_class is GuardClass.GROUPS else "identities"
        return (
            f"more {what} {_LOSSES[self.guard_class]} within {format_duration(self.window)} "
            f"at {self.where} than {limit}"
        )


@dataclass(frozen=True, slots=True)
class Guard:
    """All limits.

    Attributes:
        floors: From how many active identities on the percentage binds, by scope and subject.
    """

    limits: tuple[Limit, ...] = ()
    floors: Mapping[tuple[GuardScope, str], int] = field(default_factory=dict)

    def floor(self, limit: Limit) -> int:
        """Return from how many active identities on a limit's percentage binds."""
        return self.floors.get((limit.scope, limit.subject), 0)

    def concerned(self, source: str, counted: Mapping[str, frozenset[GuardClass]]) -> Iterable[Limit]:
        """Return the limits that a plan counts for, in a fixed order, so that locks are taken in one.

        Args:
            source: Whose identity it is.
            counted: What the plan counts as at each target.
        """
        anywhere = frozenset().union(*counted.values())
        for limit in self.limits:
            match limit.scope:
                case GuardScope.OVERALL:
                    classes = anywhere
                case GuardScope.SOURCE:
                    classes = anywhere if limit.subject == source else frozenset()
                case GuardScope.TARGET:
                    classes = counted.get(limit.subject, frozenset())
            if limit.guard_class in classes:
                yield limit
