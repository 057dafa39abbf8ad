"""``/events``: what happens, as it happens."""

from __future__ import annotations

from collections.abc import AsyncIterator

import orjson
from starlette.responses import Response, StreamingResponse

from scimbridge.admission.staying import while_let_in
from scimbridge.api.endpoint import Call, Nothing, Routes
from scimbridge.api.problems import ProblemError
from scimbridge.domain.operator import Permission
from scimbridge.domain.times import iso
from scimbridge.live import Happening

_HEADERS = {"X-Accel-Buffering": "no"}
_LAST_ID = 18
"""Digits."""

routes = Routes("people and history")


@routes.get("/events", Permission.LOOK)
def stream_events(call: Call[Nothing, Nothing]) -> Response:
    """Tell what happens, as server-sent events.

    Each has the id of its entry of the history, and as data `id`, `at`, `event`, `case_id`, `task_id` and `target`:
    read again what it is about. After a break, `Last-Event-ID` goes on behind it; an event may come twice. A stream
    ends after 15 minutes: come again. It also ends, within seconds, once the token lets nobody in any more.
    """
    happenings = while_let_in(call.bridge.live.listen(_after(call)), call.is_let_in)
    return StreamingResponse(_sent(happenings), media_type="text/event-stream", headers=_HEADERS)


def _after(call: Call[Nothing, Nothing]) -> int | None:
    said = call.request.headers.get("Last-Event-ID", "")
    if not said:
        return None
    if not (said.isascii() and said.isdigit() and len(said) <= _LAST_ID):
        raise ProblemError(422, "Last-Event-ID is not the id of one of our events")
    return int(said)


async def _sent(happenings: AsyncIterator[Happening | None]) -> AsyncIterator[bytes]:
    yield b"retry: 2000\n\n"
    async for each in happenings:
        yield _event(each) if each is not None else b": still here\n\n"


def _event(happening: Happening) -> bytes:
    data = orjson.dumps(
        {
            "id": happening.id,
            "at": iso(happening.at),
            "event": happening.event,
            "case_id": happening.case_id,
            "task_id": happening.task_id,
            "target": happening.target,
        }
    )
    return b"id: %d\nevent: history\ndata: %s\n\n" % (happening.id, data)
