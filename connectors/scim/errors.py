"""What a SCIM service provider's refusals mean."""

from __future__ import annotations

from scimbridge.sdk import ConnectorError, RejectedError, RetryableError, TargetUnusableError
from scimbridge.sdk.http import Answer


class RefusedError(RejectedError):
    """The service itself refuses this one request; not the bridge, on its way there."""


class StaleError(RetryableError):
    """Somebody has changed the resource since it was read; nothing was written."""


# RFC 7644 §3.12, table 8. Where a 404 is about an account, the client looks at it first.
STATUS_ERRORS: dict[int, type[ConnectorError]] = {
    301: TargetUnusableError,
    302: TargetUnusableError,
    307: TargetUnusableError,
    308: TargetUnusableError,
    400: RefusedError,
    401: TargetUnusableError,
    403: RefusedError,
    404: TargetUnusableError,
    405: RefusedError,
    409: RefusedError,
    412: StaleError,
    413: RefusedError,
    422: RefusedError,
    429: RetryableError,
    500: RetryableError,
    501: RefusedError,
    502: RetryableError,
    503: RetryableError,
    504: RetryableError,
}
"""Status to error. Others go by the table of ``scimbridge.sdk.http``."""

# RFC 7644 §3.12, table 9.
KEYWORDS = frozenset(
    {
        "invalidFilter",
        "tooMany",
        "uniqueness",
        "mutability",
        "invalidSyntax",
        "invalidPath",
        "noTarget",
        "invalidValue",
        "invalidVers",
        "sensitive",
    }
)
"""The values of ``scimType``. Shown to operators; ``detail`` is not, for it may quote personal data."""

ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"


def explain(answer: Answer) -> str:
    """Return what an answer adds for an operator: the keyword of an error, a hint at a redirect, or nothing."""
    if 300 <= answer.status < 400:
        return "a redirect; correct base_url"
    keyword = (answer.json_object_or_none() or {}).get("scimType")
    return keyword if isinstance(keyword, str) and keyword in KEYWORDS else ""


def is_scim_error(answer: Answer) -> bool:
    """Whether an answer is a SCIM error message, and so comes from the service itself and not from a proxy."""
    schemas = (answer.json_object_or_none() or {}).get("schemas")
    return isinstance(schemas, list) and ERROR_SCHEMA in schemas
