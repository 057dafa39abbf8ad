"""Where in a JSON document a value is (RFC 6901)."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator

MISSING = object()
"""In place of a value that is not there; ``null`` is a value."""


def at(document: Any, pointer: str) -> Any:
    """Return the value at a pointer such as ``/user/teams/0``, or ``MISSING``."""
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        match document:
            case dict() if key in document:
                document = document[key]
            case list() if re.fullmatch(r"0|[1-9]\d{0,8}", key, re.ASCII) and int(key) < len(document):
                document = document[int(key)]
            case _:
                return MISSING
    return document


def text_at(document: Any, pointer: str) -> str:
    """Return a text or a number as text; empty where there is neither."""
    value = at(document, pointer)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _pointer(value: str) -> str:
    if value and not re.fullmatch(r"(/([^~/]|~[01])*)+", value):
        raise ValueError(f'{value!r} is not a JSON Pointer (RFC 6901); write one like "/user/status"')
    return value


Pointer = Annotated[str, AfterValidator(_pointer)]
"""A place in a JSON document, like ``/user/status``; empty for the whole."""
