"""Exclusions: who and what is never touched, for good or until a date."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from scimbridge.domain.filter import IdentityFilter
from scimbridge.domain.identity import Identity
from scimbridge.domain.names import fold


class Spared(StrEnum):
    """What an exclusion is of."""

    MATCH = "match"
    """The identities that match a filter."""

    IDENTITY = "identity"
    """One identity, by its SCIM id."""

    MEMBERS = "members"
    """Whoever is in a SCIM group, by its display name; a membership counts on for a day."""

    TARGET = "target"
    """A whole target."""

    ACCOUNT = "account"
    """One account at a target, by its immutable id or its name."""

    GROUP = "group"
    """A group at a target, by its name: nobody is taken out of it, and it is not given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Who or what is never touched, and why.

    Attributes:
        subject: The id or name; empty for a filter.
        target: Where the account or group is; every target where empty.
        until: When it ends (UTC); never where absent.
    """

    reason: str
    spared: Spared = Spared.MATCH
    match: IdentityFilter | None = None
    subject: str = ""
    target: str = ""
    until: datetime | None = None

    @property
    def in_words(self) -> str:
        """Whom or what it spares."""
        where = f" at {self.target}" if self.target else ""
        match self.spared:
            case Spared.MATCH:
                return self.match.text if self.match is not None else "nobody"
            case Spared.IDENTITY | Spared.TARGET:
                return f"{self.spared} {self.subject}"
            case Spared.MEMBERS:
                return f"members of {self.subject}"
            case Spared.ACCOUNT | Spared.GROUP:
                return f"{self.spared} {self.subject}{where}"

    def stands(self, now: datetime) -> bool:
        """Whether it has not ended yet."""
        return self.until is None or now < self.until

    def spares(self, identity: Identity, now: datetime) -> bool:
        """Whether it is of this identity."""
        if not self.stands(now):
            return False
        match self.spared:
            case Spared.MATCH:
                return self.match is not None and self.match.matches(identity)
            case Spared.IDENTITY:
                return self.subject == identity.id
            case Spared.MEMBERS:
                return fold(self.subject) in map(fold, identity.groups)
            case Spared.TARGET | Spared.ACCOUNT | Spared.GROUP:
                return False

    def spares_target(self, target: str, now: datetime) -> bool:
        """Whether it is of this target as a whole."""
        return self.spared is Spared.TARGET and self.subject == target and self.stands(now)

    def spares_account(self, target: str, names: Iterable[str], now: datetime) -> bool:
        """Whether it is of this account."""
        if self.spared is not Spared.ACCOUNT or self.target not in ("", target) or not self.stands(now):
            return False
        return fold(self.subject) in map(fold, names)

    def group_at(self, target: str, now: datetime) -> str | None:
        """Return the folded name of the group that it keeps people in at a target, if it is such a one."""
        is_here = self.spared is Spared.GROUP and self.target in ("", target) and self.stands(now)
        return fold(self.subject) if is_here else None
