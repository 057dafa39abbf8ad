"""How a source is read: what its identity provider may differ in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, timedelta, tzinfo
from enum import StrEnum

SOURCE_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""How a source can be called: it is a part of an address, of commands, and of what is told of people at targets."""

SOURCE_NAME_RULE = 'letters, digits, ".", "_" and "-", at most 64 of them, and first a letter or a digit'
"""The same for people."""

MEMBERSHIP_MEMORY = timedelta(hours=24)
"""How long rules still see a membership that has ended, unless the source says otherwise."""


def is_source_name(text: str) -> bool:
    """Whether a source can be called so: in the configuration, and wherever a token or a client is made for it."""
    return re.fullmatch(SOURCE_NAME, text) is not None


class NameCase(StrEnum):
    """Whether the case of letters makes another userName."""

    IGNORED = "ignored"
    """``Ada`` and ``ada`` are the same (RFC 7643 §4.1.1)."""

    EXACT = "exact"
    """They are two; for directories that really tell them apart."""


class OverInactive(StrEnum):
    """What a POST means that has the userName of an inactive User, or else its externalId."""

    REACTIVATE = "reactivate"
    """Somebody returns: the User becomes active again and keeps its id."""

    CONFLICT = "conflict"
    """409: the identity provider looks it up, and reactivates it by PATCH or PUT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceProfile:
    """What the configuration says about a source; the defaults serve every identity provider we know.

    Attributes:
        strict: Refuse what is not known (400) instead of ignoring it.
        user_name_case: How userNames are compared, in filters and for uniqueness alike.
        over_inactive: What a POST over an inactive User means.
        end_date: The path of the attribute that says when an identity's time ends; ``None`` is the
            ``endDate`` of our own lifecycle extension.
        timezone: Where a day of an end date without a time ends.
        membership_memory: How long rules still see a membership that has ended.
    """

    strict: bool = False
    user_name_case: NameCase = NameCase.IGNORED
    over_inactive: OverInactive = OverInactive.REACTIVATE
    end_date: str | None = None
    timezone: tzinfo = UTC
    membership_memory: timedelta = MEMBERSHIP_MEMORY


DEFAULT_PROFILE = SourceProfile()


@dataclass(frozen=True, slots=True)
class Profiles:
    """The profiles of all sources, by name."""

    by_name: Mapping[str, SourceProfile] = field(default_factory=dict)

    def of(self, source: str) -> SourceProfile:
        """Return the profile of a source; one that the configuration does not name has the defaults."""
        return self.by_name.get(source, DEFAULT_PROFILE)
