"""End dates: what a source writes when somebody's time is limited, and which moment that is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from typing import Any

from scimbridge.domain.source import SourceProfile

LIFECYCLE = "urn:scimbridge:params:scim:schemas:extension:lifecycle:2.0:User"
"""The schema of our own extension of a User."""

_DEFAULT = (LIFECYCLE, "endDate")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?", re.ASCII | re.IGNORECASE
)
_PATH = re.compile(
    r"(?:(?P<urn>urn:[^\[\]\s]+):)?(?P<attribute>[A-Za-z][\w-]*)(?:\.(?P<sub>[A-Za-z][\w-]*))?", re.ASCII
)

_NEVER_BEFORE = datetime(1970, 1, 3, tzinfo=UTC)
"""Earlier dates are how systems write "none": 0001-01-01, 1601-01-01, 1970-01-01, in any time zone."""


@dataclass(frozen=True, slots=True)
class End:
    """What a source says about the end of somebody's time.

    Attributes:
        said: The value as it is stored; ``None`` where there is none.
        at: The moment (UTC); ``None`` where there is no value, it is no date, or it means "never".
        is_odd: There is a value, and it is no date.
    """

    said: Any = None
    at: datetime | None = None
    is_odd: bool = False


NO_END = End()


@cache
def end_path(text: str) -> tuple[str, ...]:
    """Return where an attribute is in a User's document, spelled as the path spells it.

    Raises:
        ValueError: The text is no path to a single value.
    """
    found = _PATH.fullmatch(text.strip())
    if found is None:
        raise ValueError('write the path of one attribute, like "urn:…:2.0:User:endDate"')
    return tuple(part for part in (found["urn"], found["attribute"], found["sub"]) if part)


def end_of(document: Mapping[str, Any], profile: SourceProfile) -> End:
    """Return what a User's document says about the end of their time. Costs a look-up where it says nothing."""
    value = said_about_end(document, profile)
    return NO_END if value is None else read_end(value, profile.timezone)


def said_about_end(document: Mapping[str, Any], profile: SourceProfile) -> Any:
    """Return the value that a User's document has for the end of their time; ``None`` where it has none."""
    first, *others = _DEFAULT if profile.end_date is None else end_path(profile.end_date)
    value = document.get(first)
    for part in others:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def read_end(value: Any, zone: tzinfo) -> End:
    """Return the moment that a value names.

    A date ends with its day in the zone. A time without an offset is a time there; where the clocks
    are set back and it is there twice, the later one counts, so that nobody ends early. A date
    before 1970-01-03 and one beyond the calendar's end mean that there is no end. All else is odd.
    """
    if not isinstance(value, str) or not value.strip():
        return End(said=value, is_odd=value != "")
    text = value.strip().upper()
    try:
        if _DATE.fullmatch(text):
            at = _end_of_day(date.fromisoformat(text), zone)
        elif _MOMENT.fullmatch(text):
            at = _moment(datetime.fromisoformat(text), zone)
        else:
            return End(said=value, is_odd=True)
    except OverflowError:
        return End(said=value)
    except ValueError:
        return End(said=value, is_odd=True)
    return End(said=value, at=at if at >= _NEVER_BEFORE else None)


def _end_of_day(day: date, zone: tzinfo) -> datetime:
    # The first moment of the next day: at midnight, or when the clocks are set from midnight to one.
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)


def _moment(at: datetime, zone: tzinfo) -> datetime:
    if at.tzinfo is not None:
        return at.astimezone(UTC)
    return max(at.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
