"""Ids: time-ordered, unguessable, and safe in URLs, file names and RQ job ids."""

from __future__ import annotations

import secrets
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
    milliseconds = int(now.timestamp() * 1000) & ((1 << 48) - 1)
    value = milliseconds << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
