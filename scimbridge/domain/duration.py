"""Durations as people write them: ``90d``, ``36h``, ``15m``, ``2s``, or ISO 8601."""

from __future__ import annotations

import re
from datetime import timedelta

_SHORT = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
# Years and months are left out: they have no fixed length, and a grace is elapsed time.
_ISO = re.compile(
    r"P(?=.)(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=.)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)


def parse_duration(text: str) -> timedelta:
    """Return the elapsed time that a text names.

    Raises:
        ValueError: The text is not a duration; the message says what one looks like.
    """
    text = text.strip()
    if short := _SHORT.fullmatch(text):
        return timedelta(**{_UNITS[short[2]]: float(short[1])})
    if iso := _ISO.fullmatch(text):
        return timedelta(**{unit: float(amount) for unit, amount in iso.groupdict().items() if amount})
    raise ValueError(f'{text!r} is not a duration; write "90d", "36h", "15m", "2s" or ISO 8601 like "P90D"')


def format_duration(span: timedelta) -> str:
    """Return a span in its largest whole unit, e.g. ``36h`` or ``90d``."""
    seconds = span.total_seconds()
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"
