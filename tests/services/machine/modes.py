"""Targets that observe until they are armed, are paused and let go, and take few attempts at once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule
from sqlalchemy import select

from scimbridge.errors import ArmingError, CaseClosedError
from scimbridge.sdk import Mode
from scimbridge.store.schema import attempts, snapshots
from tests.services.machine.judge import Expectation, Law, Write
from tests.services.machine.luck import LuckRules
from tests.services.machine.model import a_name, a_target, a_truth
from tests.services.machine.play import Draw

GRADUALLY = timedelta(seconds=30)


class ModeRules(LuckRules):
    """Attributes:
    observing: The target that only observes.
    armed_until: Until when it may act.
    was_armed: Whether it ever was.
    most: How many attempts a target takes at once.
    paused: The attempts that were live when an operator paused a target; they may come to their end.
    let_go: How much time had passed when a target with a backlog was resumed.
    """

    observing = "dir"
    may_be_full = True
    during = (*LuckRules.during, "disarm", "pause", "others work")

    def settings(self, draw: Draw) -> dict[str, Any]:
        self.armed_until: datetime | None = None
        self.was_armed = False
        self.paused: dict[str, set[str]] = {}
        self.let_go: dict[str, timedelta] = {}
        self.most: int = draw(st.integers(1, 2), "concurrency")
        for target, system in self.systems.items():
            system.before_read = self._reading(target)
        modes = {self.observing: Mode.OBSERVE}
        return {**super().settings(draw), "modes": modes, "concurrency": self.most}

    @rule(hours=st.sampled_from((1, 24)))
    def arm(self, hours: int) -> None:
        self.was_armed = True
        self.armed_until = self.bench.arming.arm(
            self.observing, span=timedelta(hours=hours), reason="a test", by="ops", now=self.clock()
        )

    @rule()
    def disarm(self) -> None:
        self.bench.arming.disarm(self.observing, reason="over", by="ops", now=self.clock())
        self.armed_until = None

    @rule(name=a_name)
    def do_what_was_only_observed(self, name: str) -> None:
        self.arm(1)
        for known in self.people[name][-1:]:  # what those before did not lose, nobody else loses for it
            for case in self.bench.cases(known.id):
                with suppress(ArmingError, CaseClosedError):
                    self.bench.operating.do_observed(case.id, by="ops", now=self.clock())

    @rule(at=a_target, paused=a_truth)
    def pause_or_resume(self, at: str, paused: bool) -> None:
        if paused:
            self._pause(at)
            return
        was_paused = self.bench.operating.resume(at, by="ops", now=self.clock())
        backlog = len(self.bench.sweeping.runnable(at, self.clock(), 3))
        self.paused.pop(at, None)
        if was_paused and backlog > 1:
            self.let_go[at] = self.elapsed

    @rule(at=a_target)
    def both_leave_while_a_target_is_paused(self, at: str) -> None:
        """What has piled up there is let go one by one, however many workers take it."""
        for name in self.names:
            self.clear_the_way(name)
        self._pause(at)
        for name in self.names:
            self.deactivate(name)
        self.advance(self.grace)
        self.drain()
        self.pause_or_resume(at, False)
        self.happens_once("others work", self.names[0])
        self.drain()
        self.happens_no_more()

    @rule(name=a_name)
    def the_time_to_act_ends_during_an_attempt(self, name: str) -> None:
        self.clear_the_way(name)
        self.deactivate(name)
        self.advance(self.grace)
        self.arm(1)
        self.happens_once("disarm", name, at=self.observing)
        self.drain()
        self.happens_no_more()

    def steps(self, name: str) -> dict[str, Callable[[], object]]:
        return {
            **super().steps(name),
            "disarm": self.disarm,
            "pause": lambda: self._pause(*self.targets),
            "others work": self._others_work,
        }

    def laws(self) -> list[Law]:
        return [*super().laws(), self._is_armed]

    def expectations(self) -> list[Expectation]:
        """Return those that the target meets that acts always; nobody can tell when the other one did."""
        every = super().expectations()

        def where_it_acts(name: str, target: str) -> None:
            for expectation in every if target != self.observing else ():
                expectation(name, target)

        return [where_it_acts, self._keeps_nothing]

    def calm(self) -> None:
        super().calm()
        self.paused.clear()

    def _keeps_nothing(self, _name: str, _target: str) -> None:
        """Where nothing was ever changed, there is nothing to keep for undoing it."""
        if not self.was_armed:
            with self.database.read() as tx:
                kept = tx.execute(select(snapshots.c.id).where(snapshots.c.target == self.observing)).first()
            assert kept is None, f"{self.observing} only observes, and has a snapshot"

    def _is_armed(self, write: Write) -> None:
        if write.target == self.observing:
            assert self.armed_until is not None, "written in observe mode"
            assert self.clock.now < self.armed_until, "written after it was armed"

    def _reading(self, target: str) -> Callable[[], None]:
        def read() -> None:
            live = self._live_at(target)
            if not live <= self.paused.get(target, live):
                self.judge.violations.append(f"an attempt began at {target}, which is paused")
            is_let_go = target in self.let_go and self.elapsed - self.let_go[target] < GRADUALLY
            if len(live) > (1 if is_let_go else self.most):
                self.judge.violations.append(f"{len(live)} attempts at once at {target}")

        return read

    def _pause(self, *names: str) -> None:
        for at in names:
            if (
                self.bench.operating.pause(at, reason="maintenance", by="ops", now=self.clock())
                or at not in self.paused
            ):
                self.paused[at] = self._live_at(at)

    def _live_at(self, target: str) -> set[str]:
        with self.database.read() as tx:
            query = select(attempts.c.id).where(attempts.c.target == target, attempts.c.ended_at.is_(None))
            return set(tx.execute(query).scalars())

    def _others_work(self) -> None:
        """Another worker takes all messages that there are."""
        self.sweep()
        for wakeup in list(self.bench.wakeups):
            self.bench.execution.work(wakeup.account_id)
