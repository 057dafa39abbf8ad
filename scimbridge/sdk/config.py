"""What every target can be told, whatever its connector."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, field_validator

from scimbridge.domain.schedule import Schedule
from scimbridge.sdk.limits import GuardSection, Span

Matchable = Literal["userName", "externalId", "emails.value", "employeeNumber"]
"""The SCIM attributes by which accounts are found, and matched back to identities."""


LOST_PERCENT = 20
"""A fifth of a source at once is a flood to the guard, too, unless the configuration says otherwise."""


class Mode(StrEnum):
    """Whether a target is written to."""

    OBSERVE = "observe"
    """Plan, read and report; write nothing."""

    ENFORCE = "enforce"
    """Act."""


def _parse_rate(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(\d+(?:\.\d+)?)/(s|m|h)", value.strip())
    if not found or float(found[1]) <= 0:
        raise ValueError('write a number of calls per second, minute or hour, like "20/s" or "600/m"')
    return timedelta(seconds={"s": 1, "m": 60, "h": 3600}[found[2]] / float(found[1]))


Interval = Annotated[timedelta, BeforeValidator(_parse_rate)]
"""A rate such as ``20/s``, kept as the time between two calls."""


def _parse_cron(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError('must be a string: write "0 3 * * *"')  # noqa: TRY004 - pydantic reports ValueError only
    return Schedule.parse(value, ZoneInfo("UTC")).expression


Cron = Annotated[str, BeforeValidator(_parse_cron), WithJsonSchema({"type": "string", "examples": ["0 3 * * *"]})]
"""A cron expression with five fields."""


class TargetConfig(BaseModel):
    """Settings that every target has. A connector subclasses this and adds its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True)

    searchable: ClassVar[tuple[str, ...]] = ()
    """What accounts can be found by, and `match` may name; anything where empty."""

    not_offered: ClassVar[Mapping[str, str]] = {}
    """Keys that people may well look for and that there are not, each with a sentence about what to do instead."""

    connector: str
    """The kind of connector, e.g. `ldap` or `scim`."""

    mode: Mode = Mode.OBSERVE
    """`observe` plans, reads and reports; `enforce` acts."""

    match: dict[Matchable, str] = Field(default={"userName": "userName"}, min_length=1)
    """How accounts are found: SCIM attribute = the target's attribute, tried in order."""

    granted_by: list[str] = []
    """Display names of the SCIM groups that grant this target. Whoever leaves the last of them is
    `unassigned` from it."""

    concurrency: int = Field(default=3, ge=1, le=100)
    """How many accounts are worked on at once, over all worker processes."""

    rate_limit: Interval | None = None
    """Calls per time, over all worker processes, e.g. `"20/s"`; no limit where absent. A target that asks for fewer
    calls is called less often for half an hour at most, whatever is written here."""

    reconcile: Cron | None = None
    """When all accounts are compared with the people, links and cases that the bridge knows, as five fields of cron in
    UTC, e.g. `"0 3 * * *"`. It reads only, while the target observes, too; without it, only when somebody asks."""

    stale_after: Span | None = Field(default=None, gt=timedelta())
    """Reconciliation calls stale what nobody has signed in with for so long, e.g. `"90d"`, as far as the target tells;
    nothing, where absent."""

    lost_percent: int = Field(default=LOST_PERCENT, ge=0, le=100)
    """How many of a hundred accounts may be missing from a list, compared with the last complete one, for
    reconciliation to believe it: a target that shows less to its credentials all of a sudden must not look tidy. Fewer
    than ten missing accounts are always believed, unless none is left; `100` believes anything."""

    allow_link_local: bool = False
    """Whether the target may be at a link-local address (`169.254.0.0/16`, `fe80::/10`) or another one where clouds
    keep the credentials of their machines. Nothing is sent there otherwise."""

    guard: GuardSection | None = None
    """Limits for this target alone; see `[guard]`."""

    @field_validator("match")
    @classmethod
    def _can_be_searched(cls, value: dict[Matchable, str]) -> dict[Matchable, str]:
        for attribute in value.values():
            if cls.searchable and attribute not in cls.searchable:
                raise ValueError(f"{attribute!r} cannot be searched for; write one of {', '.join(cls.searchable)}")
        return value
