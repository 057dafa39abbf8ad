"""Whether a worker begins with anything new."""

from __future__ import annotations


class Halt:
    """Asked by all that works in a process, before each piece of work.

    Attributes:
        is_stopped: The process is about to end; what is under way goes on to its end, or is given back.
        is_paused: This machine's clock cannot be trusted with leases.
    """

    def __init__(self) -> None:
        self.is_stopped = False
        self.is_paused = False

    def __bool__(self) -> bool:
        return self.is_stopped or self.is_paused
