"""Reading a request's JSON: within limits, and only what every reader would read alike."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from typing import Any, NoReturn, TypeVar

from scim2_models import InvalidSyntaxException, InvalidValueException, PayloadTooLargeException
from starlette.requests import Request

from scimbridge.scim.errors import UnsupportedMediaTypeException

MAX_DEPTH = 32
"""Levels of objects and lists. SCIM needs five."""

MOST_ENTRIES = 100_000
"""Members of all objects and lists together, where a body is no larger than usual; 10 000 members need some 60 000."""

MOST_OF_A_NUMBER = sys.float_info.max
"""What a double takes (IEEE 754)."""

_LEAST_OF_AN_ENTRY = 10
"""Bytes; a body that has an entry for fewer is made of brackets."""

_NO_JSON = "the body is not valid JSON in UTF-8"
_Number = TypeVar("_Number", int, float)

_MEDIA_TYPES = {"application/scim+json", "application/json"}

_SUSPICIOUS = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
"""How a NUL or a half of a surrogate pair is written; JSON in UTF-8 has no other way."""


async def read_bytes(request: Request, limit: int) -> bytes:
    """Return the body.

    Args:
        request: The request, its body not yet read.
        limit: Bytes; counted while they arrive, whatever Content-Length says.

    Raises:
        UnsupportedMediaTypeException: It is not JSON in UTF-8, or it is compressed.
        PayloadTooLargeException: It is longer than the limit.
    """
    _check_media_type(request)
    too_large = PayloadTooLargeException(detail=f"the body is larger than {limit} bytes")
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise too_large
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        if len(chunks) > limit:
            raise too_large
    return bytes(chunks)


def most_entries(limit: int) -> int:
    """Return how many entries a body may have whose limit is so many bytes: whoever takes larger ones takes more."""
    return max(MOST_ENTRIES, limit // _LEAST_OF_AN_ENTRY)


def text_of(raw: bytes) -> str:
    """Return a body as text, without the byte order mark that RFC 8259 §8.1 lets a reader pass over.

    Raises:
        InvalidSyntaxException: It is not UTF-8.
    """
    try:
        return raw.decode("utf-8-sig")
    except ValueError as error:
        raise InvalidSyntaxException(detail=_NO_JSON) from error


def parsed(text: str, most: int = MOST_ENTRIES) -> dict[str, Any]:
    """Return the JSON object in a body, which may have so many entries.

    Raises:
        InvalidSyntaxException: It is not one JSON object of RFC 8259: a name appears twice, it is too
            deep, or it is no JSON at all.
        InvalidValueException: A string holds a character that cannot be stored, or a number is too large.
    """
    value = loaded(text)
    _check_size(value, most)
    if _SUSPICIOUS.search(text):
        _check_strings(value)
    return value


def loaded(text: str) -> dict[str, Any]:
    """Return the JSON object in a body whose values are still to be looked at.

    Raises:
        InvalidSyntaxException: It is not one JSON object of RFC 8259.
        InvalidValueException: It has a number that no reader of JSON could be sure to get back.
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_float,
            parse_int=_int,
        )
    except RecursionError as error:
        raise InvalidSyntaxException(detail="the body is nested too deeply") from error
    except ValueError as error:
        raise InvalidSyntaxException(detail=_NO_JSON) from error
    if not isinstance(value, dict):
        raise InvalidSyntaxException(detail="the body must be a JSON object")
    return value


def _check_media_type(request: Request) -> None:
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    charsets = [
        value.strip().strip('"').lower()
        for name, _, value in (parameter.partition("=") for parameter in parameters.split(";"))
        if name.strip().lower() == "charset"
    ]
    encoded = request.headers.get("content-encoding", "identity").strip().lower()
    if kind.strip().lower() not in _MEDIA_TYPES or encoded != "identity" or set(charsets) - {"utf-8", "utf8"}:
        raise UnsupportedMediaTypeException


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    # Names of attributes are compared without case (RFC 7643 §2.1): two spellings are twice the same.
    if len(pairs) > 1 and len({name.lower() for name in found}) < len(pairs):
        raise InvalidSyntaxException(detail="a name appears twice in one object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise InvalidSyntaxException(detail=f"{name} is not JSON")


def _float(text: str) -> float:
    return _within_range(float(text))


def _int(text: str) -> int:
    return _within_range(int(text))


def _within_range(number: _Number) -> _Number:
    # RFC 8259 §6 leaves the range to the reader: what is stored has to be read again, by everybody's parser.
    if abs(number) > MOST_OF_A_NUMBER:
        raise InvalidValueException(detail="a number is out of range")
    return number


def _check_size(value: Any, most: int) -> None:
    """Refuse what is too deep or has too many entries; level by level, which is as fast as Python walks."""
    level, depth, entries = [value], 0, 0
    while level:
        depth += 1
        entries += sum(map(len, level))
        if depth > MAX_DEPTH:
            raise InvalidSyntaxException(detail="the body is nested too deeply")
        if entries > most:
            raise InvalidValueException(detail=f"the body has more than {most} entries")
        level = [item for holder in level for item in _inner(holder) if isinstance(item, dict | list)]


def _check_strings(value: Any) -> None:
    level = [value]
    while level:
        for holder in level:
            texts = [item for item in (*holder, *_inner(holder)) if isinstance(item, str)]
            if not all(map(is_storable, texts)):
                raise InvalidValueException(detail="a string holds a NUL character or half of a surrogate pair")
        level = [item for holder in level for item in _inner(holder) if isinstance(item, dict | list)]


def _inner(holder: Any) -> Iterable[Any]:
    return holder.values() if isinstance(holder, dict) else holder


def is_storable(text: str) -> bool:
    """Whether a string can be stored: PostgreSQL takes no NUL, and UTF-8 no half of a surrogate pair."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
