"""What the refusals of Microsoft Graph mean; https://learn.microsoft.com/graph/errors."""

from __future__ import annotations

import re
from typing import Any

from scimbridge.sdk import AccountNotFoundError, ConnectorError, RejectedError, TargetUnusableError
from scimbridge.sdk.http import Answer


class RefusedError(RejectedError):
    """Graph itself refuses this one request; not the bridge, on its way there."""


class DeniedError(RefusedError):
    """The application lacks a permission, or the account has a role that protects it."""


STATUS_ERRORS: dict[int, type[ConnectorError]] = {
    400: RefusedError,
    403: DeniedError,
    # Graph answers with a code; without one, something else is at this address.
    404: TargetUnusableError,
    409: RefusedError,
}

ABSENT = frozenset({"Request_ResourceNotFound", "ResourceNotFound", "ErrorItemNotFound", "itemNotFound"})
_NO_LONGER = "RoleAssignmentDoesNotExist"
"""What Privileged Identity Management calls the absence of what was to be removed."""
_TAKEN = ("userPrincipalName already exists", "same value for property", "proxyAddresses already exists")
NO_MAILBOX = frozenset({"MailboxNotEnabledForRESTAPI", "MailboxNotFound", "ErrorMailboxNotFound"})

_HINTS = {
    "Insufficient privileges": "the application lacks a permission, or the account has a role that protects it",
    "on-premises mastered": "it is synchronized from Active Directory, and has to be changed there",
    "already exist": "already there",
    "available licenses": "no license is free",
    "inherited from a group": "the license comes from a group",
    "at least one owner": "it would be without an owner",
    "mail-enabled": "only Exchange changes the members of mail-enabled groups",
    "userPrincipalName already exists": "somebody else has the user principal name by now",
}
"""What is known of Graph's messages, by a part of them; the messages themselves may quote personal data."""


def classify(answer: Answer) -> type[ConnectorError] | None:
    """Tell an error by its code; ``None`` where the status says enough."""
    return AccountNotFoundError if answer.status == 404 and code_of(answer) in ABSENT else None


def explain(answer: Answer) -> str:
    """Return what an answer adds for an operator: its code, a hint, and the id by which Microsoft finds the request."""
    code, message = code_of(answer), message_of(answer)
    said = [code] if re.fullmatch(r"[A-Za-z_]{1,60}", code) else []
    said += [hint for part, hint in _HINTS.items() if part in message]
    if answer.status == 404 and not code:
        said.append("does the address lead to Microsoft Graph?")
    request_id = answer.headers.get("request-id", "")
    if re.fullmatch(r"[A-Za-z0-9-]{1,64}", request_id):
        said.append(f"request-id {request_id}")
    return "; ".join(said)


def code_of(answer: Answer) -> str:
    """Return the code of an error; "" where there is none."""
    return str(_error(answer).get("code", ""))


def message_of(answer: Answer) -> str:
    """Return the text of an error, which may quote personal data."""
    return str(_error(answer).get("message", ""))


def is_absent(answer: Answer) -> bool:
    """Whether a refusal comes from Graph, and says that there is no such object."""
    code = code_of(answer)
    return (answer.status == 404 and code in ABSENT) or (answer.status == 400 and code == _NO_LONGER)


def really_absent(answer: Answer) -> None:
    """Make sure that a 404 says what it seems to say.

    Raises:
        RejectedError: It comes from something else at this address.
    """
    if answer.status == 404 and not is_absent(answer):
        raise RejectedError(f"{answer.call}: the answer 404 does not come from Microsoft Graph")


def is_there_already(answer: Answer) -> bool:
    """Whether a refusal says that what was to be added is there."""
    return answer.status == 400 and "already exist" in message_of(answer)


def is_name_taken(answer: Answer) -> bool:
    """Whether a refusal says that another account has the name, or an address, by now."""
    return answer.status in (400, 409) and any(part in message_of(answer) for part in _TAKEN)


def has_no_mailbox(answer: Answer) -> bool:
    """Whether a refusal comes from Graph, and says that there is no mailbox that it can see."""
    return is_absent(answer) or (answer.status == 404 and code_of(answer) in NO_MAILBOX)


def _error(answer: Answer) -> dict[str, Any]:
    error = (answer.json_object_or_none() or {}).get("error")
    return error if isinstance(error, dict) else {}
