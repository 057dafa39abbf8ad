"""The guard: counts whoever is planned for, and holds what is more than a limit allows.

It decides in the transaction that plans, so that nothing of a case that trips a limit ever becomes ready. What is
planned at a target that only observes takes nothing away; it counts once the target is about to act after all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy import Connection

from scimbridge import telemetry
from scimbridge.domain.action import GuardClass
from scimbridge.domain.case import Case
from scimbridge.domain.flood import Flood
from scimbridge.domain.guard import Guard, Limit
from scimbridge.domain.outline import counted_as
from scimbridge.domain.task import Task
from scimbridge.sdk.config import Mode
from scimbridge.services.alarming import Alarms
from scimbridge.store import cases, floods, guard, journal, targets, tasks
from scimbridge.store.database import Database
from scimbridge.store.guard import Counter

Classes = Mapping[str, frozenset[GuardClass]]
"""What a plan counts as at each target."""


class Guarding:
    """Consulted whenever a case is opened or gets further work.

    Args:
        database: The store; told what to do after the commit.
        limits: All of them.
        modes: What the configuration says about each target.
        alarms: Notes for operators that a limit has tripped.
    """

    def __init__(
        self, database: Database, limits: Guard, modes: Mapping[str, Mode], alarms: Alarms | None = None
    ) -> None:
        self._database = database
        self._alarms = alarms or Alarms()
        # Every transaction takes the locks in this order, whatever the order of the configuration.
        self._guard = Guard(
            limits=tuple(sorted(limits.limits, key=lambda each: (each.scope, each.subject, each.guard_class))),
            floors=limits.floors,
        )
        # For whoever was active: most days end here.
        self._least = {limit.key: limit.least(self._guard.floor(limit)) for limit in self._guard.limits}
        self._observing = frozenset(name for name, mode in modes.items() if mode is Mode.OBSERVE)

    def admit(self, tx: Connection, case: Case, planned: Classes, now: datetime) -> Sequence[Flood]:
        """Count a case for all limits that it concerns, and hold it where one of them trips or has tripped.

        The caller holds the lock of the case's identity, and has stored the case.

        Args:
            tx: The transaction that plans.
            case: The case.
            planned: What is planned counts as at each target.
            now: When (UTC).

        Returns:
            The floods that hold the case from now on.
        """
        if not planned or not self._guard.limits:
            return ()
        acting = self._acting(tx, planned, now)
        if idle := planned.keys() - acting.keys():
            guard.put_off(tx, case.id, sorted(idle))
        return self._count(tx, case, acting, now)

    def admit_late(self, tx: Connection, task: Task, now: datetime) -> bool:
        """Count what is about to be done and was planned while its target only observed; hold it where it is too much.

        It counts with all that its case still plans at the target. The caller holds the lock of the identity, and
        knows that the target acts.

        Returns:
            Whether it was counted just now: it may be held by now.
        """
        if not self._guard.limits or not task.action.is_revoking or not guard.take_up(tx, task.case_id, task.target):
            return False
        left = [each for each in tasks.tasks_of_case(tx, task.case_id) if not each.is_finished]
        planned = counted_as((each.target, each.action) for each in left if each.target == task.target)
        self._count(tx, cases.case_by_id(tx, task.case_id), planned, now)
        return True

    def _count(self, tx: Connection, case: Case, acting: Classes, now: datetime) -> Sequence[Flood]:
        held: list[Flood] = []
        opened: list[tuple[Flood, bool]] = []
        for limit in self._guard.concerned(case.source, acting):
            counter = guard.count(tx, limit)
            guard.mark(tx, limit, counter.epoch, case, now)
            if counter.flood_id is not None:
                held.append(self._join(tx, floods.flood_by_id(tx, counter.flood_id), case, now))
                continue
            reason = self._why_tripped(tx, limit, counter, now)
            if reason is not None:
                opened.append(self._open(tx, limit, counter, reason, case, now))
        self._tell_once(tx, [flood for flood, has_others in opened if has_others or not held], now)
        return [*held, *(flood for flood, _ in opened)]

    def _acting(self, tx: Connection, planned: Classes, now: datetime) -> Classes:
        """Return what is planned where something will be done. What is only observed takes nothing away yet."""
        if self._observing.isdisjoint(planned):
            return planned
        idle = self._observing - targets.armed(tx, now)
        return {target: classes for target, classes in planned.items() if target not in idle}

    def _why_tripped(self, tx: Connection, limit: Limit, counter: Counter, now: datetime) -> str | None:
        """Return which number a limit has tripped at, or ``None`` where its window has room."""
        if counter.at_most <= self._least[limit.key]:
            return None
        floor = self._guard.floor(limit)
        active = self._active(tx, limit, counter, now)
        most = limit.most(active, floor)
        if counter.at_most <= most:
            return None
        counted = guard.counted(tx, limit, counter.epoch, now, at_most=int(most) + 1)
        if counted <= most:
            guard.correct(tx, limit, counted)
            return None
        return limit.tripped(active, floor)

    def _active(self, tx: Connection, limit: Limit, counter: Counter, now: datetime) -> int:
        """Return how many were active when the window began; counted now, where nobody has done so before."""
        if limit.percent is None:
            return 0
        if counter.active is None:
            counter.active = guard.known_active(tx, limit, now)
        if counter.active is not None:
            return counter.active
        active = guard.active_before(tx, limit, now)
        guard.sample(tx, limit.scope, limit.subject, now, active)
        return active

    def _open(
        self, tx: Connection, limit: Limit, counter: Counter, reason: str, case: Case, now: datetime
    ) -> tuple[Flood, bool]:
        """Hold everything that was counted in the window and is still open.

        Returns:
            The flood, and whether it holds somebody beside this case whom no flood has held before.
        """
        flood = floods.insert_flood(tx, limit, reason, now)
        guard.set_flood(tx, limit, flood.id)
        counted = guard.cases_counted(tx, limit, counter.epoch, now)
        floods.take_in(tx, flood.id, [case_id for case_id, _, _ in counted])
        has_others = floods.has_unheld(tx, flood.id, beside=case.id)
        held = [(case_id, identity_id) for case_id, identity_id, is_open in counted if is_open]
        _hold(tx, flood, held, now)
        details = {"flood": flood.id, "where": flood.where, "held": len(held), "counted": len(counted)}
        journal.record(tx, "flood opened", now, reason=flood.reason, details=details)
        self._database.on_commit(partial(_alarm, flood, len(held)))
        return flood, has_others

    def _tell_once(self, tx: Connection, news: Sequence[Flood], now: datetime) -> None:
        """Tell operators of one mistake, however many limits it trips: each of them holds by itself."""
        for flood in news[:1]:
            self._alarms.guard_tripped(tx, flood_id=flood.id, where=flood.where, reason=flood.reason, now=now)

    def _join(self, tx: Connection, flood: Flood, case: Case, now: datetime) -> Flood:
        floods.take_in(tx, flood.id, [case.id])
        if not floods.is_held(tx, flood.id, case.id):
            _hold(tx, flood, [(case.id, case.identity_id)], now)
        return flood


def _hold(tx: Connection, flood: Flood, cases: Iterable[tuple[str, str]], now: datetime) -> None:
    held = list(cases)
    floods.hold(tx, flood, [case_id for case_id, _ in held], now)
    for case_id, identity_id in held:
        journal.record(
            tx,
            "held by the guard",
            now,
            reason=flood.reason,
            identity_id=identity_id,
            case_id=case_id,
            details={"flood": flood.id},
        )


def _alarm(flood: Flood, held: int) -> None:
    telemetry.FLOODS_OPENED.labels(flood.scope, flood.subject, flood.guard_class).inc()
    structlog.get_logger("scimbridge.alarm").error(
        f"the guard holds a flood: look at it with `scimbridge guard show {flood.id}`",
        action="guard.flood",
        flood=flood.id,
        where=flood.where,
        reason=flood.reason,
        held=held,
    )
