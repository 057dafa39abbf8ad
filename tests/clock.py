"""A clock that stands still until it is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from scimbridge.domain.duration import parse_duration


class FakeClock:
    def __init__(self, start: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)) -> None:
        self.now = start

    def __call__(self) -> datetime:
        return self.now

    def advance(self, span: str | timedelta) -> datetime:
        """Move on by a duration such as ``7d``."""
        self.now += parse_duration(span) if isinstance(span, str) else span
        return self.now
