"""The play: the real services, the model beside them, and what all its rules need."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis.stateful import RuleBasedStateMachine, initialize
from sqlalchemy import select

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.hold import Hold
from scimbridge.domain.rule import Restore, Ruleset
from scimbridge.store.schema import cases as case_table
from tests.clock import FakeClock
from tests.databases import compiled_once
from tests.services.bench import Bench, a_rule, a_stage
from tests.services.machine.faults import Crash, CrashingDatabase, WatchedTarget, empty_store
from tests.services.machine.judge import Judge
from tests.services.machine.model import BETWEEN_STAGES, GRANTED_BY, NAMES, TARGETS, Known, KnownGroups, a_truth


class Play(RuleBasedStateMachine):
    """What is there before any rule is played. Modules beside this one add the rules.

    Attributes:
        bench: The services.
        latest: The latest time that the clock has shown.
        people: Everyone of a name whom the source has ever had, the last one last.
        twins: Identities of another source with the same name.
        holds: What stands.
        exclusions: The id of the exclusion that stands, by name.
        meddled: How often an administrator changed an account at a target.
        unrestored: Names of people whose restore an operator called off.
        stalls: How often a write was stuck until its lease was over.
        suspended_at: When a name was last suspended at a target.
    """

    def __init__(self) -> None:
        super().__init__()
        shared_memory = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(dir=shared_memory if shared_memory.is_dir() else None))
        path = self.folder / "bridge.db"
        path.write_bytes(empty_store())
        self.database = compiled_once(CrashingDatabase(f"sqlite:///{path}"))
        self.clock = FakeClock()
        self.latest = self.clock.now
        self.people: dict[str, list[Known]] = {name: [] for name in NAMES}
        self.twins: dict[str, Known] = {}
        self.groups = KnownGroups()
        self.holds: list[Hold] = []
        self.exclusions: dict[str, str] = {}
        self.meddled: Counter[tuple[str, str]] = Counter()
        self.unrestored: set[str] = set()
        self.stalls = 0
        self.suspended_at: dict[tuple[str, str], datetime] = {}
        self.judge = Judge(self)

    @initialize(without_grace=a_truth, auto=a_truth)
    def start(self, without_grace: bool, auto: bool) -> None:
        self.grace = timedelta() if without_grace else timedelta(days=1)
        stages = (a_stage(self.grace), a_stage(self.grace + BETWEEN_STAGES, Action.DELETE))
        restore = Restore.AUTO if auto else Restore.MANUAL
        rules = Ruleset((a_rule(*stages, match='userType eq "Employee"', restore=restore),))
        self.systems = {name: WatchedTarget(self.judge.watch(name)) for name in TARGETS}
        self.bench = Bench(self.database, self.clock, rules, self.systems, granted_by=GRANTED_BY)
        for name in NAMES:
            self.post(name, 1, active=True, everywhere=True)

    @property
    def has_started(self) -> bool:
        return hasattr(self, "bench")

    def teardown(self) -> None:
        self.database.close()
        shutil.rmtree(self.folder)

    # -- people

    def present(self, name: str) -> Known | None:
        """Return the User of a name that is not deleted."""
        return next((known for known in self.people[name] if not known.deleted), None)

    def post(self, name: str, number: int, *, active: bool, everywhere: bool = False) -> None:
        """Create a User, or bring an inactive one back."""
        user_id = self.bench.join(
            name, everywhere=everywhere, externalId=f"{name}-{number}", active=active, userType="Employee"
        )
        known = self.present(name)
        if known is None:
            known = Known(user_id, active)
            self.people[name].append(known)
        assert known.id == user_id, "a POST over an inactive User keeps its id"
        if active:
            self.returned(name, known)

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

    # -- time and work

    def advance(self, span: timedelta) -> None:
        self.clock.advance(span)
        self.latest = max(self.latest, self.clock.now)

    def drain(self) -> None:
        """Sweep and work until there is nothing more to do."""
        for _ in range(30):
            self.bench.sweep()
            if not self.bench.wakeups:
                return
            while self.bench.wakeups:
                self.bench.execution.work(self.bench.wakeups.pop(0).account_id)
        raise AssertionError("the sweeper finds work that nobody does")

    def drain_until_it_crashes(self) -> None:
        try:
            self.drain()
        except Crash:
            self.bench.wakeups.clear()

    def open_cases(self) -> list[str]:
        with self.database.read() as tx:
            return list(tx.execute(select(case_table.c.id).where(case_table.c.state == CaseState.OPEN)).scalars())
