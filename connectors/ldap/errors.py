"""From LDAP result codes and lost connections to what the engine does next.

The codes are those of RFC 4511 section 4.1.9 and, for 122, RFC 4528. Messages name
codes, attributes and operations; never a password, and never the DN of a person.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from scimbridge.sdk import (
    AccountNotFoundError,
    ConnectorError,
    RejectedError,
    RetryableError,
    TargetUnusableError,
)

SUCCESS = 0
SIZE_LIMIT_EXCEEDED = 4
NO_SUCH_ATTRIBUTE = 16
VALUE_EXISTS = 20
NO_SUCH_OBJECT = 32
INSUFFICIENT_ACCESS = 50
UNWILLING = 53
CLASS_VIOLATION = 65
HAS_CHILDREN = 66
ENTRY_EXISTS = 68
ASSERTION_FAILED = 122


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a result code stands for.

    Attributes:
        name: The name that RFC 4511 gives it.
        error: The class to raise.
        advice: What it means here, or what to do about it.
    """

    name: str
    error: type[ConnectorError]
    advice: str


RESULTS = {
    1: Meaning("operationsError", RejectedError, "the directory refused the request as it is; its own log says why"),
    2: Meaning("protocolError", RejectedError, "the directory does not understand the request"),
    3: Meaning("timeLimitExceeded", RetryableError, "the directory took longer than it allows"),
    SIZE_LIMIT_EXCEEDED: Meaning(
        "sizeLimitExceeded", RejectedError, "more entries match than the directory lists; narrow base_dn or user_filter"
    ),
    7: Meaning(
        "authMethodNotSupported", TargetUnusableError, "the directory takes no such bind; look at client_certificate"
    ),
    8: Meaning("strongerAuthRequired", TargetUnusableError, "use ldaps:// or start_tls"),
    10: Meaning(
        "referral", TargetUnusableError, "this server passes the request on; give the address that takes writes"
    ),
    11: Meaning("adminLimitExceeded", RetryableError, "a limit of the directory was reached"),
    12: Meaning("unavailableCriticalExtension", RejectedError, "the directory lacks the assertion control (RFC 4528)"),
    13: Meaning("confidentialityRequired", TargetUnusableError, "use ldaps:// or start_tls"),
    16: Meaning("noSuchAttribute", RejectedError, "the entry has no such value"),
    17: Meaning("undefinedAttributeType", RejectedError, "the attribute is unknown; is the ppolicy overlay loaded?"),
    19: Meaning("constraintViolation", RejectedError, "a constraint of the directory forbids the value"),
    20: Meaning("attributeOrValueExists", RejectedError, "the entry has this value already"),
    21: Meaning("invalidAttributeSyntax", RejectedError, "the value does not fit the attribute"),
    NO_SUCH_OBJECT: Meaning("noSuchObject", AccountNotFoundError, "the account is gone"),
    34: Meaning("invalidDNSyntax", RejectedError, "a name is not well formed"),
    48: Meaning("inappropriateAuthentication", TargetUnusableError, "the bind account cannot sign in with a password"),
    49: Meaning("invalidCredentials", TargetUnusableError, "check bind_dn and bind_password, and the account's lock"),
    INSUFFICIENT_ACCESS: Meaning("insufficientAccessRights", RejectedError, "grant the bind account"),
    51: Meaning("busy", RetryableError, "the directory is busy"),
    52: Meaning("unavailable", RetryableError, "the directory is shutting down or not ready"),
    53: Meaning("unwillingToPerform", RejectedError, "the directory refuses this, e.g. because it is read-only"),
    64: Meaning("namingViolation", RejectedError, "the directory forbids the name"),
    65: Meaning("objectClassViolation", RejectedError, "the schema forbids the change"),
    66: Meaning(
        "notAllowedOnNonLeaf", RejectedError, "there are entries below this account; delete or move them first"
    ),
    ENTRY_EXISTS: Meaning("entryAlreadyExists", RejectedError, "the name, or the membership, is there already"),
    71: Meaning("affectsMultipleDSAs", RejectedError, "it would move to another server"),
    80: Meaning("other", RejectedError, "the directory failed; its own log says why"),
    122: Meaning("assertionFailed", RetryableError, "the account was changed meanwhile; it is read again first"),
}

_UNKNOWN = Meaning("unexpected result", RejectedError, "see the directory's own log")

# What OpenSSL says where no later attempt can fare better.
_LASTING_TLS_FAILURES = ("CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER", "startTLS failed - protocolError")


class ConnectionLostError(RetryableError):
    """The directory could not be reached, or did not answer in time.

    Attributes:
        is_stale: The connection had served before, so that a new one may work at once.
    """

    def __init__(self, message: str, *, is_stale: bool) -> None:
        super().__init__(message)
        self.is_stale = is_stale


def refusal(code: int, operation: str, *, right: str) -> ConnectorError:
    """Return the error for a result code.

    Args:
        code: What the directory answered.
        operation: What was asked of it, e.g. "modify pwdAccountLockedTime".
        right: The access that the operation needs, named where it is missing.
    """
    meaning = RESULTS.get(code, _UNKNOWN)
    advice = f"{meaning.advice} {right}" if code == INSUFFICIENT_ACCESS else meaning.advice
    return meaning.error(f"{operation}: {meaning.name} ({code}): {advice}")


def checked(code: int, operation: str, *, right: str, accept: Collection[int] = ()) -> int:
    """Return a result code that is 0 or among ``accept``; raise what any other stands for, as ``refusal`` has it."""
    if code != SUCCESS and code not in accept:
        raise refusal(code, operation, right=right)
    return code


# What Active Directory says in the text of its answer (Win32 error codes, in hexadecimal).
_BIND_REASONS = {
    "525": "there is no such account",
    "52e": "the password is wrong",
    "530": "it may not sign in at this time",
    "531": "it may not sign in from here",
    "532": "its password has expired",
    "533": "it is disabled",
    "701": "it has expired",
    "773": "its password must be changed first",
    "775": "it is locked",
}
_BIND_REASON = re.compile(r"\bdata ([0-9a-fA-F]{3})\b")


def bind_refusal(code: int, message: str = "") -> ConnectorError:
    """Return the error for a refused bind of our own.

    Args:
        code: What the directory answered.
        message: Its text beside the code.

    Anything that waiting does not cure stops all work at the target at once: each
    further attempt would bring the bind account closer to being locked.
    """
    error = refusal(code, "bind", right="the right to bind")
    if isinstance(error, RetryableError):
        return error
    told = _BIND_REASON.search(message)
    reason = _BIND_REASONS.get(told[1].casefold(), "") if told else ""
    return TargetUnusableError(
        f"{error}; Active Directory says of the bind account: {reason}" if reason else str(error)
    )


def unreachable(reason: str, *, is_stale: bool) -> ConnectorError:
    """Return the error for a connection that could not be made, or broke.

    Args:
        reason: What the socket, OpenSSL or the client library said.
        is_stale: The connection had served before.
    """
    if any(failure in reason for failure in _LASTING_TLS_FAILURES):
        return TargetUnusableError(
            f"no trusted connection to the directory; check url, ca_file and start_tls: {reason}"
        )
    return ConnectionLostError(f"the directory cannot be reached: {reason}", is_stale=is_stale)
