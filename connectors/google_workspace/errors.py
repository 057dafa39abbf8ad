"""What Google's refusals mean.

One status has several meanings: the reason in the body decides. See
https://developers.google.com/workspace/admin/directory/v1/limits and
https://developers.google.com/workspace/drive/api/guides/handle-errors.
"""

from __future__ import annotations

import re
from typing import Any

from scimbridge.sdk import (
    AccountNotFoundError,
    ConnectorError,
    RejectedError,
    RetryableError,
    TargetUnusableError,
)
from scimbridge.sdk.http import Answer

BUSY = frozenset(
    {
        "userRateLimitExceeded",
        "rateLimitExceeded",
        "quotaExceeded",
        "sharingRateLimitExceeded",
        "RATE_LIMIT_EXCEEDED",
        "RESOURCE_EXHAUSTED",
        "backendError",
        "internalError",
        "transientError",
        "badGateway",
        "gatewayTimeout",
    }
)
"""Reasons that go by themselves, whatever the status."""


class RefusedError(RejectedError):
    """Google itself refuses this one request; not the bridge, on its way there."""


STATUS_ERRORS: dict[int, type[ConnectorError]] = {
    400: RefusedError,
    403: RefusedError,
    # An API answers with a reason; without one, something else is at this address.
    404: TargetUnusableError,
    409: RefusedError,
    # The table of the SDK holds that somebody changed the resource; here it is a state that only a person mends.
    412: RefusedError,
}

_UNFINISHED = "User creation is not complete"
_HINTS = {
    "INVALID_OU_ID": "there is no such organizational unit",
    "Insufficient archived user licenses": "there is no free license for archived users",
    "adminCannotUnsuspend": "Google itself has suspended the account; only Google's support can lift that",
    "hold": "Google Vault holds what belongs to the account",
    "Mail service not enabled": "the account has no mailbox, or is suspended",
}
"""What is known of Google's messages, by a part of them; the messages themselves may quote personal data."""


def classify(answer: Answer) -> type[ConnectorError] | None:
    """Tell an error by its reason; ``None`` where the status says enough."""
    if is_busy(answer) or (answer.status == 412 and _UNFINISHED in _message(answer)):
        return RetryableError
    return AccountNotFoundError if is_absent(answer) else None


def explain(answer: Answer) -> str:
    """Return what an answer adds for an operator: its reason, and a hint where the message is a known one."""
    shown = sorted(each for each in reasons(answer) if re.fullmatch(r"[A-Za-z_]{1,60}", each))
    hints = [hint for part, hint in _HINTS.items() if part in _message(answer)]
    if answer.status == 404 and not shown:
        hints.append("does the address lead to Google's API?")
    if "forbidden" in shown:
        hints.append("the administrator in `subject` lacks the right, or the account is another administrator's")
    return "; ".join([*shown, *hints])


def is_busy(answer: Answer) -> bool:
    """Whether an answer names a reason that goes by itself."""
    return not reasons(answer).isdisjoint(BUSY)


def is_absent(answer: Answer) -> bool:
    """Whether a 404 comes from the API itself, and not from whatever else is at the address."""
    return answer.status == 404 and not reasons(answer).isdisjoint({"notFound", "NOT_FOUND"})


def is_precondition(answer: Answer) -> bool:
    """Whether the state of the account does not allow the call."""
    return answer.status == 400 and not reasons(answer).isdisjoint({"failedPrecondition", "FAILED_PRECONDITION"})


def reasons(answer: Answer) -> set[str]:
    """Return the reasons that an error names; its status where it names none, as some of Google's APIs have it."""
    error = _error(answer)
    listed = [*(error.get("errors") or []), *(error.get("details") or [])]
    named = {str(each["reason"]) for each in listed if isinstance(each, dict) and "reason" in each}
    return named or ({str(error["status"])} if "status" in error else set())


def _message(answer: Answer) -> str:
    return str(_error(answer).get("message", ""))


def _error(answer: Answer) -> dict[str, Any]:
    error = (answer.json_object_or_none() or {}).get("error")
    return error if isinstance(error, dict) else {}
