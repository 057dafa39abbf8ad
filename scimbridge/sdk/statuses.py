"""What the status of an HTTP answer means, and how long it asks to wait."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from scimbridge.sdk.errors import ConnectorError, RejectedError, RetryableError, TargetUnusableError

BUSY = frozenset({429, 502, 503, 504})
"""Answers after which a moment's patience may help."""

STATUS_ERRORS: Mapping[int, type[ConnectorError]] = {
    400: RejectedError,
    401: TargetUnusableError,
    403: RejectedError,
    408: RetryableError,
    409: RejectedError,
    # Somebody changed the resource since it was read; the next attempt reads again.
    412: RetryableError,
    422: RejectedError,
    425: RetryableError,
    429: RetryableError,
    501: RejectedError,
}
"""What an answer means where the connector's own table says nothing else."""

ErrorTable = Mapping[int, type[ConnectorError]]


def error_for(status: int, table: ErrorTable) -> type[ConnectorError]:
    """Return what an answer that is no success means: by the connector's table, the general one, or its class."""
    found = table.get(status) or STATUS_ERRORS.get(status)
    if found is not None:
        return found
    if status >= 500:
        return RetryableError
    return RejectedError if status >= 400 else TargetUnusableError


def is_throttling(status: int, retry_after: timedelta | None) -> bool:
    """Whether an answer that may be asked for again says that there were too many calls.

    A 403 that is no refusal for good is how Google says so; a 503 without Retry-After is a fault and not a wish.
    """
    return status in {403, 429} or (status == 503 and retry_after is not None)


# Beside Retry-After, which comes first: names without a standard, and that of draft-ietf-httpapi-ratelimit-headers.
_RESETS = ("x-ratelimit-reset", "x-rate-limit-reset", "ratelimit-reset")
_A_DAY = timedelta(days=1)


def asked_wait(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return how long an answer asks to wait, by Retry-After or by when the limit of calls begins anew.

    Args:
        headers: By lower-case name.
        now: In UTC.
    """
    asked = parse_retry_after(headers.get("retry-after"), now)
    if asked is not None:
        return asked
    return next((wait for name in _RESETS if (wait := _until_reset(headers.get(name), now)) is not None), None)


def _until_reset(value: str | None, now: datetime) -> timedelta | None:
    """Return the wait until a limit begins anew: seconds from now, or since 1970, of a day at most.

    Nobody's limits begin anew later than that; what says so means something else, like milliseconds.
    """
    text = (value or "").strip()
    if not (text.isascii() and text.isdigit()) or len(text) > len("9999999999"):
        return None
    seconds = int(text)
    wait = timedelta(seconds=seconds if seconds <= _A_DAY.total_seconds() else seconds - int(now.timestamp()))
    return max(wait, timedelta()) if wait <= _A_DAY else None


def parse_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Return how long a Retry-After header asks to wait (RFC 9110 §10.2.3), or ``None`` where it says nothing.

    Args:
        value: Seconds or an HTTP date.
        now: In UTC, for a date; one that has passed asks for no wait at all.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        # Ten digits are three hundred years; more would not fit a timedelta.
        return timedelta(seconds=int(text[:10]))
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return max((at if at.tzinfo else at.replace(tzinfo=UTC)) - now, timedelta())
