"""What the guard's counters say, without counting: for rehearsals, which write nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from typing import Any

from sqlalchemy import Connection, Select, func, literal, select, union_all

from scimbridge.domain.guard import Limit
from scimbridge.store.guard import active_before, key_of
from scimbridge.store.schema import guard_counters, guard_marks, populations


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a limit stands.

    Attributes:
        counted: The identities within the window.
        active: How many were active when the window began; 0 where no share is asked for.
        flood_id: The open flood, where there is one.
    """

    counted: frozenset[str]
    active: int
    flood_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a limit stands, for people to look at.

    Attributes:
        counted: How many identities are within the window.
        active: How many were active when it began; ``None`` where no share is asked for, or nobody has counted yet.
        flood_id: The open flood, where there is one.
    """

    counted: int
    active: int | None
    flood_id: str | None


def standing(tx: Connection, limit: Limit, now: datetime) -> Standing:
    """Return how a limit stands; it reads as many rows as there are identities within the window."""
    own = [guard_counters.c[name] == value for name, value in key_of(limit).items()]
    row = tx.execute(select(guard_counters.c.epoch, guard_counters.c.flood_id).where(*own)).first()
    epoch, flood_id = row if row is not None else (0, None)
    marks = select(guard_marks.c.identity_id).where(
        *(guard_marks.c[name] == value for name, value in key_of(limit).items()),
        guard_marks.c.epoch == epoch,
        guard_marks.c.at > now - limit.window,
    )
    counted = frozenset(tx.execute(marks).scalars()) if row is not None else frozenset()
    return Standing(counted=counted, active=_active(tx, limit, now), flood_id=flood_id)


def readings(tx: Connection, limits: Sequence[Limit], now: datetime, most: int) -> list[Reading]:
    """Return how each of some limits stands, in three statements; it counts no further than ``most``."""
    if not limits:
        return []
    rows = {
        (row["scope"], row["subject"], row["guard_class"]): row for row in tx.execute(select(guard_counters)).mappings()
    }
    counted: dict[int, int] = {}
    known = [(number, limit, rows[limit.key]["epoch"]) for number, limit in enumerate(limits) if limit.key in rows]
    if known:
        arms = [_marks_in(number, limit, epoch, now, most) for number, limit, epoch in known]
        counted = {row[0]: row[1] for row in tx.execute(union_all(*arms))}
    active = {row[0]: row[1] for row in tx.execute(union_all(*map(_sampled, range(len(limits)), limits, repeat(now))))}
    return [
        Reading(
            counted=counted.get(number, 0),
            active=active[number] if limit.percent is not None else None,
            flood_id=rows[limit.key]["flood_id"] if limit.key in rows else None,
        )
        for number, limit in enumerate(limits)
    ]


def _marks_in(number: int, limit: Limit, epoch: int, now: datetime, most: int) -> Select[Any, Any]:
    marks = (
        select(guard_marks.c.identity_id)
        .where(
            *(guard_marks.c[name] == value for name, value in key_of(limit).items()),
            guard_marks.c.epoch == epoch,
            guard_marks.c.at > now - limit.window,
        )
        .limit(most)
        .subquery()
    )
    return select(literal(number).label("number"), func.count()).select_from(marks)


def _sampled(number: int, limit: Limit, now: datetime) -> Select[Any, Any]:
    """Return the query for how many were active when the window began, or were counted last; nothing is counted."""
    known = (
        select(populations.c.active)
        .where(populations.c.scope == limit.scope, populations.c.subject == limit.subject)
        .order_by(populations.c.at.desc())
        .limit(1)
    )
    before = known.where(populations.c.at <= now - limit.window).scalar_subquery()
    return select(literal(number).label("number"), func.coalesce(before, known.scalar_subquery()))


def _active(tx: Connection, limit: Limit, now: datetime) -> int:
    if limit.percent is None:
        return 0
    known = (
        select(populations.c.active)
        .where(populations.c.scope == limit.scope, populations.c.subject == limit.subject)
        .order_by(populations.c.at.desc())
        .limit(1)
    )
    for query in (known.where(populations.c.at <= now - limit.window), known):
        found: int | None = tx.execute(query).scalar_one_or_none()
        if found is not None:
            return found
    return active_before(tx, limit, now)
