"""Dates and times as a configuration writes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from scimbridge.domain.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Moment:
    """A date or a time, as it is written; whose midnight it is, is said elsewhere."""

    said: date | datetime

    def __str__(self) -> str:
        return self.said.isoformat()

    def ends(self, zone: tzinfo) -> datetime:
        """Return when it is over (UTC): a date at the end of its day."""
        is_day = not isinstance(self.said, datetime)
        return _in_utc(self.said + timedelta(days=1) if is_day else self.said, zone)


def _in_utc(said: date | datetime, zone: tzinfo) -> datetime:
    moment = said if isinstance(said, datetime) else datetime.combine(said, time())
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).astimezone(UTC)


def _moment(value: Any) -> Moment:
    try:
        return value if isinstance(value, Moment) else Moment(_read(value))
    except ValueError as error:
        raise ValueError('write a date like "2026-12-20", or a time like "2026-12-20T18:00"') from error


def _read(value: Any) -> date | datetime:
    if isinstance(value, date):  # TOML has dates and times of its own; a datetime is a date, too
        return value
    text = str(value).strip()
    return date.fromisoformat(text) if len(text) == len("2026-12-20") else datetime.fromisoformat(text)


def _cron(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError('must be a string: write "0 22 * * 1-5"')  # noqa: TRY004 - pydantic reports ValueError only
    return Schedule.parse(value, ZoneInfo("UTC")).expression


Cron = Annotated[str, PlainValidator(_cron), WithJsonSchema({"type": "string", "examples": ["0 22 * * 1-5"]})]
"""A cron expression with five fields."""

Day = Annotated[
    Moment,
    PlainValidator(_moment),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["2026-12-20"]}),
]
"""A date, or a time."""
