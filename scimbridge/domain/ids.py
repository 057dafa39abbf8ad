"""Ids: time-ordered, unguessable, and safe in URLs, file names and RQ job ids."""

from __future__ import annotations

import os
from datetime import datetime
from functools import lru_cache
from typing import NewType

CaseId = NewType("CaseId", str)
TaskId = NewType("TaskId", str)
AttemptId = NewType("AttemptId", str)
AccountId = NewType("AccountId", str)
IdentityId = NewType("IdentityId", str)

_VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
"""Two random bits of a digit behind the two bits that say what kind of UUID it is."""


def new_id(now: datetime) -> str:
    """Return a UUID of version 7 (RFC 9562 §5.7) for an aware time.

    Rows that are created together lie together in an index.
    """
    chance = os.urandom(10).hex()
    return f"{_prefix(now)}-7{chance[:3]}-{_VARIANTS[chance[3]]}{chance[4:7]}-{chance[8:]}"


@lru_cache(maxsize=64)  # one request makes several ids
def _prefix(now: datetime) -> str:
    """Return the first 48 bits, the time in milliseconds, as a UUID writes them."""
    milliseconds = int(now.timestamp() * 1000) & 0xFFFF_FFFF_FFFF
    text = f"{milliseconds:012x}"
    return f"{text[:8]}-{text[8:]}"
