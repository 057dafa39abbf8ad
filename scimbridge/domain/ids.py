"""Ids: time-ordered, unguessable, and safe in URLs, file names and RQ job ids."""

from __future__ import annotations

import os
from datetime import datetime
from typing import NewType

CaseId = NewType("CaseId", str)
TaskId = NewType("TaskId", str)
AttemptId = NewType("AttemptId", str)
AccountId = NewType("AccountId", str)
IdentityId = NewType("IdentityId", str)


def new_id(now: datetime) -> str:
    """Return a UUID of version 7 (RFC 9562 §5.7) for an aware time.

    Rows that are created together lie together in an index.
    """
    milliseconds = int(now.timestamp() * 1000) & 0xFFFF_FFFF_FFFF
    chance = int.from_bytes(os.urandom(10))
    version = 0x7000 | chance >> 68
    variant = 0x8000 | chance >> 54 & 0x3FFF
    text = f"{milliseconds:012x}"
    return f"{text[:8]}-{text[8:]}-{version:04x}-{variant:04x}-{chance & 0xFFFF_FFFF_FFFF:012x}"
