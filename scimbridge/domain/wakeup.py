"""A wake-up: the only thing that the queue carries."""

from __future__ import annotations

from typing import NamedTuple


class WakeUp(NamedTuple):
    """There may be work on an account. It may be lost or arrive twice; SQL decides who works."""

    target: str
    account_id: str
