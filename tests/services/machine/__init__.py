"""A machine that plays at random with the real services, and holds them against a plain model.

The model knows what the source said, which holds and exclusions stand, and what an
administrator did at a target. It knows nothing of cases, tasks and attempts. Every
write that reaches a target is held against it at that moment; at the end all faults
are cleared, time passes, and the accounts must be as the model expects.

``model`` is what is known, ``play`` the services beside it, ``judge`` what is compared. The rules
that are played are in ``sources``, ``groups``, ``operators`` and ``luck``.
"""

from __future__ import annotations

from datetime import timedelta

from hypothesis.stateful import invariant
from sqlalchemy import func, select

from scimbridge.domain.case import CaseState
from scimbridge.store.schema import attempts, cases
from tests.services.machine.faults import nothing
from tests.services.machine.luck import LuckRules
from tests.services.machine.model import NAMES, TARGETS


class Machine(LuckRules):
    """Sources, operators, processes, targets and bad luck, in any order."""

    def teardown(self) -> None:
        if self.has_started:
            self._quiesce()
            self.no_write_was_wrong()
            self.judge.everything_ended()
            for name in NAMES:
                for target in TARGETS:
                    self.judge.account_is_as_expected(name, target)
        super().teardown()

    @invariant()
    def one_identity_has_one_open_case(self) -> None:
        if not self.has_started:
            return
        with self.database.read() as tx:
            query = select(func.count()).where(cases.c.state == CaseState.OPEN).group_by(cases.c.identity_id)
            assert all(count == 1 for count in tx.execute(query).scalars())

    @invariant()
    def an_account_has_one_live_attempt(self) -> None:
        if not self.has_started:
            return
        with self.database.read() as tx:
            query = select(func.count()).where(attempts.c.ended_at.is_(None))
            counts = tx.execute(query.group_by(attempts.c.target, attempts.c.lock_key)).scalars()
            assert all(count == 1 for count in counts)

    @invariant()
    def no_write_was_wrong(self) -> None:
        assert not self.judge.violations, self.judge.violations

    def _quiesce(self) -> None:
        """Clear all faults, and give everything its time."""
        for system in self.systems.values():
            system.fails.clear()
            system.is_lying = False
            system.before_write = system.after_write = nothing
        while self.holds:
            self.lift()
        for name in list(self.exclusions):
            self.end_exclusion(name)
        self.clock.now = self.latest
        for target in TARGETS:
            self.bench.operating.resume(target, by="ops", now=self.clock())
        self.advance(timedelta(seconds=31))
        self.drain()
        self.retry_everything()
        for _ in range(8 * 2):
            self.advance(timedelta(hours=12))
            self.drain()
