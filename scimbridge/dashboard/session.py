"""Who looks at a page. This is the one place that knows how somebody shows who they are."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.requests import Request

from scimbridge.dashboard.access import is_local, refusal
from scimbridge.domain.operator import Operator, Role

LOCAL = Operator("local", Role.OPERATOR)
"""Somebody on this machine, who may do what its command line does for them."""

_SECRET = secrets.token_urlsafe(24)


class NotAdmittedError(Exception):
    """Nobody may look who has not shown who they are.

    Attributes:
        instead: What to do, for people to read.
    """

    def __init__(self, instead: str) -> None:
        super().__init__("no operator")
        self.instead = instead


def operator_of(request: Request) -> Operator:
    """Return who looks.

    Raises:
        NotAdmittedError: It is nobody whom the bridge knows.
    """
    if not is_local(request):
        raise NotAdmittedError(refusal(request))
    return LOCAL


def csrf_of(_request: Request) -> str:
    """Return what every form of this operator carries; other sites cannot read it."""
    return _SECRET


def is_own_form(request: Request, form: Mapping[str, str]) -> bool:
    """Whether a form came from a page of ours that this operator was shown."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        return False
    return hmac.compare_digest(form.get("csrf", "").encode(), csrf_of(request).encode())
