"""What the processes do, and bad luck: time, messages, targets, crashes, and things that happen in the middle."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import rule

from scimbridge.domain.duration import parse_duration
from scimbridge.domain.hold import Scope
from scimbridge.sdk import ConnectorError, NativeState, RejectedError, RetryableError, TargetUnusableError
from scimbridge.services.claiming import Claim
from tests.services.machine.faults import crash, nothing
from tests.services.machine.model import a_name, a_target, a_truth
from tests.services.machine.operators import OperatorRules
from tests.services.machine.sources import SourceRules

some_steps = st.runner().flatmap(lambda play: st.lists(st.sampled_from(play.meanwhile), max_size=4))
a_step = st.runner().flatmap(lambda play: st.sampled_from(play.during))


class ProcessRules(SourceRules, OperatorRules):
    @rule(number=st.integers(0, 3))
    def work_one_message(self, number: int) -> None:
        if self.bench.wakeups:
            wakeup = self.bench.wakeups.pop(number % len(self.bench.wakeups))
            self.bench.execution.work(wakeup.account_id)

    @rule()
    def work_without_the_sweeper(self) -> None:
        self.bench.work()

    @rule()
    def sweep_and_work(self) -> None:
        self.drain()


class LuckRules(ProcessRules):
    meanwhile: ClassVar[tuple[str, ...]] = ("deactivate", "reactivate", "delete", "create_again", "exclude", "drain")
    during: ClassVar[tuple[str, ...]] = ("reactivate", "deactivate", "exclude", "hold", "twin", "lapse")

    @rule(span=st.sampled_from(("1s", "31s", "10m", "6h", "1d", "2d")))
    def time_passes(self, span: str) -> None:
        self.advance(parse_duration(span))

    @rule(span=st.sampled_from((timedelta(minutes=5), timedelta(hours=2))))
    def the_clock_is_set_back(self, span: timedelta) -> None:
        self.clock.now -= span
        self.turned_back += span

    @rule(lost=a_truth)
    def messages_are_lost_or_arrive_twice(self, lost: bool) -> None:
        self.bench.wakeups[:] = [] if lost else self.bench.wakeups[:10] * 2

    @rule(at=a_target, error=st.sampled_from((RetryableError, RejectedError, TargetUnusableError)))
    def a_target_fails(self, at: str, error: Callable[[str], ConnectorError]) -> None:
        self.bench.fail(error("trouble"), target=at)

    @rule(at=a_target)
    def a_target_lies_for_a_while(self, at: str) -> None:
        self.systems[at].is_lying = True
        self.drain()
        self.systems[at].is_lying = False

    @rule(name=a_name, at=a_target, suspended=a_truth)
    def an_administrator_changes_an_account(self, name: str, at: str, suspended: bool) -> None:
        account = self.systems[at].accounts.get(f"native-{name}")
        if account is not None and account["suspended"] != suspended:
            account["suspended"] = suspended
            self.meddled[name, at] += 1

    @rule(commits=st.integers(1, 6))
    def a_process_ends_after_a_commit(self, commits: int) -> None:
        self.database.commits_left = commits
        self.drain_until_it_crashes()
        self.database.commits_left = None

    @rule(reads=st.integers(1, 6))
    def two_sweepers_look(self, reads: int) -> None:
        """What one of them has found, the other one has done when the first comes to it."""
        self.database.meanwhile = self.bench.sweep
        self.database.reads_left = reads
        self.bench.sweep()
        self.database.reads_left = 0
        self.sweep()

    @rule(at=a_target, afterwards=a_truth)
    def a_worker_ends_at_a_write(self, at: str, afterwards: bool) -> None:
        system = self.systems[at]
        setattr(system, "after_write" if afterwards else "before_write", crash)
        self.drain_until_it_crashes()
        system.before_write = system.after_write = nothing

    @rule(at=a_target, meanwhile=some_steps, name=a_name, other_way=a_truth)
    def a_write_is_stuck_until_its_lease_is_over(
        self, at: str, meanwhile: list[str], name: str, other_way: bool
    ) -> None:
        system = self.systems[at]

        def stuck() -> None:
            system.before_write = nothing
            self.stalls += 1
            self.advance(timedelta(seconds=31))
            self.sweep()
            for step in meanwhile:
                self._do(step, name)
                self.advance(timedelta(seconds=1))

        system.before_write = stuck
        self.cause_a_write(name, other_way=other_way)
        system.before_write = nothing

    @rule(name=a_name, step=a_step, other_way=a_truth, is_undisturbed=a_truth)
    def something_happens_during_an_attempt(self, name: str, step: str, other_way: bool, is_undisturbed: bool) -> None:
        if is_undisturbed:
            self.clear_the_way(name)
        self.happens_once(step, name)
        self.cause_a_write(name, other_way=other_way)
        self.happens_no_more()

    def clear_the_way(self, name: str) -> None:
        """Let nothing stand in the way of what is done next about somebody, who is there and active."""
        while self.holds:
            self.lift()
        self.end_exclusion(name)
        twin = self.twins.get(name)
        if twin is not None and twin.active:
            self.another_source_knows_the_name(name)
        for target in self.targets:
            self.pause_or_resume(target, paused=False)
            self.systems[target].fails.clear()
        self.bring_back(name)
        for target, system in self.systems.items():
            if f"native-{name}" not in system.accounts:
                system.add(name)
                self.meddled[name, target] += 1
        self.drain()

    def bring_back(self, name: str) -> None:
        """Let somebody be there, and be active."""
        known = self.present(name)
        if known is None:
            self.create_again(name, 1, active=True)
        elif not known.active:
            self.reactivate(name)

    def happens_once(self, step: str, name: str, *, is_irreversible: bool = False, at: str | None = None) -> None:
        """Let something happen in the next attempt, at the last moment at which it must still stop it.

        Args:
            step: What.
            name: To whom.
            is_irreversible: Whether it is the next attempt at something that cannot be undone.
            at: The target that the attempt is at; any where absent.
        """
        accept_read = self.bench.claiming.accept_read

        def once(claim: Claim, state: NativeState, now: datetime) -> NativeState:
            is_another = at not in (None, claim.task.target)
            if is_another or (is_irreversible and not claim.task.action.is_irreversible):
                return accept_read(claim, state, now)
            self.happens_no_more()
            # The second half of what can be undone begins with the read; a deletion asks once more.
            if not claim.task.action.is_irreversible and step != "lapse":
                self._do(step, name)
            accepted = accept_read(claim, state, now)
            if claim.task.action.is_irreversible or step == "lapse":
                self._do(step, name)
            return accepted

        self.bench.claiming.accept_read = once  # type: ignore[method-assign]

    def happens_no_more(self) -> None:
        self.bench.claiming.__dict__.pop("accept_read", None)

    def cause_a_write(self, name: str, *, other_way: bool) -> None:
        """Take from somebody, or give back, now."""
        known = self.present(name)
        if known is not None and not known.active:
            self.reactivate(name)
        else:
            self.deactivate(name)
            self.advance(self.grace)
        self.drain()

    def steps(self, name: str) -> dict[str, Callable[[], object]]:
        """Return what can happen at any moment."""
        return {
            "deactivate": lambda: self.deactivate(name),
            "reactivate": lambda: self.reactivate(name),
            "delete": lambda: self.delete(name),
            "create_again": lambda: self.create_again(name, 1, active=True),
            "twin": lambda: self.another_source_knows_the_name(name),
            "exclude": lambda: self.exclude(name),
            "hold": lambda: self.hold(Scope.IDENTITY, name, ""),
            "lapse": self._let_the_lease_lapse,
            "drain": self.drain,
        }

    def _do(self, step: str, name: str) -> None:
        self.steps(name)[step]()

    def _let_the_lease_lapse(self) -> None:
        self.bench.monotonic += 31
        self.advance(timedelta(seconds=31))
        self.sweep()
