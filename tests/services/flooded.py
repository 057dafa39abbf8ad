"""What the tests of the guard share: limits, people who leave, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from scimbridge.domain.action import GuardClass
from scimbridge.domain.flood import Flood
from scimbridge.domain.guard import Guard, GuardScope, Limit
from scimbridge.store import floods
from scimbridge.store.database import Database
from scimbridge.store.schema import holds
from tests.clock import FakeClock
from tests.services.bench import Bench


def a_limit(count: int | None = 3, *, window: timedelta = timedelta(hours=24), **settings: Any) -> Limit:
    return Limit(
        scope=settings.pop("scope", GuardScope.OVERALL),
        subject=settings.pop("subject", ""),
        guard_class=settings.pop("guard_class", GuardClass.ALL),
        count=count,
        window=window,
        **settings,
    )


def a_guard(*limits: Limit, floor: int = 0) -> Guard:
    return Guard(limits=limits, floors={(limit.scope, limit.subject): floor for limit in limits})


def a_bench(database: Database, clock: FakeClock, *limits: Limit, floor: int = 0, **settings: Any) -> Bench:
    return Bench(database, clock, guard=a_guard(*(limits or (a_limit(),)), floor=floor), **settings)


def standing(bench: Bench) -> list[Flood]:
    with bench.database.read() as tx:
        return floods.standing(tx)


def the_flood(bench: Bench) -> Flood:
    (found,) = standing(bench)
    return found


def people(bench: Bench, number: int, prefix: str = "p", **attributes: Any) -> list[str]:
    return [bench.join(f"{prefix}{each}", **attributes) for each in range(number)]


def leave_all(bench: Bench, ids: Sequence[str]) -> None:
    for identity_id in ids:
        bench.leave(identity_id)


def held_cases(bench: Bench) -> set[str]:
    with bench.database.read() as tx:
        return set(tx.execute(select(holds.c.subject).where(holds.c.lifted_at.is_(None))).scalars())
