"""Taking secrets out of what is kept of a request."""

from __future__ import annotations

import re
from typing import Any

REMOVED = "[removed]"

_SECRET = re.compile(
    r"(password|passwd|secret|token|credential|passphrase|privatekey|apikey|pin|otp)s?$", re.IGNORECASE
)
_PARTS = re.compile(r"[.:\[\]]")
_SEPARATORS = re.compile(r"[-_\s]")


def without_secrets(body: Any) -> Any:
    """Return a copy of a body in which passwords and credentials are replaced.

    A secret is known by its attribute's name, as a key or as the path of a PATCH operation.
    """
    if isinstance(body, list):
        return [without_secrets(item) for item in body]
    if not isinstance(body, dict):
        return body
    hides_value = any(key.lower() == "path" and _is_secret(path) for key, path in body.items())
    return {
        key: REMOVED if _is_secret(key) or (hides_value and key.lower() == "value") else without_secrets(item)
        for key, item in body.items()
    }


def _is_secret(name: Any) -> bool:
    if not isinstance(name, str):
        return False
    return any(_SECRET.search(_SEPARATORS.sub("", part)) for part in _PARTS.split(name))
