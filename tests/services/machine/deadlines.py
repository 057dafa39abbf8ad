"""What is done too late: operators are told of it once, unless it is late because people wanted it so."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule
from sqlalchemy import select

from scimbridge.domain.action import Action
from scimbridge.domain.hold import Hold, Scope
from scimbridge.services.timing import Timing
from scimbridge.store.schema import history, tasks
from scimbridge.store.values import Row
from tests.services.machine.judge import covers
from tests.services.machine.luck import LuckRules
from tests.services.machine.model import a_name, a_target, a_truth
from tests.services.machine.play import Draw

SPAN = timedelta(minutes=20)


class DeadlineRules(LuckRules):
    """A suspension should take twenty minutes at most.

    Attributes:
        told: How often operators were told of a task.
        lifted: Holds that are over, and when they were lifted.
    """

    def settings(self, draw: Draw) -> dict[str, Any]:
        self.told: Counter[str] = Counter()
        self.lifted: list[tuple[Hold, datetime]] = []
        return {**super().settings(draw), "timing": Timing(deadlines={Action.SUSPEND: SPAN})}

    @rule(name=a_name, at=a_target, is_held=a_truth, minutes=st.sampled_from((-1, 0)))
    def nobody_works_until_a_deadline(self, name: str, at: str, is_held: bool, minutes: int) -> None:
        """Somebody leaves, and only sweepers are there; what was held until a moment ago has its time anew."""
        self.clear_the_way(name)
        self.deactivate(name)
        if is_held:
            self.hold(Scope.TARGET, name, at)
        self.advance(self.grace + SPAN + timedelta(minutes=minutes))
        self.sweep()
        if is_held:
            self.lift()
            self.sweep()
            self.advance(SPAN + timedelta(minutes=minutes))
            self.sweep()

    def lift(self) -> None:
        self.lifted.append((self.holds[-1], self.clock.now))
        super().lift()

    def sweep(self) -> None:
        super().sweep()
        self.bench.deadlines.run(self.clock.now)
        self._hold_alarms_against_the_model()

    def _hold_alarms_against_the_model(self) -> None:
        with self.database.read() as tx:
            found = tx.execute(select(tasks).where(tasks.c.action == Action.SUSPEND)).mappings().all()
            query = select(history.c.task_id).where(history.c.event == "deadline missed")
            told = Counter(tx.execute(query).scalars())
        new = told - self.told
        self.told = told
        for task in found:
            times = told[task["id"]]
            is_over = task["state"] in ("done", "skipped", "canceled")
            is_late = not is_over and self._is_late(task)
            assert times <= 1, f"told {times} times that {task['action']} at {task['target']} is late"
            assert is_late or not new[task["id"]], f"told that {task['action']} at {task['target']} is late: it is not"
            assert times or not is_late, f"{task['action']} at {task['target']} is late, and nobody knows"

    def _is_late(self, task: Row) -> bool:
        """Whether a suspension has had its time since it was due, and since nothing has held it any more."""
        subject = (task["target"], task["identity_id"], task["case_id"])
        if any(covers(hold, *subject) for hold in self.holds):
            return False
        free = [at for hold, at in self.lifted if covers(hold, *subject)]
        began: datetime = max((task["due_at"], *free))
        return began + SPAN <= self.clock.now
