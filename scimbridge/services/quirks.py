"""Counting what sources write in ways of their own, at a bounded cost."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from scimbridge import telemetry
from scimbridge.domain.quirk import UNKNOWN
from scimbridge.errors import StoreError
from scimbridge.store.database import Database
from scimbridge.store.quirks import add_sightings, quirks_of

FLUSH_EVERY = timedelta(minutes=1)
"""How long a count may stay in memory. A new quirk is stored at once."""

MOST_NAMES = 200
"""Names of quirks per source; attributes beyond are counted together."""

OTHERS = f"{UNKNOWN} (others)"

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Source:
    """What this process knows of a source.

    Attributes:
        pending: Counts that are not stored yet.
        names: Those that the store has, or is about to have.
        stored_at: When counts were last stored.
    """

    pending: dict[str, int] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    stored_at: datetime = _NEVER


class Quirks:
    """Keeps the counts in memory, and stores them at most once a minute for each source.

    What a process has counted since is lost if it is killed.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sources: dict[str, _Source] = {}
        self._turn = threading.Lock()

    def note(self, source: str, names: Iterable[str], now: datetime) -> None:
        """Count a request that had these quirks; never raises.

        Args:
            source: The source.
            names: Each once.
            now: When (UTC).
        """
        found = list(names)
        if not found:
            return
        unknown = sum(name.startswith(UNKNOWN) for name in found)
        if unknown:
            telemetry.UNKNOWN_ATTRIBUTES.labels(source).inc(unknown)
        try:
            self._store(source, self._due(source, found, now), now)
        except StoreError as error:
            log = structlog.get_logger("scimbridge.quirks")
            log.warning("quirks are not stored yet", action="quirks.note", source=source, reason=str(error))

    def flush(self, now: datetime) -> None:
        """Store what is still in memory; never raises."""
        for source, state in list(self._sources.items()):
            with self._turn:
                counts, state.pending = state.pending, {}
            try:
                self._store(source, counts, now)
            except StoreError:
                return

    def _due(self, source: str, names: Iterable[str], now: datetime) -> Mapping[str, int]:
        """Count, and return what is to be stored now."""
        state = self._state_of(source)
        with self._turn:
            is_new = False
            for name in names:
                counted = name if name in state.names or len(state.names) < MOST_NAMES else OTHERS
                is_new |= counted not in state.names
                state.names.add(counted)
                state.pending[counted] = state.pending.get(counted, 0) + 1
            if not is_new and now - state.stored_at < FLUSH_EVERY:
                return {}
            due, state.pending, state.stored_at = state.pending, {}, now
        return due

    def _state_of(self, source: str) -> _Source:
        state = self._sources.get(source)
        if state is None:
            with self._database.read() as tx:
                known = {row["name"] for row in quirks_of(tx, source)}
            state = self._sources.setdefault(source, _Source(names=known))
        return state

    def _store(self, source: str, counts: Mapping[str, int], now: datetime) -> None:
        """Store counts.

        Raises:
            StoreError: They are as before, and are stored with the next ones.
        """
        if not counts:
            return
        try:
            with self._database.write() as tx:
                add_sightings(tx, source, counts, now)
        except StoreError:
            with self._turn:
                pending = self._sources[source].pending
                for name, count in counts.items():
                    pending[name] = pending.get(name, 0) + count
            raise
