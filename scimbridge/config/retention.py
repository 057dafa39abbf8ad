"""``[retention]``: how long records are kept."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from scimbridge.config.notify import NotifyTable
from scimbridge.config.values import Duration
from scimbridge.domain.retention import LONGEST, REPLAYED, SHORTEST, Retention

_DEFAULT = Retention()
_Kept = Annotated[Duration, Field(ge=SHORTEST, le=LONGEST)]


class RetentionSection(NotifyTable):
    """How long records are kept that nothing needs any more. The proof of what was done is kept for good.

    Nothing is removed of anybody who has an open case or is held, and nothing at all while everything is held.
    """

    requests: _Kept = Field(default=_DEFAULT.requests, examples=["180d"])
    """How long what sources sent is kept, as received, as understood and as applied."""

    attempts: _Kept = Field(default=_DEFAULT.attempts, examples=["180d"])
    """How long after its end it is kept what an attempt has read of an account, that an account was looked up, and a
    snapshot of which all was given back. Snapshots that undo needs stay."""

    leavers: Annotated[Duration, Field(ge=REPLAYED, le=LONGEST)] | None = None
    """How long after their last case has ended the personal values of somebody are kept whom the source has deleted;
    then they are erased as by `scimbridge erase`, and nothing can be given back to them. Not below `"90d"`, because
    rules are replayed over the facts of that time. For good where absent."""


def retention_of(section: RetentionSection) -> Retention:
    """Return what the section says."""
    return Retention(requests=section.requests, attempts=section.attempts, leavers=section.leavers)
