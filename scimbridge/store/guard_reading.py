"""What the guard's counters say, without counting: for rehearsals, which write nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

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
