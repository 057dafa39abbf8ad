"""What an action returns when nothing went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The target is now as the action wants it.

    Attributes:
        changed: False when it already was, and nothing was written.
        after: Facts worth keeping as evidence, e.g. the target's answer. It is kept for good: no secrets, and no names.
        lost: What could not be given back, one sentence each; for actions that undo.
    """

    changed: bool
    after: Mapping[str, Any] = field(default_factory=dict)
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InProgress:
    """The target has accepted and works on it; the engine asks again after a time.

    Attributes:
        handle: What the target calls the work; handed back with the account's state (``handle``).
        check_after: After how long to ask again.
        progress: How far it is, as part of a sentence, e.g. "2 GiB of 40 GiB archived"; shown to operators.
    """

    handle: str
    check_after: timedelta
    progress: str = ""


@dataclass(frozen=True, slots=True)
class NeedsPerson:
    """Only a person can do this; the instructions say what, step by step."""

    instructions: str


Outcome = Done | InProgress | NeedsPerson
"""What an action returns; trouble is raised."""


def name_taken(name: str) -> NeedsPerson:
    """Return what is asked where a deleted account cannot come back, because another one has its name by now."""
    return NeedsPerson(
        f"another account is called {name} by now. If that is the person's new account, cancel this restore; otherwise "
        "give the other account another name, then retry"
    )
