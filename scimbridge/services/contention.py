"""Units of work that the database undid because they waited for each other are done once more."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from scimbridge.errors import StoreBusyError
from scimbridge.store.database import Database, is_deadlock

TRIES = 5

P = ParamSpec("P")
R = TypeVar("R")


def retried(work: Callable[P, R]) -> Callable[P, R]:
    """Have a method that is one transaction done again, up to five times, where PostgreSQL broke a deadlock by it.

    Within another transaction it is not: that one is undone as a whole.
    """

    @wraps(work)
    def again(*args: P.args, **kwargs: P.kwargs) -> R:
        database: Database = args[0]._database  # type: ignore[attr-defined]  # a method of a service
        for _ in range(TRIES - 1):
            try:
                return work(*args, **kwargs)
            except StoreBusyError as error:
                if database.is_writing or not is_deadlock(error):
                    raise
        return work(*args, **kwargs)

    return again
