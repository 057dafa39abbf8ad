"""What is planned for the coming days, counted no further than anybody would read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, Integer, Select, cast, func, literal, select, text, union_all

from scimbridge.store.schema import tasks

# As the partial index has it.
_PLANNED = text("tasks.state = 'planned'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is planned in a time.

    Attributes:
        tasks: How many tasks fall due.
        people: Of how many people.
        irreversible: How many of the tasks cannot be undone.
    """

    tasks: int
    people: int
    irreversible: int


def loads(tx: Connection, borders: Sequence[datetime | None], most: int) -> list[Load]:
    """Return what falls due between each two borders, in one statement; each is counted up to ``most`` tasks."""
    spans = list(pairwise(borders))
    rows = tx.execute(union_all(*(_load(number, *span, most) for number, span in enumerate(spans))))
    found = {row[0]: Load(tasks=row[1], people=row[2], irreversible=row[3] or 0) for row in rows}
    return [found[number] for number in range(len(spans))]


def _load(number: int, start: datetime | None, end: datetime | None, most: int) -> Select[Any, Any, Any, Any]:
    planned = select(tasks.c.identity_id, tasks.c.irreversible).where(_PLANNED)
    if start is not None:
        planned = planned.where(tasks.c.due_at >= start)
    if end is not None:
        planned = planned.where(tasks.c.due_at < end)
    some = planned.order_by(tasks.c.due_at).limit(most).subquery()
    return select(
        literal(number).label("number"),
        func.count(),
        func.count(some.c.identity_id.distinct()),
        func.sum(cast(some.c.irreversible, Integer)),
    ).select_from(some)
