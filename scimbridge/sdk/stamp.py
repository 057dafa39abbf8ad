"""The mark "To Be Deleted" in a text that belongs to people, such as a description.

It stands beside what is written there and never instead of it, says its date in UTC (ISO 8601), and can be
read back: whoever moves the date later in the target gives the account more time.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

UNMANAGED = "[Not managed by scimbridge]"
"""The mark that keeps the bridge away from an account, beside what people wrote."""

_MARK = re.compile(r"\[To Be Deleted(?: (?P<at>[^\]]*))?\]")
_SPACED = re.compile(rf"\s*{_MARK.pattern}")


def stamp_of(delete_at: datetime | None) -> str:
    """Return the mark; without a date where no deletion is planned."""
    if delete_at is None:
        return "[To Be Deleted]"
    return f"[To Be Deleted {delete_at.astimezone(UTC).replace(microsecond=0):%Y-%m-%dT%H:%M:%SZ}]"


def stamp_in(text: str) -> str:
    """Return the mark as it stands in a text; empty where there is none."""
    found = _MARK.search(text)
    return found[0] if found else ""


def date_in(text: str) -> datetime | None:
    """Return the date in the mark (UTC).

    ``None`` where there is no mark, no date in it, or one that is no ISO 8601 date: that is never guessed.
    """
    found = _MARK.search(text)
    try:
        at = datetime.fromisoformat(found["at"].strip()) if found and found["at"] else None
    except ValueError:
        return None
    if at is None:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def stamped(text: str, stamp: str) -> str:
    """Return a text with the mark behind what stands there; an older mark gives way."""
    rest = unstamped(text)
    return f"{rest} {stamp}" if rest.strip() else stamp


def unstamped(text: str) -> str:
    """Return a text without the mark; the rest is as it was."""
    return _SPACED.sub("", text, count=1)
