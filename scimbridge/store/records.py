"""Reading the records: the history, and what sources sent; newest first, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, func, select

from scimbridge.domain.ids import before_ids
from scimbridge.store.schema import history, identities, requests

LOOKED_AT = 50_000
"""Entries of the history that one page looks through at most, so that a rare event does not cost all of it."""

_ALL_IDS = "g"
"""Follows every id: said even where no page comes before, so that SQLite walks the index rather than sort them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryQuery:
    """Which entries: those that all of it fits.

    Attributes:
        actor: Who did it.
        event: What happened, as the entry has it.
    """

    event: str | None = None
    actor: str | None = None
    target: str | None = None
    case_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestQuery:
    """Which requests: those that all of it fits.

    Attributes:
        resource_id: About this User or Group.
        is_refused: Only those that were refused.
    """

    source: str | None = None
    method: str | None = None
    resource_id: str | None = None
    is_refused: bool = False
    since: datetime | None = None
    until: datetime | None = None


def entries(
    tx: Connection, query: HistoryQuery, *, limit: int, before: int | None = None
) -> tuple[list[RowMapping], int]:
    """Return entries, the newest first, with the userName of the person; and from where to go on, 0 at the end."""
    newest = before if before is not None else (tx.execute(select(func.max(history.c.id))).scalar_one() or 0) + 1
    oldest = newest - LOOKED_AT if query.case_id is None else 0
    found = (
        select(history, identities.c.user_name)
        .join(identities, identities.c.id == history.c.identity_id, isouter=True)
        .where(history.c.id < newest, history.c.id >= oldest, *_about_entries(query))
        .order_by(history.c.id.desc())
        .limit(limit + 1)
    )
    rows = list(tx.execute(found).mappings())
    if len(rows) > limit:
        return rows[:limit], int(rows[limit - 1]["id"])
    return rows, max(oldest, 0)


def received(tx: Connection, query: RequestQuery, *, limit: int, before: str | None = None) -> list[RowMapping]:
    """Return requests, the newest first, with the userName of a person; those before the one of an id."""
    found = select(requests, identities.c.user_name)
    found = found.join(identities, identities.c.id == requests.c.resource_id, isouter=True)
    found = found.where(requests.c.id < (before or _ALL_IDS), *_about_requests(query))
    return list(tx.execute(found.order_by(requests.c.id.desc()).limit(limit)).mappings())


def _about_entries(query: HistoryQuery) -> Iterator[ColumnElement[bool]]:
    for column, value in (
        (history.c.event, query.event),
        (history.c.actor, query.actor),
        (history.c.target, query.target),
        (history.c.case_id, query.case_id),
    ):
        if value is not None:
            yield column == value
    if query.since is not None:
        yield history.c.at >= query.since
    if query.until is not None:
        yield history.c.at <= query.until


def _about_requests(query: RequestQuery) -> Iterator[ColumnElement[bool]]:
    for column, value in (
        (requests.c.source, query.source),
        (requests.c.method, query.method),
        (requests.c.resource_id, query.resource_id),
    ):
        if value is not None:
            yield column == value
    if query.is_refused:
        yield requests.c.status >= 400
    if query.since is not None:
        # The ids are made of the time, and have the index.
        yield requests.c.id > before_ids(query.since)
        yield requests.c.at >= query.since
    if query.until is not None:
        yield requests.c.at <= query.until
