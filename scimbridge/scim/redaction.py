"""Taking secrets out of what is kept of a request."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

REMOVED = "[removed]"

_SECRET = re.compile(
    r"(password|passwd|secret|token|credential|passphrase|privatekey|apikey|pin|otp)s?$", re.IGNORECASE
)
_PARTS = re.compile(r"[.:\[\]]")
_SEPARATORS = re.compile(r"[-_\s]")


def without_secrets(body: Any) -> Any:
    """Return a body in which passwords and credentials are replaced: a copy, or the body itself if it has none.

    A secret is known by its attribute's name, as a key or as the path of a PATCH operation.
    """
    return _without_secrets(body) if any(map(_is_secret, _names_in(body))) else body


def _names_in(body: Any) -> set[Any]:
    """Return all keys and paths: a few, however long the lists are in which they stand."""
    names: set[Any] = set()
    level = [body]
    while level:
        objects = [item for item in level if isinstance(item, dict)]
        keys: set[str] = set()
        keys.update(*objects)
        names |= keys
        for key in keys:
            if key.lower() == "path":
                names.update(path for each in objects if isinstance(path := each.get(key), str))
        holders = ((item.values() if isinstance(item, dict) else item) for item in level)
        level = [item for holder in holders for item in holder if isinstance(item, dict | list)]
    return names


def _without_secrets(body: Any) -> Any:
    if isinstance(body, list):
        return [_without_secrets(item) for item in body]
    if not isinstance(body, dict):
        return body
    hides_value = any(key.lower() == "path" and _is_secret(path) for key, path in body.items())
    return {
        key: REMOVED if _is_secret(key) or (hides_value and key.lower() == "value") else _without_secrets(item)
        for key, item in body.items()
    }


def _is_secret(name: Any) -> bool:
    return isinstance(name, str) and _is_name_of_secret(name)


@lru_cache(maxsize=1024)  # names of attributes, which are the same in every request
def _is_name_of_secret(name: str) -> bool:
    return any(_SECRET.search(_SEPARATORS.sub("", part)) for part in _PARTS.split(name))
