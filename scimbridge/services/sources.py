"""What operators see of the sources: who they are, how they write, and what they have asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from scimbridge.errors import NotFoundError
from scimbridge.store import quirks, sources
from scimbridge.store.database import Database

Row = Mapping[Any, Any]

LOOKING_BACK = timedelta(hours=24)
"""Which errors are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceView:
    """One source.

    Attributes:
        is_configured: Whether the configuration names it.
        created_at: ``None`` where it has no token yet.
        counts: ``users``, ``active_users`` and ``groups``.
        tokens: Those that were not revoked.
        last_request_at: When it last wrote something.
        refused: Writes of the last 24 hours that were answered with an error, by status.
        quirks: What it writes in a way of its own, the most frequent first.
    """

    name: str
    is_configured: bool
    created_at: datetime | None
    counts: Mapping[str, int]
    tokens: Sequence[Row]
    last_request_at: datetime | None
    refused: Mapping[int, int]
    quirks: Sequence[Row]


@dataclass(frozen=True, slots=True)
class RequestView:
    """What a source has asked for, newest first, and about whom it was asked.

    Attributes:
        users: The Users that were meant; empty where nobody was named.
    """

    users: Sequence[Row]
    requests: Sequence[Row]


class Sources:
    """Reads what is known of sources.

    Raises, in every method:
        StoreBusyError, StoreUnavailableError: The database cannot be read.
    """

    def __init__(self, database: Database, configured: Sequence[str]) -> None:
        self._database = database
        self._configured = configured

    def all(self, now: datetime) -> list[SourceView]:
        """Return all sources, by name; also those that are configured and have no token yet."""
        with self._database.read() as tx:
            known = {row["name"]: row["created_at"] for row in sources.all_sources(tx)}
        return [self._view(name, known.get(name), now) for name in sorted({*known, *self._configured})]

    def one(self, name: str, now: datetime) -> SourceView:
        """Return one source.

        Raises:
            NotFoundError: There is none of this name.
        """
        with self._database.read() as tx:
            known = {row["name"]: row["created_at"] for row in sources.all_sources(tx)}
        if name not in known and name not in self._configured:
            raise NotFoundError("source", name)
        return self._view(name, known.get(name), now)

    def requests(self, source: str, *, user: str | None, only_refused: bool, limit: int) -> RequestView:
        """Return what a source has written.

        Args:
            source: Its name.
            user: The id, userName or externalId of the User in question; all requests where ``None``.
            only_refused: Only what was answered with an error.
            limit: How many at most.

        Raises:
            NotFoundError: The source has never had such a User.
        """
        with self._database.read() as tx:
            users = sources.users_named(tx, source, user) if user is not None else []
            if user is not None and not users:
                raise NotFoundError(f"User of {source}", user)
            ids = [row["id"] for row in users] if user is not None else None
            found = sources.requests_of(tx, source, resource_ids=ids, only_refused=only_refused, limit=limit)
        return RequestView(users, found)

    def _view(self, name: str, created_at: datetime | None, now: datetime) -> SourceView:
        with self._database.read() as tx:
            return SourceView(
                name=name,
                is_configured=name in self._configured,
                created_at=created_at,
                counts=sources.counts_of(tx, name),
                tokens=sources.live_tokens_of(tx, name),
                last_request_at=sources.last_request_at(tx, name),
                refused=sources.refused_since(tx, name, now - LOOKING_BACK),
                quirks=quirks.quirks_of(tx, name),
            )
