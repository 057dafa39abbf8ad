"""Machines that play at random with the real services, and hold them against a plain model.

The model knows what the source said, which holds and exclusions stand, and what an
administrator did at a target. It knows nothing of cases, tasks and attempts. Every
write that reaches a target is held against it at that moment; at the end all faults
are cleared, time passes, and the accounts must be as the model expects.

``model`` is what is known, ``play`` the services beside it, ``judge`` what is compared. The rules
that are played are in the other modules, one for each theme; what a theme promises it adds to ``laws``.
"""

from __future__ import annotations

from datetime import timedelta

from hypothesis.stateful import invariant
from sqlalchemy import func, select

from scimbridge.domain.case import CaseState
from scimbridge.store.schema import attempts, cases
from tests.services.machine.approvals import ApprovalRules
from tests.services.machine.batches import BatchRules
from tests.services.machine.dates import DateRules
from tests.services.machine.deadlines import DeadlineRules
from tests.services.machine.floods import FloodRules, KnownLimit, a_count
from tests.services.machine.graces import GraceRules
from tests.services.machine.groups import GroupRules
from tests.services.machine.hooks import HookRules
from tests.services.machine.luck import LuckRules
from tests.services.machine.modes import ModeRules
from tests.services.machine.reasons import ReasonRules


def merged(what: str, *themes: type[LuckRules]) -> tuple[str, ...]:
    """Return what several themes say can happen, each thing once."""
    return tuple(dict.fromkeys(step for theme in themes for step in getattr(theme, what)))


class Machine(LuckRules):
    """Sources, operators, processes, targets and bad luck, in any order."""

    judged = 0

    def teardown(self) -> None:
        if self.has_started:
            self.end()
        super().teardown()

    def end(self) -> None:
        """Give everything its time, and hold what has become of it against the model."""
        self._quiesce()
        self.no_write_was_wrong()
        self.judge.everything_ended()
        for expectation in self.expectations():
            for name in self.names:
                for target in self.targets:
                    expectation(name, target)

    @invariant()
    def no_write_was_wrong(self) -> None:
        assert not self.judge.violations, self.judge.violations

    @invariant()
    def nobody_is_worked_on_twice(self) -> None:
        """One identity has one open case, and one account one live attempt."""
        if not self.has_started or self.database.commits == self.judged:
            return
        with self.database.read() as tx:
            query = select(func.count()).where(cases.c.state == CaseState.OPEN).group_by(cases.c.identity_id)
            assert all(count == 1 for count in tx.execute(query).scalars())
            query = select(func.count()).where(attempts.c.ended_at.is_(None))
            counts = tx.execute(query.group_by(attempts.c.target, attempts.c.lock_key)).scalars()
            assert all(count == 1 for count in counts)
        self.judged = self.database.commits

    def _quiesce(self) -> None:
        """Clear all faults, and give everything its time."""
        self.calm()
        self.advance(timedelta(seconds=31))
        self.attend()
        self.drain()
        self.retry_everything()
        # From one date to the next, until there is none.
        for _ in range(60):
            self.advance(timedelta(minutes=16))
            self.attend()
            self.drain()
            following = self.next_date()
            if following is None:
                return
            self.advance(max(following - self.clock.now, timedelta()))
            self.drain()
        raise AssertionError("it goes on and on")


class Leavers(GroupRules, GraceRules, DeadlineRules, Machine):
    """Whoever leaves, returns, and loses or gets groups that grant a target; operators are told what is late."""


class Floods(FloodRules, Machine):
    """Many people leave, by mistake or not."""

    names = ("ada", "bob", "cyd", "dan", "eve")
    targets = ("crm",)


class Deletions(ApprovalRules, DateRules, Machine):
    """Somebody has to say yes to what cannot be undone, and it has to be the time for it."""

    names = ("ada",)
    targets = ("crm",)


class Reasons(BatchRules, Machine):
    """People leave because of a date, a request, or a change, one after the other and at once."""

    names = ("ada",)


class Operations(HookRules, ModeRules, Machine):
    """A hook is asked about each case; one target only observes, and both are paused now and then."""


class Everything(GroupRules, ModeRules, FloodRules, HookRules, ApprovalRules, DateRules, BatchRules, Machine):
    """All themes at once, for what one of them does to another."""

    meanwhile = merged("meanwhile", GroupRules)
    during = merged("during", GroupRules, ApprovalRules, DateRules, ModeRules, ReasonRules)
    some_limits = a_count

    def began_rightly(self, known: KnownLimit) -> None:
        """Somebody who loses some targets only counts for some limits, too, which is not modeled."""
