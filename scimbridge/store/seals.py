"""Rows of seals, and the entries of the history that they are on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, func, insert, or_, select
from sqlalchemy.exc import IntegrityError

from scimbridge.domain.seal import Ranges, Seal, gaps_between
from scimbridge.errors import DuplicateError
from scimbridge.store.schema import history, seals, tasks

PAGE = 1000
"""Entries that are read at once."""

MOST_GAPS = 200
"""Runs of ids that were given and not seen yet; PostgreSQL gives some for what is undone. The latest are looked at."""


def last(tx: Connection) -> Seal | None:
    """Return the last seal."""
    row = tx.execute(select(seals).order_by(seals.c.number.desc()).limit(1)).mappings().first()
    return _seal(row) if row is not None else None


def insert_seal(tx: Connection, seal: Seal) -> None:
    """Store a seal.

    Raises:
        DuplicateError: Another process has just made the seal of this number.
    """
    row = {
        "number": seal.number,
        "at": seal.at,
        "previous": seal.previous,
        "ranges": [list(each) for each in seal.ranges],
        "first_entry": seal.ranges[0][0],
        "last_entry": seal.ranges[-1][1],
        "entries": seal.entries,
        "key_id": seal.key_id,
        "signature": seal.signature,
    }
    try:
        with tx.begin_nested():
            tx.execute(insert(seals).values(row))
    except IntegrityError as error:
        raise DuplicateError("number") from error


def unsealed(tx: Connection, in_flight: timedelta, limit: int) -> list[tuple[int, str]]:
    """Return the ids and digests of entries without a seal, by their ids.

    It costs by what is new: looked at is what lies behind all seals, and what the latest seals have left out.

    Args:
        tx: Any transaction.
        in_flight: How long it takes at most from an entry's id to its commit.
        limit: At most so many.
    """
    highest = tx.execute(select(func.max(seals.c.last_entry))).scalar_one() or 0
    missing = or_(history.c.id > highest, *(history.c.id.between(*gap) for gap in awaited(tx, in_flight)))
    query = select(history.c.id, history.c.digest).where(missing).order_by(history.c.id).limit(limit)
    return [(row.id, row.digest) for row in tx.execute(query)]


def awaited(tx: Connection, in_flight: timedelta) -> list[tuple[int, int]]:
    """Return the ids that the latest seals have left out, as runs: others may have committed them since.

    The latest are those of so long before the last one, and not before now: who seals may have been stopped meanwhile.
    """
    newest = last(tx)
    if newest is None:
        return []
    older = select(seals.c.number).where(seals.c.at < newest.at - in_flight).order_by(seals.c.number.desc())
    edge = tx.execute(older.limit(1)).scalar() or 0
    highest = select(seals.c.last_entry).where(seals.c.number <= edge).order_by(seals.c.last_entry.desc())
    reached = tx.execute(highest.limit(1)).scalar() or 0
    found = tx.execute(select(seals.c.ranges).where(seals.c.number > edge)).scalars()
    latest = [(first, until) for ranges in found for first, until in ranges]
    return list(gaps_between([(reached, reached), *latest]))[-MOST_GAPS:]


def unsealed_count(tx: Connection) -> tuple[int, datetime | None]:
    """Return how many entries lie behind all seals, and when the oldest of them was made."""
    highest = tx.execute(select(func.max(seals.c.last_entry))).scalar_one() or 0
    query = select(func.count(), func.min(history.c.at)).where(history.c.id > highest)
    count, oldest = tx.execute(query).one()
    return count, oldest


def seal_numbered(tx: Connection, number: int) -> Seal | None:
    """Return the seal of a number."""
    row = tx.execute(select(seals).where(seals.c.number == number)).mappings().first()
    return _seal(row) if row is not None else None


def all_seals(tx: Connection, *, after: int = 0) -> Iterator[Seal]:
    """Yield all seals in their order, or those after one."""
    while True:
        query = select(seals).where(seals.c.number > after).order_by(seals.c.number).limit(PAGE)
        rows = tx.execute(query).mappings().all()
        yield from map(_seal, rows)
        if len(rows) < PAGE:
            return
        after = rows[-1]["number"]


def entries(tx: Connection, ranges: Ranges) -> Iterator[RowMapping]:
    """Yield the entries of ids, by their ids."""
    for first, reached in ranges:
        after = first - 1
        while after < reached:
            query = select(history).where(history.c.id > after, history.c.id <= reached)
            rows = tx.execute(query.order_by(history.c.id).limit(PAGE)).mappings().all()
            yield from rows
            after = rows[-1]["id"] if len(rows) == PAGE else reached


def seal_of(tx: Connection, entry_id: int) -> Seal | None:
    """Return the seal on an entry."""
    query = select(seals).where(seals.c.last_entry >= entry_id, seals.c.first_entry <= entry_id)
    found = map(_seal, tx.execute(query.order_by(seals.c.number)).mappings())
    return next((seal for seal in found if seal.covers(entry_id)), None)


def evidence_of(tx: Connection, task_ids: Sequence[str]) -> dict[str, object]:
    """Return the evidence of tasks as it is kept now, by their ids."""
    query = select(tasks.c.id, tasks.c.evidence).where(tasks.c.id.in_(task_ids))
    return {row.id: row.evidence for row in tx.execute(query)}


def has_later(tx: Connection, entry: RowMapping) -> bool:
    """Whether the history has a later entry about the evidence of an entry's task."""
    query = select(history.c.details).where(
        history.c.case_id == entry["case_id"], history.c.task_id == entry["task_id"], history.c.id > entry["id"]
    )
    return any(isinstance(row.details, dict) and row.details.get("evidence") for row in tx.execute(query))


def _seal(row: RowMapping) -> Seal:
    return Seal(
        number=row["number"],
        at=row["at"],
        previous=row["previous"],
        ranges=tuple((first, reached) for first, reached in row["ranges"]),
        entries=row["entries"],
        key_id=row["key_id"],
        signature=row["signature"],
    )
