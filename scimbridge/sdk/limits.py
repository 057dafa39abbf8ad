"""The limits of the guard, as a target's table and the rest of a configuration write them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator

from scimbridge.domain.duration import format_duration, parse_duration


def _span(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError('must be a string: write "24h", "90m" or ISO 8601')  # noqa: TRY004 - pydantic reports ValueError only
    try:
        return parse_duration(value)
    except OverflowError as error:
        raise ValueError("is too long for the calendar") from error


Span = Annotated[
    timedelta,
    BeforeValidator(_span),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["24h", "1h"]}),
]
"""Elapsed time, like ``"24h"``."""


class LimitSection(BaseModel):
    """How many identities within a rolling window; either number binds."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    count: int | None = Field(default=None, ge=1)
    """At most so many identities."""

    percent: float | None = Field(default=None, gt=0, le=100)
    """At most this share of the identities that were active when the window began; one at least."""

    window: Span = Field(gt=timedelta())
    """The window, like `"24h"`."""

    @model_validator(mode="after")
    def _limits(self) -> Self:
        if self.count is None and self.percent is None:
            raise ValueError("write count, percent, or both")
        return self


class GroupLimitSection(BaseModel):
    """How many groups within a rolling window."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    count: int = Field(ge=1)
    """At most so many groups; nobody counts how many there are, so that there is no share of them."""

    window: Span = Field(gt=timedelta())
    """The window, like `"24h"`."""


class GuardSection(BaseModel):
    """The guard: where more identities than this are to lose access, the rest is held until a person decides."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    all: LimitSection | None = Field(default=None, examples=[{"count": 100, "percent": 20, "window": "24h"}])
    """Everybody from whom anything is taken."""

    suspend: LimitSection | None = None
    """Those who can no longer sign in."""

    strip: LimitSection | None = None
    """Those who lose groups or licenses."""

    delete: LimitSection | None = None
    """Those who lose an account or its data."""

    groups: GroupLimitSection | None = Field(default=None, examples=[{"count": 50, "window": "24h"}])
    """The groups at targets that are given up; they count as nothing else. In `[guard]` itself, 50 in 24h where
    absent."""

    percent_floor: int = Field(default=50, ge=0)
    """`percent` binds where at least so many identities were active when the window began."""
