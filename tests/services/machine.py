"""A machine that plays at random with the real services, and holds them against a plain model.

The model knows what the source said, which holds and exclusions stand, and what an
administrator did at a target. It knows nothing of cases, tasks and attempts. Every
write that reaches a target is held against it at that moment; at the end all faults
are cleared, time passes, and the accounts must be as the model expects.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Connection, func, select

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.duration import parse_duration
from scimbridge.domain.hold import Hold, Scope
from scimbridge.domain.rule import Restore, Ruleset
from scimbridge.domain.task import Task, TaskState
from scimbridge.sdk import AccountState, ConnectorError, RejectedError, RetryableError, TargetUnusableError
from scimbridge.services.claiming import Claim
from scimbridge.store import cases
from scimbridge.store.database import Database
from scimbridge.store.schema import accounts, attempts
from scimbridge.store.schema import cases as case_table
from scimbridge.store.schema import tasks as task_table
from scimbridge.store.upgrade import upgrade
from tests.clock import FakeClock
from tests.services.bench import SOURCE, Bench, MemoryTarget, a_rule, a_stage, an_exclusion

NAMES = ("ada", "bob")
TARGETS = ("crm", "dir")
BETWEEN_STAGES = timedelta(days=2)

a_name = st.sampled_from(NAMES)
a_target = st.sampled_from(TARGETS)
a_truth = st.booleans()


class Crash(BaseException):
    """The process ends here."""


@cache
def _template() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bridge.db"
        database = Database(f"sqlite:///{path}")
        upgrade(database)
        database.close()
        return path.read_bytes()


class CrashingDatabase(Database):
    """Ends the process right after one of the next commits, where told to."""

    commits_left: int | None = None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with super().write() as tx:
            yield tx
        if self.commits_left is not None:
            self.commits_left -= 1
            if self.commits_left == 0:
                self.commits_left = None
                raise Crash


class WatchedTarget(MemoryTarget):
    """Shows every write to the model before it takes effect."""

    def __init__(self, watch: Callable[[str, str], None]) -> None:
        super().__init__()
        self.watch = watch
        self.effective: Counter[tuple[str, str]] = Counter()

    def write(self, what: str, native_id: str, change: Callable[[dict[str, Any]], object]) -> None:
        self.watch(what, native_id)

        def counted(everybody: dict[str, Any]) -> None:
            before = repr(everybody.get(native_id))
            if native_id in everybody:
                change(everybody)
            if repr(everybody.get(native_id)) != before:
                self.effective[what, native_id] += 1

        super().write(what, native_id, counted)


@dataclass
class Known:
    """One SCIM User as the model knows it.

    Attributes:
        said_at: When the first fact came that stands; ``None`` while nothing is planned.
        spared: An exclusion stood at some time while something was planned.
    """

    id: str
    active: bool
    deleted: bool = False
    said_at: datetime | None = None
    spared: bool = False

    @property
    def is_planned(self) -> bool:
        return self.said_at is not None


class Machine(RuleBasedStateMachine):
    """Sources, operators, processes, targets and bad luck, in any order."""

    def __init__(self) -> None:
        super().__init__()
        shared_memory = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(dir=shared_memory if shared_memory.is_dir() else None))
        path = self.folder / "bridge.db"
        path.write_bytes(_template())
        self.database = CrashingDatabase(f"sqlite:///{path}")
        self.clock = FakeClock()
        self.latest = self.clock.now
        self.people: dict[str, list[Known]] = {name: [] for name in NAMES}
        self.twins: dict[str, Known] = {}
        self.holds: list[Hold] = []
        self.exclusions: dict[str, str] = {}
        self.meddled: Counter[tuple[str, str]] = Counter()
        self.unrestored: set[str] = set()
        self.stalls = 0
        self.violations: list[str] = []
        self.suspended_at: dict[tuple[str, str], datetime] = {}

    @initialize(without_grace=a_truth, auto=a_truth)
    def start(self, without_grace: bool, auto: bool) -> None:
        self.grace = timedelta() if without_grace else timedelta(days=1)
        stages = (a_stage(self.grace), a_stage(self.grace + BETWEEN_STAGES, Action.DELETE))
        restore = Restore.AUTO if auto else Restore.MANUAL
        rules = Ruleset((a_rule(*stages, match='userType eq "Employee"', restore=restore),))
        self.systems = {name: WatchedTarget(self._watch(name)) for name in TARGETS}
        self.bench = Bench(self.database, self.clock, rules, self.systems)
        for name in NAMES:
            self._post(name, 1, active=True, everywhere=True)

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self._quiesce()
            self.no_write_was_wrong()
            self._everything_ended()
            for name in NAMES:
                for target in TARGETS:
                    self._account_is_as_expected(name, target)
        self.database.close()
        shutil.rmtree(self.folder)

    # -- what sources say

    @rule(name=a_name)
    def deactivate(self, name: str) -> None:
        known = self._present(name)
        if known is not None and known.active:
            self.bench.leave(known.id)
            known.active = False
            self._said(name, known)

    @rule(name=a_name, stage=st.integers(0, 1))
    def deactivate_and_let_it_become_due(self, name: str, stage: int) -> None:
        self.deactivate(name)
        self._advance(self.grace + stage * BETWEEN_STAGES)
        self.bench.sweep()

    @rule(name=a_name)
    def reactivate(self, name: str) -> None:
        known = self._present(name)
        if known is not None and not known.active:
            self.bench.come_back(known.id)
            self._returned(name, known)

    @rule(name=a_name)
    def delete(self, name: str) -> None:
        known = self._present(name)
        if known is not None:
            self.bench.delete(known.id)
            known.active, known.deleted = False, True
            self._said(name, known)

    @rule(name=a_name, number=st.integers(1, 2), active=a_truth)
    def create_again(self, name: str, number: int, active: bool) -> None:
        if self._present(name) is None:
            self._post(name, number, active=active)

    @rule(name=a_name, number=st.integers(1, 2))
    def post_over_an_inactive_user(self, name: str, number: int) -> None:
        known = self._present(name)
        if known is not None and not known.active:
            self._post(name, number, active=True)

    @rule(name=a_name)
    def another_source_knows_the_name(self, name: str) -> None:
        """Its identities match no rule, so that they only stand in the way."""
        twin = self.twins.get(name)
        if twin is None:
            twin_id = self.bench.join(name, source="hr", everywhere=False, userType="Guest")
            self.twins[name] = Known(twin_id, active=True)
        else:
            twin.active = not twin.active
            self.bench.say(twin.id, source="hr", active=twin.active)

    # -- what operators do

    @rule(scope=st.sampled_from(Scope), name=a_name, at=a_target)
    def hold(self, scope: Scope, name: str, at: str) -> None:
        subject = self._subject(scope, name, at)
        if subject is not None:
            placed = self.bench.holding.place(scope, subject, reason="wait", by="ops", now=self.clock())
            self.holds.append(placed.hold)

    @precondition(lambda self: self.holds)
    @rule()
    def lift(self) -> None:
        self.bench.holding.lift(self.holds.pop().id, by="ops", now=self.clock())

    @rule(name=a_name)
    def exclude(self, name: str) -> None:
        if name not in self.exclusions:
            exclusion = an_exclusion(f'userName eq "{name}"', "needed")
            self.exclusions[name] = self.bench.holding.exclude(exclusion, by="ops", now=self.clock())
            for known in self.people[name]:
                known.spared = known.spared or known.is_planned

    @rule(name=a_name)
    def end_exclusion(self, name: str) -> None:
        if name in self.exclusions:
            self.bench.holding.end_exclusion(self.exclusions.pop(name), by="ops", now=self.clock())

    @rule(name=a_name)
    def cancel_case(self, name: str) -> None:
        for known in self.people[name]:
            with self.database.read() as tx:
                case = cases.open_case_of(tx, [known.id])
            if case is None:
                continue
            self.bench.operating.cancel(case.id, reason="by mistake", by="ops", now=self.clock())
            known.said_at = None
            if case.trigger is None:
                self.unrestored.add(name)

    @rule()
    def retry_everything(self) -> None:
        for case_id in self._open_cases():
            self.bench.operating.retry(case_id, by="ops", now=self.clock())

    @rule(at=a_target, paused=a_truth)
    def pause_or_resume(self, at: str, paused: bool) -> None:
        if paused:
            self.bench.operating.pause(at, reason="maintenance", by="ops", now=self.clock())
        else:
            self.bench.operating.resume(at, by="ops", now=self.clock())

    # -- what processes do

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
        self._drain()

    # -- bad luck

    @rule(span=st.sampled_from(("1s", "31s", "10m", "6h", "1d", "2d")))
    def time_passes(self, span: str) -> None:
        self._advance(parse_duration(span))

    @rule(span=st.sampled_from((timedelta(minutes=5), timedelta(hours=2))))
    def the_clock_is_set_back(self, span: timedelta) -> None:
        self.clock.now -= span

    @rule(lost=a_truth)
    def messages_are_lost_or_arrive_twice(self, lost: bool) -> None:
        self.bench.wakeups[:] = [] if lost else self.bench.wakeups[:10] * 2

    @rule(at=a_target, error=st.sampled_from((RetryableError, RejectedError, TargetUnusableError)))
    def a_target_fails(self, at: str, error: Callable[[str], ConnectorError]) -> None:
        self.bench.fail(error("trouble"), target=at)

    @rule(at=a_target)
    def a_target_lies_for_a_while(self, at: str) -> None:
        self.systems[at].is_lying = True
        self._drain()
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
        self._until_it_crashes()
        self.database.commits_left = None

    @rule(at=a_target, afterwards=a_truth)
    def a_worker_ends_at_a_write(self, at: str, afterwards: bool) -> None:
        system = self.systems[at]
        setattr(system, "after_write" if afterwards else "before_write", _crash)
        self._until_it_crashes()
        system.before_write = system.after_write = _nothing

    @rule(
        at=a_target,
        meanwhile=st.lists(
            st.sampled_from(("deactivate", "reactivate", "delete", "create_again", "exclude", "drain")), max_size=4
        ),
        name=a_name,
    )
    def a_write_is_stuck_until_its_lease_is_over(self, at: str, meanwhile: list[str], name: str) -> None:
        system = self.systems[at]

        def stuck() -> None:
            system.before_write = _nothing
            self.stalls += 1
            self._advance(timedelta(seconds=31))
            self.bench.sweep()
            for step in meanwhile:
                self._do(step, name)
                self._advance(timedelta(seconds=1))

        system.before_write = stuck
        self._cause_a_write(name)
        system.before_write = _nothing

    @rule(name=a_name, step=st.sampled_from(("reactivate", "deactivate", "exclude", "hold", "twin", "lapse")))
    def something_happens_during_an_attempt(self, name: str, step: str) -> None:
        """At the last moment at which it must still stop the attempt."""
        accept_read = self.bench.claiming.accept_read

        def once(claim: Claim, state: AccountState, now: datetime) -> AccountState:
            self.bench.claiming.accept_read = accept_read  # type: ignore[method-assign]
            # The second half of what can be undone begins with the read; a deletion asks once more.
            if not claim.task.action.is_irreversible and step != "lapse":
                self._do(step, name)
            accepted = accept_read(claim, state, now)
            if claim.task.action.is_irreversible or step == "lapse":
                self._do(step, name)
            return accepted

        self.bench.claiming.accept_read = once  # type: ignore[method-assign]
        self._cause_a_write(name)
        self.bench.claiming.accept_read = accept_read  # type: ignore[method-assign]

    # -- what must always be true

    @invariant()
    def one_identity_has_one_open_case(self) -> None:
        if not hasattr(self, "bench"):
            return
        with self.database.read() as tx:
            query = select(func.count()).where(case_table.c.state == CaseState.OPEN).group_by(case_table.c.identity_id)
            assert all(count == 1 for count in tx.execute(query).scalars())

    @invariant()
    def an_account_has_one_live_attempt(self) -> None:
        if not hasattr(self, "bench"):
            return
        with self.database.read() as tx:
            query = select(func.count()).where(attempts.c.ended_at.is_(None))
            counts = tx.execute(query.group_by(attempts.c.target, attempts.c.lock_key)).scalars()
            assert all(count == 1 for count in counts)

    @invariant()
    def no_write_was_wrong(self) -> None:
        assert not self.violations, self.violations

    def _watch(self, target: str) -> Callable[[str, str], None]:
        def watch(what: str, native_id: str) -> None:
            try:
                judge(what, native_id)
            except (AssertionError, ValueError) as error:
                # Raised here, it would be taken for a bug of the connector, and tried again.
                self.violations.append(f"{what} {native_id} at {target}: {error}")

        def judge(what: str, native_id: str) -> None:
            name = native_id.removeprefix("native-")
            identity_id, case_id = self._at_work_on(target, native_id)
            assert not any(_covers(hold, target, identity_id, case_id) for hold in self.holds), "touched under a hold"
            suspended = self.systems[target].accounts[native_id]["suspended"]
            everybody = [*self.people[name], *filter(None, [self.twins.get(name)])]
            if what == "restore":
                assert any(known.active for known in self.people[name]), "restored somebody who is gone"
                assert suspended, "restored what was not suspended"
                return
            (leaver,) = (known for known in self.people[name] if known.id == identity_id)
            assert not any(known.active for known in everybody), "took from somebody who is active"
            assert name not in self.exclusions, "touched somebody who is excluded"
            assert leaver.said_at is not None, "nothing was planned"
            due_at = leaver.said_at + self.grace + (BETWEEN_STAGES if what == "delete" else timedelta())
            assert self.latest >= due_at, "too early"
            if what == "suspend":
                assert not suspended, "wrote what was already so"
                self.suspended_at[name, target] = self.clock.now
                return
            if self.meddled[name, target] or leaver.spared or self.stalls:
                return
            assert suspended, "deleted before it was suspended"
            assert self.latest >= self.suspended_at[name, target] + BETWEEN_STAGES, "deleted too soon after"

        return watch

    def _at_work_on(self, target: str, native_id: str) -> tuple[str, str]:
        query = (
            select(task_table.c.identity_id, task_table.c.case_id)
            .join(attempts, attempts.c.task_id == task_table.c.id)
            .where(attempts.c.target == target, attempts.c.lock_key == native_id, attempts.c.ended_at.is_(None))
        )
        with self.database.read() as tx:
            ((identity_id, case_id),) = tx.execute(query).all()
        return identity_id, case_id

    # -- the end

    def _quiesce(self) -> None:
        """Clear all faults, and give everything its time."""
        for system in self.systems.values():
            system.fails.clear()
            system.is_lying = False
            system.before_write = system.after_write = _nothing
        while self.holds:
            self.lift()
        for name in list(self.exclusions):
            self.end_exclusion(name)
        self.clock.now = self.latest
        for target in TARGETS:
            self.bench.operating.resume(target, by="ops", now=self.clock())
        self._advance(timedelta(seconds=31))
        self._drain()
        self.retry_everything()
        for _ in range(8 * 2):
            self._advance(timedelta(hours=12))
            self._drain()

    def _everything_ended(self) -> None:
        with self.database.read() as tx:
            assert tx.execute(select(attempts.c.id).where(attempts.c.ended_at.is_(None))).first() is None
        for case_id in self._open_cases():
            own = self.bench.tasks(case_id)
            assert any(task.needs_person for task in own), f"stuck: {own}"
            assert not any(task.state is TaskState.FAILED for task in own), f"failed without a fault: {own}"
            assert all(_may_rest(task, own) for task in own), f"stuck: {own}"

    def _account_is_as_expected(self, name: str, target: str) -> None:
        account = self.systems[target].accounts.get(f"native-{name}")
        self._is_written_no_more_than_planned(name, target)
        if self.meddled[name, target]:
            return
        if any(known.active for known in self.people[name]):
            if account is not None and name not in self.unrestored:
                assert not account["suspended"], f"{name} is active and suspended at {target}"
            return
        planned = [known for known in self.people[name] if known.is_planned and not known.spared]
        twin = self.twins.get(name)
        if planned and not (twin is not None and twin.active):
            assert account is None or self._asks_about(name, target), f"{name} has left and is still at {target}"

    def _is_written_no_more_than_planned(self, name: str, target: str) -> None:
        for action in ("suspend", "delete"):
            query = (
                select(func.count())
                .select_from(task_table)
                .join(accounts, accounts.c.id == task_table.c.account_id)
                .where(accounts.c.native_id == f"native-{name}", accounts.c.target == target)
                .where(task_table.c.action == action)
            )
            with self.database.read() as tx:
                planned = tx.execute(query).scalar_one()
            written = self.systems[target].effective[action, f"native-{name}"]
            assert written <= planned + self.stalls + self.meddled[name, target]

    def _asks_about(self, name: str, target: str) -> bool:
        ids = {known.id for known in self.people[name]}
        waiting = (task for case_id in self._open_cases() for task in self.bench.tasks(case_id) if task.needs_person)
        return any(task.identity_id in ids and task.target == target for task in waiting)

    # -- how it is done

    def _present(self, name: str) -> Known | None:
        return next((known for known in self.people[name] if not known.deleted), None)

    def _post(self, name: str, number: int, *, active: bool, everywhere: bool = False) -> None:
        user_id = self.bench.join(
            name, everywhere=everywhere, externalId=f"{name}-{number}", active=active, userType="Employee"
        )
        known = self._present(name)
        if known is None:
            known = Known(user_id, active)
            self.people[name].append(known)
        assert known.id == user_id, "a POST over an inactive User keeps its id"
        if active:
            self._returned(name, known)

    def _said(self, name: str, known: Known) -> None:
        if name in self.exclusions:
            return
        # The earlier date wins; while the clock was set back, that may be the later fact's.
        known.said_at = min(known.said_at or self.clock.now, self.clock.now)

    def _returned(self, name: str, known: Known) -> None:
        known.active = True
        for one in self.people[name]:
            one.said_at, one.spared = None, False

    def _advance(self, span: timedelta) -> None:
        self.clock.advance(span)
        self.latest = max(self.latest, self.clock.now)

    def _subject(self, scope: Scope, name: str, target: str) -> str | None:
        match scope:
            case Scope.EVERYTHING:
                return ""
            case Scope.SOURCE:
                return SOURCE
            case Scope.TARGET:
                return target
            case Scope.IDENTITY:
                return self.people[name][-1].id
            case Scope.CASE:
                return next(iter(self._open_cases()), None)

    def _open_cases(self) -> list[str]:
        with self.database.read() as tx:
            return list(tx.execute(select(case_table.c.id).where(case_table.c.state == CaseState.OPEN)).scalars())

    def _drain(self) -> None:
        """Sweep and work until there is nothing more to do."""
        for _ in range(30):
            self.bench.sweep()
            if not self.bench.wakeups:
                return
            while self.bench.wakeups:
                self.bench.execution.work(self.bench.wakeups.pop(0).account_id)
        raise AssertionError("the sweeper finds work that nobody does")

    def _cause_a_write(self, name: str) -> None:
        """Take from somebody, or give back, now."""
        known = self._present(name)
        if known is not None and not known.active:
            self.reactivate(name)
        else:
            self.deactivate(name)
            self._advance(self.grace)
        self._drain()

    def _until_it_crashes(self) -> None:
        try:
            self._drain()
        except Crash:
            self.bench.wakeups.clear()

    def _do(self, step: str, name: str) -> None:
        match step:
            case "deactivate":
                self.deactivate(name)
            case "reactivate":
                self.reactivate(name)
            case "delete":
                self.delete(name)
            case "create_again":
                self.create_again(name, 1, active=True)
            case "exclude":
                self.exclude(name)
            case "hold":
                self.hold(Scope.IDENTITY, name, "")
            case "twin":
                self.another_source_knows_the_name(name)
            case "lapse":
                self.bench.monotonic += 31
                self._advance(timedelta(seconds=31))
                self.bench.sweep()
            case _:
                self._drain()


def _covers(hold: Hold, target: str, identity_id: str, case_id: str) -> bool:
    subject = {Scope.EVERYTHING: "", Scope.TARGET: target, Scope.IDENTITY: identity_id, Scope.CASE: case_id}
    return hold.subject == subject[hold.scope]


def _may_rest(task: Task, own: list[Task]) -> bool:
    """Whether a task rightly waits: for a person, or behind a task that does."""
    if task.is_finished or task.needs_person:
        return True
    return task.state is TaskState.PLANNED and any(
        other.needs_person and other.position < task.position for other in own
    )


def _crash() -> None:
    raise Crash


def _nothing() -> None:
    return
