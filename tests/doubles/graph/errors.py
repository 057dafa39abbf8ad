"""What Microsoft Graph answers where it refuses; https://learn.microsoft.com/graph/errors."""

from __future__ import annotations

from collections.abc import Mapping

from tests.doubles.serving import Answer


class GraphError(Exception):
    """A refusal, with its answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status, answer.body)
        self.answer = answer


def refusal(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an error as Graph writes it."""
    inner = {"date": "2026-03-01T12:00:00", "request-id": "r-1", "client-request-id": "c-1"}
    body = {"error": {"code": code, "message": message, "innerError": inner}}
    return Answer(status=status, body=body, headers=headers or {})


def bad_request(message: str, code: str = "Request_BadRequest") -> GraphError:
    """Return that a request is not as described, or that the state of things does not allow it."""
    return GraphError(refusal(400, code, message))


def not_found(what: str) -> GraphError:
    """Return that there is no such object."""
    message = f"Resource '{what}' does not exist or one of its queried reference-property objects are not present."
    return GraphError(refusal(404, "Request_ResourceNotFound", message))


def denied() -> GraphError:
    """Return that the application lacks a permission, or that a role protects the account."""
    return GraphError(refusal(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."))


def unauthorized() -> GraphError:
    """Return that a token is unknown or has run out."""
    return GraphError(refusal(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired."))


def throttled(seconds: int | None = 1) -> Answer:
    """Return that there were too many requests."""
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    return refusal(429, "TooManyRequests", "Too many requests.", headers)
