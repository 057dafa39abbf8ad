"""``/events``: that something has changed, for pages that are being looked at. What, they read again by themselves."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from scimbridge.admission.staying import while_let_in
from scimbridge.dashboard.session import Door, NotAdmittedError
from scimbridge.errors import StoreError
from scimbridge.live import Happening

if TYPE_CHECKING:
    from scimbridge.bridge import Bridge

TOGETHER = 0.5
"""Seconds: what is told within them was read at the same look, so that the page needs to be told once."""

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}


class Events:
    """Tells pages that they have grown old.

    Args:
        bridge: Knows what happens.
        door: Knows who listens.
    """

    def __init__(self, bridge: Bridge, door: Door) -> None:
        self._bridge = bridge
        self._door = door

    def routes(self) -> list[Route]:
        """Return the route."""
        return [Route("/events", self._answer, name="events")]

    async def _answer(self, request: Request) -> Response:
        try:
            await run_in_threadpool(self._door.session_of, request)
        except NotAdmittedError:
            # No redirect: a browser gives up listening, and the page says so when it is used next.
            return PlainTextResponse("sign in first\n", status_code=401)
        except StoreError:
            return PlainTextResponse("the database does not answer\n", status_code=503)
        happenings = while_let_in(self._bridge.live.listen(), lambda: self._is_let_in(request))
        told = changes(happenings, request.query_params.get("case", ""))
        return StreamingResponse(told, media_type="text/event-stream", headers=_HEADERS)

    def _is_let_in(self, request: Request) -> bool:
        try:
            self._door.session_of(request)
        except NotAdmittedError:
            return False
        return True


async def changes(
    happenings: AsyncIterator[Happening | None], case_id: str = "", clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[bytes]:
    """Yield, as server-sent events, that something has changed; about one case only where one is named.

    What is about no case (a hold, a target that is paused) may concern any of them.
    """
    told_at = float("-inf")
    yield b"retry: 3000\n\n"
    async for each in happenings:
        if each is None:
            yield b": still here\n\n"
        elif (not case_id or each.case_id in (None, case_id)) and clock() - told_at >= TOGETHER:
            told_at = clock()
            yield b"event: changed\ndata: %d\n\n" % each.id
