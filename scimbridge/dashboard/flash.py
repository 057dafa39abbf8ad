"""What came of an action, told on the page that the browser is sent to afterwards.

It travels in a cookie that the next page takes away, so that it is in no address and in no log.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "scimbridge_said"
_MOST = 3000
"""Browsers keep cookies of up to 4096 bytes."""

_LONGEST, _SHORTEST = 1200, 75
"""Letters of a message: what a target or a file says can be long, and is cut before another message is left out."""


class Kind(StrEnum):
    """How it went."""

    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Message:
    """One sentence or two.

    Attributes:
        link: Where to see more, within the bridge; empty where nowhere.
    """

    kind: Kind
    text: str
    link: str = ""


def done(text: str, link: str = "") -> Message:
    """Return that something was done."""
    return Message(Kind.DONE, text, link)


def refused(text: str, link: str = "") -> Message:
    """Return that something was not done, and why."""
    return Message(Kind.REFUSED, text, link)


def leave(response: Response, messages: Sequence[Message], *, secure: bool) -> None:
    """Have the next page tell something."""
    told, longest = list(messages), _LONGEST
    while len(content := _packed(told, longest)) > _MOST:
        if longest > _SHORTEST:
            longest //= 2
        else:
            told.pop()
    response.set_cookie(COOKIE, content, max_age=60, httponly=True, samesite="strict", secure=secure)


def take(request: Request) -> tuple[Message, ...]:
    """Return what the page before has left; nothing where it cannot be read."""
    content = request.cookies.get(COOKIE)
    if not content:
        return ()
    try:
        found = json.loads(base64.urlsafe_b64decode(content))
        return tuple(Message(Kind(each["kind"]), str(each["text"]), _within(str(each["link"]))) for each in found)
    except (binascii.Error, ValueError, KeyError, TypeError):
        return ()


def clear(response: Response) -> None:
    """Say nothing a second time."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")


def _packed(told: Sequence[Message], longest: int) -> str:
    kept = [asdict(replace(each, text=_cut(each.text, longest))) for each in told]
    return base64.urlsafe_b64encode(json.dumps(kept).encode()).decode()


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _within(link: str) -> str:
    return link if link.startswith("/") and not link.startswith("//") else ""
