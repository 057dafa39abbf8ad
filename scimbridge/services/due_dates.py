"""Whose time has come, seen to one by one: somebody who cannot be seen to keeps nobody else waiting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import structlog

from scimbridge.errors import StoreBusyError, StoreUnavailableError

BATCH = 100

MOST_PASSED = 100
"""Where more cannot be seen to in one pass, it is nothing about them; the next pass begins anew."""

MOST_LOCKED = 3
"""For each the database waits for seconds, and in that time the sweeper does nothing else."""

T = TypeVar("T")
R = TypeVar("R")

log = structlog.get_logger("scimbridge.sweeping")


def see_to_each(
    due: Callable[[int], Mapping[str, T]], see_to: Callable[[T], R | None], *, action: str = "date"
) -> list[R]:
    """See to all whose time has come, those first whose time came first. Returns what followed.

    Args:
        due: Returns so many of them at most, by id.
        see_to: Sees to one in a transaction of its own; returns nothing where there is nothing to do any more.
        action: What it is called in the log.

    Raises:
        StoreUnavailableError: Nobody can be seen to.
    """
    followed: list[R] = []
    passed: set[str] = set()
    locked: list[str] = []
    while len(passed) < MOST_PASSED:
        found = {key: one for key, one in due(BATCH + len(passed)).items() if key not in passed}
        if not found:
            break
        for key, one in found.items():
            outcome = _seen_to(key, one, see_to, locked, action)
            if len(locked) >= MOST_LOCKED:
                return followed
            if outcome is None:
                passed.add(key)
            else:
                followed.append(outcome)
    return followed


def _seen_to(key: str, one: T, see_to: Callable[[T], R | None], locked: list[str], action: str) -> R | None:
    try:
        return see_to(one)
    except StoreUnavailableError:
        raise
    except StoreBusyError as error:
        # Who holds the person's lock may be a machine without power; nobody else is to wait for that.
        log.warning("somebody else holds what is due", action=f"{action}.failed", about=key, reason=str(error))
        locked.append(key)
    except Exception:  # what is wrong with one must not keep the others waiting
        log.exception("what is due cannot be seen to", action=f"{action}.failed", about=key)
    return None
