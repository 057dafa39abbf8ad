"""Reading the records: the history, and what sources sent; newest first, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, RowMapping, Select, func, select

from scimbridge.store.schema import history, identities, requests

LOOKED_AT = 50_000
"""Records that one page looks through at most, so that a rare one does not cost all of them."""


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
    found = select(history, identities.c.user_name)
    found = found.join(identities, identities.c.id == history.c.identity_id, isouter=True)
    found = found.where(*_about_entries(query))
    return _newest_first(tx, found, history.c.id, limit, before, all_at_once=query.case_id is not None)


def received(
    tx: Connection, query: RequestQuery, *, limit: int, before: int | None = None
) -> tuple[list[RowMapping], int]:
    """Return requests, the newest first, with the userName of a person; and from where to go on, 0 at the end."""
    found = select(requests, identities.c.user_name)
    found = found.join(identities, identities.c.id == requests.c.resource_id, isouter=True)
    found = found.where(*_about_requests(query))
    return _newest_first(tx, found, requests.c.number, limit, before, all_at_once=query.resource_id is not None)


def _newest_first(
    tx: Connection, found: Select[Any], number: Column[int], limit: int, before: int | None, *, all_at_once: bool
) -> tuple[list[RowMapping], int]:
    """Return those of some records that come before a number, and the number before which to go on; 0 at the end.

    All of them are looked through where an index says which those are.
    """
    newest = before if before is not None else (tx.execute(select(func.max(number))).scalar_one() or 0) + 1
    oldest = 0 if all_at_once else max(newest - LOOKED_AT, 0)
    found = found.where(number < newest, number >= oldest).order_by(number.desc()).limit(limit + 1)
    rows = list(tx.execute(found).mappings())
    if len(rows) > limit:
        return rows[:limit], int(rows[limit - 1][number.name])
    return rows, oldest


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
        yield requests.c.at >= query.since
    if query.until is not None:
        yield requests.c.at <= query.until
