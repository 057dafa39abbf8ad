"""How often and how soon a request is sent again within one call; what takes longer the engine does again."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import tenacity

from scimbridge.sdk.errors import RetryableError
from scimbridge.sdk.troubles import Failure

_RNG = random.Random()  # noqa: S311  # jitter is no secret


def resending(
    *, tries: int, patience: timedelta, is_too_late: Callable[[float], bool], sleep: Callable[[float], None]
) -> tenacity.Retrying:
    """Return what calls a sending until it returns no ``Failure`` that may be resent, and then returns its result.

    Args:
        tries: How often it is sent at most.
        patience: How long all waiting lasts together at most.
        is_too_late: Whether the deadline has passed after so many seconds more.
        sleep: Waits so many seconds.
    """

    def exhausted(state: tenacity.RetryCallState) -> bool:
        waited = state.idle_for + state.upcoming_sleep
        return state.attempt_number >= tries or waited > patience.total_seconds() or is_too_late(state.upcoming_sleep)

    return tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda result: isinstance(result, Failure) and result.may_resend),
        wait=_wait,
        stop=exhausted,
        sleep=sleep,
        retry_error_callback=_last_result,
    )


def _wait(state: tenacity.RetryCallState) -> float:
    """Full jitter under a doubling ceiling, and never less than the target asked for."""
    result = state.outcome.result() if state.outcome is not None else None
    asked = (
        result.error.retry_after if isinstance(result, Failure) and isinstance(result.error, RetryableError) else None
    )
    ceiling = 0.25 * 2**state.attempt_number
    return max(_RNG.uniform(0, ceiling), asked.total_seconds() if asked is not None else 0.0)


def _last_result(state: tenacity.RetryCallState) -> Any:
    return state.outcome.result() if state.outcome is not None else None
