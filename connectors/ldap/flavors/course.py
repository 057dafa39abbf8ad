"""How a list of accounts goes on from the one before it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from datetime import UTC

from connectors.ldap.entry import Entry
from connectors.ldap.flavors.times import CHANGED, Talk, generalized
from scimbridge.sdk import Coverage, End
from scimbridge.sdk.increments import HighWater, cursor_of, time_in


class Course(ABC):
    """One list, from its beginning to its end.

    Attributes:
        filter: What an entry must also match to be listed; empty for all of them.
        names: Attributes that it needs.
    """

    filter: str = ""
    names: tuple[str, ...] = ()

    @abstractmethod
    def saw(self, entries: Iterable[Entry]) -> None:
        """Take note of what was listed."""

    def gone(self) -> Iterator[tuple[str, ...]]:
        """Yield the ids of what was deleted, some at a time; nothing where that does not show."""
        yield from ()

    @abstractmethod
    def end(self) -> End:
        """Return what the list has told."""


class ByTime(Course):
    """Goes by the time at which entries were changed. Deletions do not show.

    Args:
        talk: The server.
        base: Where accounts are.
        accounts: The filter that they match.
        scope: What decides which accounts are listed, and what of them.
        since: The cursor of the list before.
    """

    names = (CHANGED,)

    def __init__(self, talk: Talk, base: str, accounts: str, scope: object, since: str | None) -> None:
        self._scope = scope
        self._has_times = True
        begun_at = time_in(since, scope, "changed")
        if begun_at is not None:
            changed = f"({CHANGED}>={begun_at.astimezone(UTC):%Y%m%d%H%M%SZ})"
            # The newest account of the list before is always among the changed ones. Where it is not, somebody has
            # deleted it, or the server does not compare times.
            if next(iter(talk.parts(base, f"(&{accounts}{changed})", ["1.1"], page=1)), []):
                self.filter = changed
        self._seen = HighWater(begun_at if self.filter else None)

    def saw(self, entries: Iterable[Entry]) -> None:
        """Take note of the newest change."""
        for entry in entries:
            changed_at = next((at for text in entry.get(CHANGED) if (at := generalized(text))), None)
            self._has_times = self._has_times and changed_at is not None
            self._seen.saw(changed_at)

    def end(self) -> End:
        """Return what the list has told; a server that hides when entries were changed tells only all of them."""
        mark = self._seen.mark if self._has_times else None
        cursor = cursor_of(self._scope, changed=mark.isoformat()) if mark is not None else None
        return End(coverage=Coverage.CHANGES if self.filter else Coverage.WHOLE, cursor=cursor)
