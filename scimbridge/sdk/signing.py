"""Signatures of webhook calls, as Standard Webhooks has them, so that its libraries verify them.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from datetime import datetime

PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64


def parse_key(secret: str) -> bytes:
    """Return the key that a secret holds.

    Raises:
        ValueError: It is no such secret; the message says how to make one, and does not repeat it.
    """
    try:
        if not secret.startswith(PREFIX):
            raise ValueError
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:  # binascii.Error is one
        key = b""
    if not _SHORTEST <= len(key) <= _LONGEST:
        made = 'echo "whsec_$(openssl rand -base64 32)"'
        raise ValueError(f"must be {PREFIX} and {_SHORTEST} to {_LONGEST} random bytes in base64; make one: {made}")
    return key


def signed_headers(key: bytes | None, *, id: str, at: datetime, body: bytes) -> Mapping[str, str]:  # noqa: A002
    """Return the headers of a call.

    Args:
        key: From ``parse_key``; without one the call says what it is and is not signed.
        id: The same whenever the same call is repeated, so that the other side knows it again.
        at: When it is sent (UTC); the other side refuses what is old.
        body: Every byte of it.
    """
    timestamp = str(int(at.timestamp()))
    headers = {"webhook-id": id, "webhook-timestamp": timestamp}
    if key is not None:
        digest = hmac.digest(key, b".".join([id.encode(), timestamp.encode(), body]), "sha256")
        headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return headers
