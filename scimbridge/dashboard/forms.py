"""Forms as browsers send them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request

MOST_BYTES = 512 * 1024
MOST_FIELDS = 10_000

CHOSEN = "case"
"""The name of the boxes that choose rows of a list; the one field that may come several times."""


class UnreadableFormError(Exception):
    """It is no form, or too large a one."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a form said.

    Attributes:
        values: The value of each field, without spaces around and NULs.
        chosen: The rows that were chosen.
    """

    values: Mapping[str, str]
    chosen: tuple[str, ...]


async def read_form(request: Request) -> Form:
    """Return what a form said.

    Raises:
        UnreadableFormError: It is no form, or too large a one.
    """
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise UnreadableFormError
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > MOST_BYTES:
            raise UnreadableFormError
    try:
        pairs = parse_qsl(content.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise UnreadableFormError from error
    return Form(
        {name: typed(value) for name, value in pairs if name != CHOSEN},
        tuple(dict.fromkeys(typed(value) for name, value in pairs if name == CHOSEN)),
    )


def typed(text: str) -> str:
    """Return what somebody has typed, without spaces around and NULs.

    PostgreSQL takes no NUL, and nothing that anybody means has one.
    """
    return text.replace("\0", "").strip()
