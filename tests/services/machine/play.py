"""The play: the real services, the model beside them, and what all its rules need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize
from sqlalchemy import func, select

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.hold import Hold
from scimbridge.domain.retention import SHORTEST, Retention
from scimbridge.domain.rule import NO_TERMS, Restore, Rule, Ruleset, Stage
from scimbridge.domain.task import TaskState
from scimbridge.services.erasing import Erasing
from scimbridge.services.retaining import Retaining
from scimbridge.store.schema import cases as case_table
from scimbridge.store.schema import tasks as task_table
from tests.clock import FakeClock
from tests.services.bench import Bench, a_rule, a_stage
from tests.services.machine.faults import Crash, CrashingDatabase, WatchedTarget, nothing
from tests.services.machine.judge import Expectation, Judge, Law, Write
from tests.services.machine.model import BETWEEN_STAGES, GRANTED_BY, Known, KnownGroups, a_truth

Draw = Callable[..., Any]

AS_LITTLE_AS_MAY_BE = Retention(requests=SHORTEST, attempts=SHORTEST)


class Play(RuleBasedStateMachine):
    """What is there before any rule is played. Modules beside this one add the rules.

    Attributes:
        names: Who there is.
        targets: Where they have accounts.
        terms: Of the stage that deletes.
        may_be_full: Whether a target has no room while the lease of somebody stands who works no more.
        bench: The services.
        latest: The latest time that the clock has shown.
        elapsed: How much time has really passed, whatever the clock says.
        turned_back: By how much the clock was set back, altogether.
        people: Everyone of a name whom the source has ever had, the last one last.
        twins: Identities of another source with the same name.
        holds: What stands.
        exclusions: The id of the exclusion that stands, by name.
        meddled: How often an administrator changed an account at a target.
        unrestored: Names of people whose restore an operator called off.
        stalls: How often a write was stuck until its lease was over.
        suspended_at: How much time had passed when a name was last suspended at a target.
        retaining: What removes records that nothing needs.
        numbers: Which person of a name a User is, by SCIM id.
        expedited: Names for whom an operator has skipped a grace.
    """

    names: ClassVar[tuple[str, ...]] = ("ada", "bob")
    targets: ClassVar[tuple[str, ...]] = ("crm", "dir")
    terms = NO_TERMS
    may_be_full = False

    def __init__(self, database: CrashingDatabase) -> None:
        super().__init__()
        self.database = database
        self.database.clear()
        self.clock = FakeClock()
        self.latest = self.clock.now
        self.elapsed = self.turned_back = timedelta()
        self.people: dict[str, list[Known]] = {name: [] for name in self.names}
        self.twins: dict[str, Known] = {}
        self.groups = KnownGroups()
        self.holds: list[Hold] = []
        self.exclusions: dict[str, str] = {}
        self.meddled: Counter[tuple[str, str]] = Counter()
        self.unrestored: set[str] = set()
        self.stalls = 0
        self.suspended_at: dict[tuple[str, str], timedelta] = {}
        self.expedited: set[str] = set()
        self.numbers: dict[str, int] = {}
        self.judge = Judge(self)

    @initialize(data=st.data())
    def start(self, data: st.DataObject) -> None:
        self.grace = timedelta() if data.draw(a_truth, "without grace") else timedelta(days=1)
        self.restore = Restore.AUTO if data.draw(a_truth, "restores") else Restore.MANUAL
        self.systems = {name: WatchedTarget(self.judge.watch(name), self.written) for name in self.targets}
        settings = self.settings(data.draw)
        self.bench = Bench(self.database, self.clock, Ruleset(self.ruleset()), self.systems, **settings)
        self.retaining = Retaining(self.database, AS_LITTLE_AS_MAY_BE, Erasing(self.database))
        for name in self.names:
            self.post(name, 1, active=True, everywhere=True)

    # -- what a theme adds to

    def settings(self, draw: Draw) -> dict[str, Any]:
        """Return what the bench is made with, beside the rules; called before ``ruleset``."""
        return {"granted_by": {name: GRANTED_BY[name] for name in self.targets}}

    def ruleset(self) -> tuple[Rule, ...]:
        """Return the rules: one that suspends and then deletes."""
        return (a_rule(*self.stages(), match='userType eq "Employee"', restore=self.restore, hook=self.hook_of()),)

    def hook_of(self) -> str | None:
        """Return whom the rule asks before anything happens."""
        return None

    def stages(self) -> tuple[Stage, ...]:
        return (a_stage(self.grace), a_stage(self.grace + BETWEEN_STAGES, Action.DELETE, terms=self.terms))

    def laws(self) -> list[Law]:
        """Return what is held against each write."""
        return self.judge.laws()

    def written(self, write: Write) -> None:
        """Note a write that takes effect now."""

    def expectations(self) -> list[Expectation]:
        """Return what everybody's accounts are held against in the end."""
        return [self.judge.account_is_as_expected]

    def is_let_through(self, write: Write) -> bool:
        """Whether a person has said of this very state of an account that it may be deleted."""
        return False

    def sweep(self) -> None:
        """Do what a sweeper does in one round; it removes all that may go, and nobody ever misses it."""
        self.bench.sweep()
        self.retaining.run(self.clock.now)

    def calm(self) -> None:
        """End all faults, and whatever an operator has to end; called once, at the end of a play."""
        for system in self.systems.values():
            system.fails.clear()
            system.is_lying = False
            system.before_write = system.after_write = nothing
        self.advance(self.latest - self.clock.now)

    def attend(self) -> None:
        """Do what operators do again and again while a play comes to its end."""

    @property
    def has_started(self) -> bool:
        return hasattr(self, "bench")

    def teardown(self) -> None:
        if self.has_started:
            self.bench.writer.close()

    # -- people

    def present(self, name: str) -> Known | None:
        """Return the User of a name that is not deleted."""
        return next((known for known in self.people[name] if not known.deleted), None)

    def post(self, name: str, number: int, *, active: bool, everywhere: bool = False) -> None:
        """Create a User, or bring an inactive one back."""
        attributes = {"externalId": f"{name}-{number}", "active": active, **self.attributes(name)}
        user_id = self.bench.join(name, everywhere=everywhere, **attributes)
        known = self.present(name)
        self.numbers[user_id] = number
        if known is None:
            known = Known(user_id, active)
            self.people[name].append(known)
        assert known.id == user_id, "a POST over an inactive User keeps its id"
        if active:
            self.returned(name, known)

    def attributes(self, name: str) -> dict[str, Any]:
        """Return what a source says about somebody, beside names."""
        return {"userType": "Employee"}

    def called_off(self, name: str, known: Known) -> None:
        """Note that an operator has called off what was planned for somebody."""
        known.said_at = None
        known.lost.clear()

    def said(self, name: str, known: Known) -> None:
        """Note a fact about everything somebody has."""
        if name in self.exclusions:
            return
        # The earlier date wins; while the clock was set back, that may be the later fact's.
        known.said_at = min(known.said_at or self.clock.now, self.clock.now)

    def returned(self, name: str, known: Known) -> None:
        """Note that somebody is active again: what they had been unassigned from stays so."""
        known.active = True
        for one in self.people[name]:
            one.said_at, one.spared = None, False
            if one is not known:
                one.lost.clear()
        granted = self.groups.granted(known.id)
        known.spared = any(target in granted or name in self.exclusions for target in known.lost)

    def may_have_back(self, name: str) -> bool:
        """Whether something may be given back to somebody of a name."""
        return any(known.active for known in self.people[name])

    def grace_of(self, case_id: str, what: str) -> timedelta:
        """Return the grace of what is done in a case."""
        return self.grace + (BETWEEN_STAGES if what == "delete" else timedelta())

    def grace_at(self, target: str, case_id: str, what: str) -> timedelta:
        """Return the grace of what is done in a case at a target."""
        return self.grace_of(case_id, what)

    # -- time and work

    def advance(self, span: timedelta) -> None:
        self.clock.advance(span)
        self.elapsed += span
        self.latest = max(self.latest, self.clock.now)

    def drain(self) -> None:
        """Sweep and work until there is nothing more to do."""
        for _ in range(5 if self.may_be_full else 30):
            self.sweep()
            if not self.bench.wakeups:
                return
            while self.bench.wakeups:
                self.bench.execution.work(self.bench.wakeups.pop(0).account_id)
        assert self.may_be_full, "the sweeper finds work that nobody does"

    def drain_until_it_crashes(self) -> None:
        try:
            self.drain()
        except Crash:
            self.bench.wakeups.clear()

    def next_date(self) -> datetime | None:
        """Return when the next thing happens by itself."""
        waiting = func.coalesce(task_table.c.not_before, task_table.c.due_at)
        query = select(func.min(waiting)).where(
            task_table.c.state.in_([TaskState.PLANNED, TaskState.WAITING]), waiting > self.clock.now
        )
        with self.database.read() as tx:
            found = tx.execute(query).scalar_one()
        return datetime.fromisoformat(found) if isinstance(found, str) else found

    def wait_for_the_schedule(self) -> None:
        """Let time pass until deletions may be let go."""

    def due_at(self, write: Write) -> datetime:
        """Return before when something must not be written."""
        (leaver,) = (known for known in self.people[write.name] if known.id == write.identity_id)
        if write.name in self.expedited:
            return leaver.due_at(write.target, timedelta())
        return leaver.due_at(write.target, self.grace_at(write.target, write.case_id, write.what))

    def open_cases_of(self, name: str) -> list[str]:
        ids = [known.id for known in self.people[name]]
        query = select(case_table.c.id).where(case_table.c.state == CaseState.OPEN, case_table.c.identity_id.in_(ids))
        with self.database.read() as tx:
            return list(tx.execute(query).scalars())

    def open_cases(self) -> list[str]:
        with self.database.read() as tx:
            return list(tx.execute(select(case_table.c.id).where(case_table.c.state == CaseState.OPEN)).scalars())
