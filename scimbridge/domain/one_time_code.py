"""Codes of an authenticator app (TOTP, RFC 6238): six digits, SHA-1, thirty seconds, which is what all apps know."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from datetime import datetime
from urllib.parse import quote, urlencode

STEP = 30
"""Seconds that a code is shown."""

DRIFT = 1
"""How many steps the clock of a phone may be off, either way (RFC 6238 §5.2 recommends one)."""

_SECRET_BYTES = 20  # RFC 4226 §4 recommends 160 bits


def new_secret() -> str:
    """Return a new secret, in Base32 as apps take it."""
    return base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def is_secret(text: str) -> bool:
    """Whether a text is a secret as ``new_secret`` makes them."""
    try:
        return len(base64.b32decode(text)) == _SECRET_BYTES
    except (binascii.Error, ValueError):
        return False


def code_at(secret: str, step: int) -> str:
    """Return the code of a step (RFC 4226 §5.3)."""
    mac = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), hashlib.sha1)
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """Return the step that a code is of, or ``None`` where it is of none around now.

    The caller refuses a step that is not later than the last one used: a code is good once (RFC 6238 §5.2).
    """
    digits = "".join(code.split())
    current = int(now.timestamp()) // STEP
    found = None
    for step in range(current - DRIFT, current + DRIFT + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), digits.encode()):
            found = step
    return found


def address_of(secret: str, name: str, issuer: str) -> str:
    """Return the ``otpauth`` address that apps read from a QR code.

    Args:
        secret: In Base32.
        name: The operator's.
        issuer: What the app calls the bridge.
    """
    query = urlencode({"secret": secret, "issuer": issuer}, quote_via=quote)
    return f"otpauth://totp/{quote(issuer)}:{quote(name)}?{query}"
