"""Values that several models have."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, StringConstraints, WithJsonSchema

from scimbridge.domain.times import iso

_NO_NUL = r"^[^\x00]*$"


def _moment(value: Any) -> datetime:
    try:
        at = datetime.fromisoformat(value.upper())
        # What has no zone is nobody's time, and near the ends of the calendar there is no UTC.
        if "T" not in value.upper() or at.tzinfo is None or not 1 < at.year < 9999:
            raise ValueError(value)
    except (AttributeError, ValueError) as error:
        raise ValueError("write a time like 2026-12-31T18:00:00Z") from error
    return at.astimezone(UTC)


def _shown(at: Any) -> Any:
    return datetime.fromisoformat(at) if isinstance(at, str) else at


def whole(value: Any) -> Any:
    """In JSON, 2.0 is an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Text = Annotated[str, StringConstraints(max_length=1000, pattern=_NO_NUL)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_NO_NUL)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00]+$")]

Reason = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$"),
    Field(description="Why; it is shown in the history."),
]

Moment = Annotated[datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
"""A time that somebody says (RFC 3339)."""

At = Annotated[
    datetime,
    BeforeValidator(_shown),
    PlainSerializer(iso, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A time that is answered: UTC, to the millisecond."""

Duration = Annotated[
    str,
    StringConstraints(pattern=r"^([1-9][0-9]{0,4}[smhdw]|P[1-9][0-9]{0,4}[WD]|PT[1-9][0-9]{0,4}[HMS])$"),
    Field(examples=["4h", "90d", "P90D"]),
]
"""A span like ``4h``, ``90d`` or ``P90D``."""

Limit = Annotated[int, Field(ge=1, le=1000), BeforeValidator(whole)]
Stage = Annotated[int, Field(ge=1, le=100), BeforeValidator(whole)]
Version = Annotated[int, Field(ge=1, le=2_000_000_000), BeforeValidator(whole)]
Days = Annotated[int, Field(ge=1, le=366), BeforeValidator(whole)]
Count = Annotated[int, Field(ge=0, le=10_000_000), BeforeValidator(whole)]
