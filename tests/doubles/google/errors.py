"""What Google answers where it refuses.

The reasons are those of https://developers.google.com/workspace/admin/directory/v1/limits and of the error messages
that Google's own client libraries know.
"""

from __future__ import annotations

from typing import Any

from tests.doubles.serving import Answer


class GoogleError(Exception):
    """A refusal, with its answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status, answer.body)
        self.answer = answer


def refusal(code: int, reason: str, message: str, *, domain: str = "global", **more: Any) -> Answer:
    """Return an error as the APIs of Google write it; ``more`` stands beside its message."""
    error = {"code": code, "message": message, "errors": [{"message": message, "domain": domain, "reason": reason}]}
    return Answer(status=code, body={"error": error | more})


def invalid(message: str) -> GoogleError:
    """Return the refusal of a call that is not as described."""
    return GoogleError(refusal(400, "invalid", message, status="INVALID_ARGUMENT"))


def not_found(key: str) -> GoogleError:
    """Return that there is nothing of this key; ``key`` is the name of the parameter."""
    return GoogleError(refusal(404, "notFound", f"Resource Not Found: {key}"))


def forbidden() -> GoogleError:
    """Return that whoever the token acts for may not do this."""
    return GoogleError(refusal(403, "forbidden", "Not Authorized to access this resource/api"))


def missing_scope(method: str) -> GoogleError:
    """Return that the token was not issued for this."""
    answer = refusal(
        403,
        "insufficientPermissions",
        "Request had insufficient authentication scopes.",
        status="PERMISSION_DENIED",
        details=[{"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "metadata": {"method": method}}],
    )
    header = 'Bearer realm="https://accounts.google.com/", error="insufficient_scope"'
    return GoogleError(Answer(status=403, body=answer.body, headers={"WWW-Authenticate": header}))


def no_such_page() -> GoogleError:
    """Return what Google's front end says about an address that leads nowhere."""
    page = b"<!DOCTYPE html><html lang=en><title>Error 404 (Not Found)!!1</title></html>"
    return GoogleError(Answer(status=404, body=page, headers={"Content-Type": "text/html; charset=UTF-8"}))


def unauthorized() -> GoogleError:
    """Return that a token is unknown or has run out."""
    return GoogleError(refusal(401, "authError", "Invalid Credentials", status="UNAUTHENTICATED"))


def throttled(reason: str = "userRateLimitExceeded") -> Answer:
    """Return that there were too many calls."""
    return refusal(403, reason, "Quota exceeded, slow down.", domain="usageLimits")


def failed_precondition(message: str) -> GoogleError:
    """Return that the state of things does not allow it."""
    return GoogleError(refusal(400, "failedPrecondition", message, status="FAILED_PRECONDITION"))


def condition_not_met(message: str) -> GoogleError:
    """Return that something has to be so first."""
    return GoogleError(refusal(412, "conditionNotMet", message))
