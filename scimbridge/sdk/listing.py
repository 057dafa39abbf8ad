"""What a connector says about all accounts of its target.

A list comes page by page, so that nobody ever holds all of it, and only its last page says that it has come to an
end. What breaks off has no such page, and is begun anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

NEVER: Final = "never"
"""What a moment is that has not come, where the target tells so."""

Moment = datetime | Literal["never"] | None
"""A time (UTC) as a target tells it. ``None`` is unknown, and never "never": that has to be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSummary:
    """An account as a list of all accounts has it.

    What a target does not have, or would tell only by a call for each account, is ``None``.

    Attributes:
        id: The target's immutable id.
        name: What people call it.
        attributes: Values by the target's attribute name, of those at least that ``match`` names.
        suspended: Whether sign-in is blocked, by whomever.
        suspended_since: Since when at the latest (UTC); it may have been so for longer.
        signed_in_at: When somebody last signed in with it, at the earliest.
        signed_in_within: How much later that may have been: targets do not write down each sign-in.
        expires_at: When it stops letting anybody in by itself.
        created_at: When it was made (UTC).
        container: Where it is: an OU, an org unit.
        unmanaged: Whether it carries the mark that keeps the bridge away from it.
        licenses: The names of the licenses that it has by itself, not through a group.
        privileged: Whether it has power over others: a role of an administrator, or the membership that gives one.
    """

    id: str
    name: str
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    suspended: bool | None = None
    suspended_since: datetime | None = None
    signed_in_at: Moment = None
    signed_in_within: timedelta = timedelta()
    expires_at: Moment = None
    created_at: datetime | None = None
    container: str | None = None
    unmanaged: bool | None = None
    licenses: tuple[str, ...] | None = None
    privileged: bool | None = None

    @property
    def signed_in_by(self) -> datetime | None:
        """When somebody last signed in with it, at the latest (UTC); ``None`` where nobody has, or nobody can tell."""
        return self.signed_in_at + self.signed_in_within if isinstance(self.signed_in_at, datetime) else None

    def is_unused_since(self, moment: datetime) -> bool | None:
        """Whether nobody has signed in from a moment on; ``None`` where the target does not tell.

        An account that is younger than the moment has had no time for it, and is not unused.
        """
        if self.created_at is not None and self.created_at > moment:
            return False
        if self.signed_in_by is not None:
            return self.signed_in_by < moment
        return True if self.signed_in_at == NEVER and self.created_at is not None else None


class Coverage(StrEnum):
    """What a list that came to its end has told."""

    WHOLE = "whole"
    """All accounts: what is not among them was not there when it was looked for."""

    CHANGES = "changes"
    """What is new or has changed since the cursor. Deletions do not show."""

    CHANGES_AND_DELETIONS = "changes and deletions"
    """What is new, has changed, or was deleted since the cursor. What left the part of the target that the bridge
    looks at in another way does not show: only a whole list tells that something is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The end of a list.

    Attributes:
        coverage: What it has told.
        cursor: What the next list goes on from; ``None`` where the target tells only all accounts.
    """

    coverage: Coverage
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage:
    """Some accounts of a list.

    Attributes:
        accounts: In no particular order. One that changes meanwhile may come twice; the later one holds.
        gone: Ids of accounts that were deleted.
        end: Only on the last page; without it, nothing follows from what was not listed.
    """

    accounts: tuple[AccountSummary, ...] = ()
    gone: tuple[str, ...] = ()
    end: End | None = None
