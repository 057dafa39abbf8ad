"""How many Users and Groups a source has, kept beside them: counting a million rows takes a second."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, cast, func, select
from sqlalchemy.dialects import postgresql, sqlite

from scimbridge.domain.resource import MemberKind
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import resource_counts

_SLOTS = 16

_KEY = ("source", "kind", "slot")


def _adding(new: Any) -> Prepared:
    more = {"total": resource_counts.c.total + new.excluded.total}
    return Prepared(new.on_conflict_do_update(index_elements=_KEY, set_=more), (*_KEY, "total"))


_ADD = {
    "sqlite": _adding(sqlite.insert(resource_counts)),
    "postgresql": _adding(postgresql.insert(resource_counts)),
}
_TOTAL = select(cast(func.coalesce(func.sum(resource_counts.c.total), 0), Integer)).where(
    resource_counts.c.source == bindparam("asked"), resource_counts.c.kind.in_(bindparam("kinds", expanding=True))
)


def add(tx: Connection, source: str, kind: MemberKind, change: int) -> None:
    """Note that a source has so many more resources, or fewer.

    A thread always uses the same one of the slots. By the id of the resource, a transaction with
    several of them would lock several slots, and two such transactions each other.
    """
    slot = threading.get_native_id() % _SLOTS
    _ADD[tx.dialect.name].run(tx, {"source": source, "kind": kind.value, "slot": slot, "total": change})


def total(tx: Connection, source: str, kinds: Iterable[MemberKind]) -> int:
    """Return how many resources of these kinds a source has."""
    return int(tx.execute(_TOTAL, {"asked": source, "kinds": [kind.value for kind in kinds]}).scalar_one())
