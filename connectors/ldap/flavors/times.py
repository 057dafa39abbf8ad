"""What an entry tells of times: each kind of server has attributes of its own for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Protocol

from connectors.ldap.entry import Control, Entry
from scimbridge.sdk import Moment

CREATED = "createTimestamp"
CHANGED = "modifyTimestamp"
"""RFC 4512 section 3.4."""


class Talk(Protocol):
    """What one server is asked."""

    def get(self, dn: str, attributes: Sequence[str], *, controls: Sequence[Control] = ()) -> Entry | None:
        """Return one entry, or ``None`` where there is none of this name, or it may not be read."""

    def parts(
        self, base: str, filter_: str, attributes: Sequence[str], /, *, controls: Sequence[Control] = (), page: int = 0
    ) -> Iterator[list[Entry]]:
        """Yield the entries that match, as many at a time as a part holds."""


class Times:
    """Servers that write down times as RFC 4517 section 3.3.13 has it.

    Args:
        signed_in: Where they note sign-ins; the newest counts. One without a value says nothing: it may be noted
            only since somebody has switched that on.
        ends: Where an account has an end.
    """

    attributes: ClassVar[tuple[str, ...]] = (CREATED, CHANGED)
    """What all times are told from, beside what the constructor names."""

    def __init__(self, *, signed_in: Sequence[str] = (), ends: str = "", also: Sequence[str] = ()) -> None:
        self._signed_in = tuple(signed_in)
        self._ends = ends
        self._names = (*self.attributes, *signed_in, *([ends] if ends else []), *also)

    @property
    def names(self) -> tuple[str, ...]:
        """The attributes to read."""
        return self._names

    def created_at(self, entry: Entry) -> datetime | None:
        """Return when the entry was made."""
        return _first(entry, (CREATED,))

    def locked_since(self, entry: Entry) -> datetime | None:
        """Return since when at the latest a locked account is so: it is as it was when it was last changed."""
        return _first(entry, (CHANGED,))

    def signed_in_at(self, entry: Entry) -> Moment:
        """Return when somebody last signed in, at the earliest."""
        return max((at for name in self._signed_in if (at := _first(entry, (name,)))), default=None)

    def signed_in_within(self, talk: Talk) -> timedelta | None:
        """Return how much later that may have been; ``None`` where the server writes down no sign-ins."""
        del talk
        return timedelta()

    def ends_at(self, entry: Entry) -> Moment:
        """Return when the account lets nobody in any more."""
        return _first(entry, (self._ends,)) if self._ends else None


def generalized(text: str) -> datetime | None:
    """Return a time (RFC 4517 section 3.3.13) as directories write it: in UTC, to the second."""
    try:
        return datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _first(entry: Entry, names: Sequence[str]) -> datetime | None:
    return next((at for name in names for text in entry.get(name) if (at := generalized(text))), None)
