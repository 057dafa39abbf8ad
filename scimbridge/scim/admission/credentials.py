"""Reading the Authorization header (RFC 9110 §11.6.2)."""

from __future__ import annotations

import base64
import binascii

from starlette.types import Scope

from scimbridge.domain.access import LONGEST_TOKEN, BearerToken, Credential, Login


def authorization(scope: Scope) -> bytes | None:
    """Return the value of a request's Authorization header; ``None`` where there is none, or more than one."""
    found = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            if found is not None:
                return None
            found = value
    return found


def credential_of(header: bytes) -> Credential | None:
    """Return what a header presents, or ``None`` where that is nothing known; schemes are compared without case."""
    scheme, _, rest = header.partition(b" ")
    rest = rest.strip()
    if len(rest) > LONGEST_TOKEN or not rest.isascii():
        return None
    match scheme.lower():
        case b"bearer" if rest:
            return BearerToken(rest.decode("ascii"))
        case b"basic":
            return login_of(rest)
        case _:
            return None


def login_of(encoded: bytes) -> Login | None:
    """Return name and password of a Basic credential (RFC 7617 §2), or ``None`` where it is none."""
    try:
        text = base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    username, colon, password = text.partition(":")
    return Login(username, password) if colon else None
