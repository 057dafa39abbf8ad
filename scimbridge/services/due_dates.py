"""Whose time has come, seen to one by one: somebody who cannot be seen to keeps nobody else waiting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
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


class Pass:
    """One pass over people and accounts: somebody who cannot be seen to keeps nobody else waiting.

    Args:
        action: What it is called in the log.

    Attributes:
        locked: How many were held by somebody else, and have to be tried once more.
    """

    def __init__(self, action: str) -> None:
        self._action = action
        self.locked = 0

    @property
    def is_over(self) -> bool:
        """Whether so many are locked that the others have to wait for the next pass."""
        return self.locked >= MOST_LOCKED

    def see_to(self, about: str, see_to: Callable[[], R]) -> R | None:
        """See to one, in a transaction of its own. Returns what followed; ``None`` where it went past them.

        Args:
            about: Their id, for the log.
            see_to: Sees to them.

        Raises:
            StoreUnavailableError: Nobody can be seen to.
        """
        try:
            return see_to()
        except StoreUnavailableError:
            raise
        except StoreBusyError as error:
            # Who holds the person's lock may be a machine without power; nobody else is to wait for that.
            log.warning(
                "somebody else holds what is due", action=f"{self._action}.failed", about=about, reason=str(error)
            )
            self.locked += 1
        except Exception:  # what is wrong with one must not keep the others waiting
            log.exception("what is due cannot be seen to", action=f"{self._action}.failed", about=about)
        return None


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
    one_pass = Pass(action)
    followed: list[R] = []
    passed: set[str] = set()
    while len(passed) < MOST_PASSED:
        found = {key: one for key, one in due(BATCH + len(passed)).items() if key not in passed}
        if not found:
            break
        for key, one in found.items():
            outcome = one_pass.see_to(key, partial(see_to, one))
            if one_pass.is_over:
                return followed
            if outcome is None:
                passed.add(key)
            else:
                followed.append(outcome)
    return followed
