"""Ids: time-ordered, unguessable, and safe in URLs, file names and RQ job ids."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import NewType

CaseId = NewType("CaseId", str)
TaskId = NewType("TaskId", str)
AttemptId = NewType("AttemptId", str)
AccountId = NewType("AccountId", str)
IdentityId = NewType("IdentityId", str)

ID_LENGTH = 36

_CHANCES = 64
"""How many random parts are made at once: asking for randomness takes longer than all the rest."""

_chances: deque[str] = deque()
_nonces: deque[str] = deque()

# Two processes must never have the same ones.
os.register_at_fork(after_in_child=_chances.clear)
os.register_at_fork(after_in_child=_nonces.clear)

_VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
"""Two random bits of a digit behind the two bits that say what kind of UUID it is."""


def new_id(now: datetime) -> str:
    """Return a UUID of version 7 (RFC 9562 §5.7) for an aware time.

    Rows that are created together lie together in an index.
    """
    try:
        chance = _chances.pop()
    except IndexError:
        chance, *more = _random_parts()
        _chances.extend(more)
    return _prefix(now) + chance


def new_nonce() -> str:
    """Return 128 random bits, as hexadecimal digits."""
    try:
        return _nonces.pop()
    except IndexError:
        nonce, *more = _digits(32)
        _nonces.extend(more)
        return nonce


def before_ids(at: datetime) -> str:
    """Return what sorts behind all ids of earlier moments, to the millisecond, and before all others."""
    return _prefix(at)


def _random_parts() -> Iterator[str]:
    for own in _digits(20):
        yield f"-7{own[:3]}-{_VARIANTS[own[3]]}{own[4:7]}-{own[8:]}"


def _digits(length: int) -> Iterator[str]:
    digits = os.urandom(length // 2 * _CHANCES).hex()
    return (digits[place : place + length] for place in range(0, len(digits), length))


@lru_cache(maxsize=64)  # one request makes several ids
def _prefix(now: datetime) -> str:
    """Return the first 48 bits, the time in milliseconds, as a UUID writes them."""
    milliseconds = int(now.timestamp() * 1000) & 0xFFFF_FFFF_FFFF
    text = f"{milliseconds:012x}"
    return f"{text[:8]}-{text[8:]}"
