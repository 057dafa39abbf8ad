"""Answering a request without a task, as the server offers it to an application."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from starlette.types import Scope

Headers = Iterable[tuple[bytes, bytes]]

Answer = Callable[[int, Headers, bytes], object]
"""Takes the status, the headers and the body of an answer; to be called once, in the event loop."""

LONGEST = 16 * 1024
"""Bytes of a body that may be answered without a task."""


class Express(Protocol):
    """Answers requests that it understands."""

    def __call__(self, scope: Scope, raw: bytes, answer: Answer) -> bool:
        """Answer a request that has come whole, at once or later.

        Args:
            scope: As ASGI has it.
            raw: The whole body.
            answer: What the answer is given to.

        Returns:
            Whether it is answered; if not, nothing was done about it.
        """
        ...
