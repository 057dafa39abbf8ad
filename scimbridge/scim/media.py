"""The media type of SCIM (RFC 7644 §8.1)."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import orjson
from starlette.responses import Response, StreamingResponse

MEDIA_TYPE = "application/scim+json"

_MOST_AT_ONCE = 1024 * 1024
"""Bytes of an answer that are sent at once. A page of a thousand ordinary Users has fewer."""


class ScimResponse(Response):
    """A JSON answer as application/scim+json."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        """Return the bytes of the body."""
        return as_json(content)


def written_response(
    pieces: Iterable[bytes], status_code: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the answer that consists of pieces of JSON, however many they are.

    A large one waits deflated for its client, who may take minutes: what repeats itself as a list of members does has
    a sixth of its size then.
    """
    parts = _gathered(pieces)
    first, second = next(parts, b""), next(parts, None)
    if second is None:
        return Response(first, status_code, headers, MEDIA_TYPE)
    length = 0
    deflated = []
    for part in chain((first, second), parts):
        length += len(part)
        deflated.append(zlib.compress(part, level=1))
    known = {**(headers or {}), "Content-Length": str(length)}
    return StreamingResponse(_inflated(deflated), status_code, known, media_type=MEDIA_TYPE)


def as_json(content: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """Return a document as JSON in UTF-8."""
    try:
        return orjson.dumps(content)
    except orjson.JSONEncodeError:  # a number of more than 64 bits, which JSON allows
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield pieces in parts that are worth an effort of their own."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= _MOST_AT_ONCE:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


async def _inflated(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield zlib.decompress(part)
        # It goes out in the next turn of the event loop, and only then shows whether the client takes it.
        await asyncio.sleep(0)
