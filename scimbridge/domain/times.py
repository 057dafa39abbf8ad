"""Times as operators and their scripts read them: absolute in UTC, and how far off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def moment(at: datetime) -> str:
    """Return a time to the minute, e.g. ``2026-03-09 09:00 UTC``."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def distance(at: datetime, now: datetime) -> str:
    """Return how far off a time is: ``in 7d``, ``in 6d 23h``, ``now``, ``5m ago``."""
    if abs(at - now) < timedelta(seconds=1):
        return "now"
    return f"in {_span(at - now)}" if at > now else f"{_span(now - at)} ago"


def lasting(span: timedelta) -> str:
    """Return how long something lasts: ``2m 30s``, ``7d``; ``<1s`` for less than a second."""
    return _span(span) if span >= timedelta(seconds=1) else "<1s"


def iso(at: datetime | None) -> str | None:
    """Return a time in ISO 8601, UTC, or nothing for none."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at is not None else None


def _span(span: timedelta) -> str:
    """Return a span in its largest unit and the one below."""
    left, parts = int(span.total_seconds()), []
    for unit, size in _UNITS:
        amount, left = divmod(left, size)
        parts.append((amount, unit))
    first = next(index for index, (amount, _) in enumerate(parts) if amount)
    return " ".join(f"{amount}{unit}" for amount, unit in parts[first : first + 2] if amount)


def exactly(at: datetime) -> str:
    """Return a time to the second, e.g. ``2026-03-09 09:00:07 UTC``."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
