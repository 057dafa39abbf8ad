"""What is held against the model: every write when it happens, and the accounts at the end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from scimbridge.domain.hold import Hold, Scope
from scimbridge.domain.plan import UNASSIGNED_GRACE
from scimbridge.domain.task import Task, TaskState
from scimbridge.store.schema import accounts, attempts
from scimbridge.store.schema import tasks as task_table
from tests.services.bench import SOURCE
from tests.services.machine.model import BETWEEN_STAGES, Known

if TYPE_CHECKING:
    from tests.services.machine.play import Play


class Judge:
    """Says what was wrong.

    Attributes:
        violations: Writes that must not have been. Raised at once, they would be taken for
            bugs of the connector, and tried again.
    """

    def __init__(self, play: Play) -> None:
        self.play = play
        self.violations: list[str] = []

    def watch(self, target: str) -> Callable[[str, str], None]:
        """Return what a target shows its writes to."""

        def watch(what: str, native_id: str) -> None:
            try:
                self._judge(target, what, native_id)
            except (AssertionError, ValueError) as error:
                self.violations.append(f"{what} {native_id} at {target}: {error}")

        return watch

    def everything_ended(self) -> None:
        """No attempt is live, and what is open waits for a person."""
        with self.play.database.read() as tx:
            assert tx.execute(select(attempts.c.id).where(attempts.c.ended_at.is_(None))).first() is None
        for case_id in self.play.open_cases():
            own = self.play.bench.tasks(case_id)
            assert any(task.needs_person for task in own), f"stuck: {own}"
            assert not any(task.state is TaskState.FAILED for task in own), f"failed without a fault: {own}"
            assert all(_may_rest(task, own) for task in own), f"stuck: {own}"

    def account_is_as_expected(self, name: str, target: str) -> None:
        """Whoever is active has their account, and whoever has left has none, as far as nobody interfered."""
        play = self.play
        self._is_written_no_more_than_planned(name, target)
        if play.meddled[name, target]:
            return
        account = play.systems[target].accounts.get(f"native-{name}")
        active = next((known for known in play.people[name] if known.active), None)
        twin = play.twins.get(name)
        if active is not None and target not in active.lost:
            if account is not None and name not in play.unrestored:
                assert not account["suspended"], f"{name} is active and suspended at {target}"
        elif self._is_expected_to_go(name, target) and not (twin is not None and twin.active):
            assert account is None or self._asks_about(name, target), f"{name} has left and is still at {target}"

    def _judge(self, target: str, what: str, native_id: str) -> None:
        play = self.play
        name = native_id.removeprefix("native-")
        identity_id, case_id = self._at_work_on(target, native_id)
        assert not any(_covers(hold, target, identity_id, case_id) for hold in play.holds), "touched under a hold"
        suspended = play.systems[target].accounts[native_id]["suspended"]
        if what == "restore":
            assert any(known.active for known in play.people[name]), "restored somebody who is gone"
            assert suspended, "restored what was not suspended"
            return
        (leaver,) = (known for known in play.people[name] if known.id == identity_id)
        others = [*play.people[name], *filter(None, [play.twins.get(name)])]
        assert not any(known.active for known in others if known is not leaver), "took from somebody else who is active"
        assert name not in play.exclusions, "touched somebody who is excluded"
        assert leaver.has_to_go(target, play.groups.granted(leaver.id)), "took from somebody who has not left"
        due_at = leaver.due_at(target, play.grace) + (BETWEEN_STAGES if what == "delete" else timedelta())
        assert play.latest >= due_at, "too early"
        if what == "suspend":
            assert not suspended, "wrote what was already so"
            play.suspended_at[name, target] = play.clock.now
            return
        self._is_deleted_in_its_turn(leaver, name, target, suspended=suspended)

    def _is_deleted_in_its_turn(self, leaver: Known, name: str, target: str, *, suspended: bool) -> None:
        play = self.play
        if play.meddled[name, target] or leaver.spared or play.stalls:
            return
        assert suspended, "deleted before it was suspended"
        # The quarter of an hour of the unassigned moves the first stage nearer to the second.
        distance = BETWEEN_STAGES - (UNASSIGNED_GRACE if target in leaver.lost else timedelta())
        assert play.latest >= play.suspended_at[name, target] + distance, "deleted too soon after"

    def _is_expected_to_go(self, name: str, target: str) -> bool:
        granted = self.play.groups.granted
        return any(known.has_to_go(target, granted(known.id)) and not known.spared for known in self.play.people[name])

    def _at_work_on(self, target: str, native_id: str) -> tuple[str, str]:
        query = (
            select(task_table.c.identity_id, task_table.c.case_id)
            .join(attempts, attempts.c.task_id == task_table.c.id)
            .where(attempts.c.target == target, attempts.c.lock_key == native_id, attempts.c.ended_at.is_(None))
        )
        with self.play.database.read() as tx:
            ((identity_id, case_id),) = tx.execute(query).all()
        return identity_id, case_id

    def _is_written_no_more_than_planned(self, name: str, target: str) -> None:
        for action in ("suspend", "delete"):
            query = (
                select(func.count())
                .select_from(task_table)
                .join(accounts, accounts.c.id == task_table.c.account_id)
                .where(accounts.c.native_id == f"native-{name}", accounts.c.target == target)
                .where(task_table.c.action == action)
            )
            with self.play.database.read() as tx:
                planned = tx.execute(query).scalar_one()
            written = self.play.systems[target].effective[action, f"native-{name}"]
            assert written <= planned + self.play.stalls + self.play.meddled[name, target]

    def _asks_about(self, name: str, target: str) -> bool:
        play = self.play
        ids = {known.id for known in play.people[name]}
        waiting = (task for case_id in play.open_cases() for task in play.bench.tasks(case_id) if task.needs_person)
        return any(task.identity_id in ids and task.target == target for task in waiting)


def _covers(hold: Hold, target: str, identity_id: str, case_id: str) -> bool:
    subjects = {
        Scope.EVERYTHING: "",
        Scope.SOURCE: SOURCE,
        Scope.TARGET: target,
        Scope.IDENTITY: identity_id,
        Scope.CASE: case_id,
    }
    return hold.subject == subjects[hold.scope]


def _may_rest(task: Task, own: list[Task]) -> bool:
    """Whether a task rightly waits: for a person, or behind a task that does.

    A released task waits for those before it on its own account; what cannot be undone waits for the whole case.
    """
    if task.is_finished or task.needs_person:
        return True
    before = [other for other in own if other.needs_person and other.position < task.position]
    if task.state is TaskState.READY:
        return any(other.account_id == task.account_id for other in before)
    return task.state is TaskState.PLANNED and bool(before)
