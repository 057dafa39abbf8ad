"""What an operator means to do to cases, singly or to all that a query finds; and what keeps it from some of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class CaseAction(StrEnum):
    """What can be done to many cases at once."""

    CANCEL = "cancel"
    """Call them off; what they have done stays done."""

    EXPEDITE = "expedite"
    """Let a stage skip its grace; approvals, holds, the guard and the order stay."""

    HOLD = "hold"
    """Place a hold on each."""

    RELEASE = "release"
    """Lift the holds that are on each of them, a flood's too; legal ones stay."""

    RETRY = "retry"
    """Try again what failed or waits."""

    RESTORE = "restore"
    """Give back what they have taken, by a new case each."""


class Obstacle(StrEnum):
    """Why something is not done to a case."""

    ENDED = "it has ended"
    GIVES_BACK = "it gives access back"
    NOT_PLANNED = "nothing in that stage waits for its grace"
    HELD = "a hold is on it already"
    NOT_HELD = "no hold is on it"
    LEGAL = "only a legal hold is on it, which is lifted by its id"
    NOTHING_FAILED = "nothing in it has failed or waits"
    TOOK_NOTHING = "it has taken nothing"
    NOT_NEWEST = "a newer case decides what they have"


_OBSTACLES = {
    CaseAction.CANCEL: (Obstacle.ENDED, Obstacle.GIVES_BACK),
    CaseAction.EXPEDITE: (Obstacle.ENDED, Obstacle.NOT_PLANNED),
    CaseAction.HOLD: (Obstacle.ENDED, Obstacle.HELD),
    CaseAction.RELEASE: (Obstacle.ENDED, Obstacle.NOT_HELD, Obstacle.LEGAL),
    CaseAction.RETRY: (Obstacle.ENDED, Obstacle.NOTHING_FAILED),
    CaseAction.RESTORE: (Obstacle.GIVES_BACK, Obstacle.NOT_NEWEST, Obstacle.TOOK_NOTHING),
}
_AFTERWARDS = {
    CaseAction.CANCEL: "There is no undo: what they have done stays done, and a canceled case stays canceled.",
    CaseAction.EXPEDITE: "There is no undo: a hold stops what has not begun.",
    CaseAction.HOLD: "Releasing them lifts the holds.",
    CaseAction.RELEASE: "Holding them stops what has not begun.",
    CaseAction.RETRY: "There is nothing to undo: a hold stops what has not begun.",
    CaseAction.RESTORE: "There is no undo: it takes a new case to take the access away again.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is meant.

    Attributes:
        stage: Which stage skips its grace, from 1; said, so that saying it twice does not let the next one go, too.
        until: When the holds end by themselves (UTC); never where absent.
    """

    action: CaseAction
    stage: int = 1
    until: datetime | None = None

    @property
    def obstacles(self) -> tuple[Obstacle, ...]:
        """What keeps it from a case; the first one that fits is the reason."""
        return _OBSTACLES[self.action]

    @property
    def can_be_undone(self) -> bool:
        """Whether another action takes it back whole."""
        return self.action in (CaseAction.HOLD, CaseAction.RELEASE)

    @property
    def afterwards(self) -> str:
        """How it can be taken back, or that it cannot; a sentence."""
        return _AFTERWARDS[self.action]
