"""What an action returns when nothing went wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from scimbridge.sdk.documents import storable, storable_document
from scimbridge.sdk.errors import LONGEST_WAIT, RetryableError


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


def checked(outcome: Any) -> Outcome:
    """Return what an action returned, once it is sure that it can be stored and shown.

    Raises:
        RetryableError: It cannot; the next attempt sees what was done all the same.
    """
    try:
        return _plain(outcome)
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise RetryableError(
            f"the connector returned what cannot be used ({type(outcome).__name__}: {error}); ask whoever made it"
        ) from error


def _plain(outcome: Any) -> Outcome:
    match outcome:
        case Done():
            after = json.loads(json.dumps(storable_document(dict(outcome.after)), allow_nan=False))
            return Done(changed=bool(outcome.changed), after=after, lost=tuple(map(storable, outcome.lost)))
        case InProgress():
            return InProgress(
                handle=storable(outcome.handle),
                check_after=min(max(outcome.check_after, timedelta()), LONGEST_WAIT),
                progress=storable(outcome.progress),
            )
        case NeedsPerson():
            return replace(outcome, instructions=storable(outcome.instructions))
        case _:
            raise TypeError("it is neither Done, InProgress nor NeedsPerson")


def name_taken(name: str) -> NeedsPerson:
    """Return what is asked where a deleted account cannot come back, because another one has its name by now."""
    return NeedsPerson(
        f"another account is called {name} by now. If that is the person's new account, cancel this restore; otherwise "
        "give the other account another name, then retry"
    )
