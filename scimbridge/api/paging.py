"""Pages of lists: each says how the next one is asked for."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from pydantic import Field

from scimbridge.api.endpoint import Answer, Call, Model
from scimbridge.api.problems import ProblemError
from scimbridge.api.values import Limit, Name

T = TypeVar("T")
Row = TypeVar("Row")


class Paging(Model):
    """What every list takes."""

    limit: Limit = 100
    """At most so many."""

    cursor: Name | None = None
    """Where to go on; from ``next`` of the page before."""


class Page(Answer, Generic[T]):
    """One page."""

    items: list[T]
    next: str | None = Field(default=None, examples=["/api/v1/cases?limit=100&cursor=MDE5"])
    """The address of the next page; null on the last one."""


def position(call: Call[Any, Any]) -> str | None:
    """Return the position after which a page begins; ``None`` for the first one.

    Raises:
        ProblemError: The cursor is none of ours.
    """
    cursor = call.query.cursor
    if cursor is None:
        return None
    try:
        found = base64.urlsafe_b64decode(cursor.encode("ascii") + b"==").decode("utf-8")
    except (ValueError, binascii.Error) as error:
        raise no_cursor() from error
    if not found or "\0" in found:
        raise no_cursor()
    return found


def number(call: Call[Any, Any]) -> int | None:
    """Return the same where positions are numbers."""
    found = position(call)
    if found is None:
        return None
    if not (found.isascii() and found.isdigit() and len(found) < 19):
        raise no_cursor()
    return int(found)


def cut(found: Sequence[Row], limit: int) -> tuple[Sequence[Row], bool]:
    """Return a page of what was asked for with one more than fits, and whether there is another page."""
    return found[:limit], len(found) > limit


def link(call: Call[Any, Any], last: object | None) -> str | None:
    """Return the address of the page after what has this position; ``None`` where there is none."""
    if last is None:
        return None
    cursor = base64.urlsafe_b64encode(str(last).encode()).decode("ascii").rstrip("=")
    kept = [(name, value) for name, value in call.request.query_params.multi_items() if name != "cursor"]
    return f"{call.request.url.path}?{urlencode([*kept, ('cursor', cursor)])}"


def no_cursor() -> ProblemError:
    """Return what is answered to a cursor that is none of ours."""
    return ProblemError(404, "no page of this list begins there; begin without a cursor")
