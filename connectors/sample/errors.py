"""Faults on demand: what a sample target can be made to answer, and the error that follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum

from scimbridge.sdk import ConnectorError, RejectedError, RetryableError, TargetUnusableError


class Fault(StrEnum):
    """What goes wrong with the next calls."""

    UNREACHABLE = "unreachable"
    """The connection fails."""

    THROTTLED = "throttled"
    """Too many requests; try again in a minute."""

    REJECTED = "rejected"
    """The target refuses for good."""

    UNUSABLE = "unusable"
    """The credentials are wrong all of a sudden."""

    LYING = "lying"
    """The target answers that it did as asked, and changes nothing."""


FAULTS: Mapping[Fault, Callable[[], ConnectorError] | None] = {
    Fault.UNREACHABLE: lambda: RetryableError("the target cannot be reached"),
    Fault.THROTTLED: lambda: RetryableError("too many requests", retry_after=timedelta(minutes=1)),
    Fault.REJECTED: lambda: RejectedError("the target refuses"),
    Fault.UNUSABLE: lambda: TargetUnusableError("the target does not accept the token"),
    Fault.LYING: None,
}
