"""Lists in pages. Google leaves out the key of an empty list."""

from __future__ import annotations

from typing import Any

from tests.doubles.google.errors import invalid
from tests.doubles.serving import Asked


def paged(asked: Asked, name: str, found: list[Any], size: int) -> dict[str, Any]:
    """Return the page of a list that a request asks for."""
    size = int(asked.one("maxResults") or size)
    token = asked.one("pageToken") or "from-0"
    if not token.startswith("from-"):
        raise invalid("Invalid Input: pageToken")
    start = int(token.removeprefix("from-"))
    page: dict[str, Any] = {name: found[start : start + size]} if found[start : start + size] else {}
    return page | ({"nextPageToken": f"from-{start + size}"} if start + size < len(found) else {})
