"""Dataclasses of which every request makes dozens.

One with ``frozen=True`` takes five times as long to make: each field is set by a call. These are frozen for the
type checker, which reads all of the bridge, and plain when it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as lightweight
else:
    from dataclasses import dataclass

    def lightweight(*, frozen, slots, kw_only=False):
        """Take the same as ``dataclass``; hash and compare by all fields."""
        return dataclass(slots=slots, kw_only=kw_only, unsafe_hash=frozen)


__all__ = ["lightweight"]
