"""Where a process can be killed: the named points between and inside its transactions.

A point is reached when a method of the product returns (or, where the point says so, before it
is called). The product knows nothing of it: the method is wrapped in the process that is to die.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import Any

from scimbridge.queue.courier import Courier
from scimbridge.sdk import Done
from scimbridge.sdk.connector import Connector
from scimbridge.services import settling
from scimbridge.services.claiming import Claim, Claiming
from scimbridge.services.recording import Recording
from scimbridge.services.sweeping import Sweeping
from scimbridge.store import agenda, attempts, journal


class Role(StrEnum):
    """The processes that a bridge consists of."""

    WEB = "web"
    WORKER = "worker"
    SWEEPER = "sweeper"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashPoint:
    """One place in the product's course.

    Attributes:
        owner: The class or module that has the function.
        before: Die before the call instead of after it.
        is_rare: Whether few processes come by; the first passage is the one to use.
        counts: Whether a call with this result (and these arguments) passes the point.
    """

    role: Role
    owner: Any
    function: str
    before: bool = False
    is_rare: bool = False
    counts: Callable[[Any, tuple[Any, ...]], bool] = lambda _result, _arguments: True


def _truthy(result: Any, _arguments: tuple[Any, ...]) -> bool:
    return bool(result)


POINTS: dict[str, CrashPoint] = {
    # In the web process, around the commit that the answer stands for.
    "intake not committed": CrashPoint(role=Role.WEB, owner=journal, function="record_request"),
    "intake committed, queue not told": CrashPoint(role=Role.WEB, owner=Courier, function="submit", before=True),
    # In the worker, in the order of an attempt.
    "claim committed, not read": CrashPoint(
        role=Role.WORKER, owner=Claiming, function="claim", counts=lambda result, _: isinstance(result, Claim)
    ),
    "link committed": CrashPoint(role=Role.WORKER, owner=Claiming, function="link", counts=_truthy),
    "read committed, nothing changed": CrashPoint(role=Role.WORKER, owner=Claiming, function="accept_read"),
    "confirmed, not deleted": CrashPoint(role=Role.WORKER, is_rare=True, owner=Claiming, function="confirm"),
    "target changed, not recorded": CrashPoint(
        role=Role.WORKER,
        owner=Connector,
        function="perform",
        counts=lambda result, _: isinstance(result, Done) and result.changed,
    ),
    "record not committed": CrashPoint(role=Role.WORKER, owner=settling, function="settle"),
    "record committed": CrashPoint(role=Role.WORKER, owner=Recording, function="record"),
    # In the sweeper, in the order of a pass.
    "release not committed": CrashPoint(
        role=Role.SWEEPER,
        is_rare=True,
        owner=agenda,
        function="release_all",
        counts=lambda _, arguments: bool(arguments[1]),
    ),
    "released, queue not told": CrashPoint(
        role=Role.SWEEPER, is_rare=True, owner=Sweeping, function="release", counts=_truthy
    ),
    "rescue not committed": CrashPoint(
        role=Role.SWEEPER, is_rare=True, owner=attempts, function="end_lapsed", counts=_truthy
    ),
    "rescued, not submitted": CrashPoint(
        role=Role.SWEEPER, is_rare=True, owner=Sweeping, function="rescue", counts=_truthy
    ),
    "submitted": CrashPoint(role=Role.SWEEPER, owner=Sweeping, function="submit", counts=_truthy),
}


def points_of(role: Role) -> list[str]:
    """Return the names of the points in one kind of process."""
    return [name for name, point in POINTS.items() if point.role is role]


def arm(name: str, passage: int) -> None:
    """Have this process kill itself (SIGKILL) at a point, when it passes there for the ``passage``-th time."""
    point = POINTS[name]
    original = getattr(point.owner, point.function)
    turn, passed = threading.Lock(), [0]

    def pass_by(result: Any, arguments: tuple[Any, ...]) -> None:
        if point.counts(result, arguments):
            with turn:
                passed[0] += 1
                if passed[0] == passage:
                    os.kill(os.getpid(), signal.SIGKILL)

    @wraps(original)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        if point.before:
            pass_by(None, arguments)
        result = original(*arguments, **options)
        if not point.before:
            pass_by(result, arguments)
        return result

    setattr(point.owner, point.function, wrapped)
