"""What is held against the model: every write when it happens, and the accounts at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from scimbridge.domain.hold import Hold, Scope
from scimbridge.domain.outline import UNASSIGNED_GRACE
from scimbridge.domain.task import Task, TaskState
from scimbridge.store.schema import accounts, attempts
from scimbridge.store.schema import tasks as task_table
from tests.services.bench import SOURCE
from tests.services.machine.model import Known

if TYPE_CHECKING:
    from tests.services.machine.play import Play


@dataclass(frozen=True, slots=True)
class Write:
    """What is about to reach a target."""

    target: str
    what: str
    native_id: str
    identity_id: str
    case_id: str
    task_id: str
    stage_id: str
    was_suspended: bool

    @property
    def name(self) -> str:
        return self.native_id.removeprefix("native-")

    @property
    def takes(self) -> bool:
        return self.what not in ("restore", "undelete")


Law = Callable[[Write], None]
"""Raises AssertionError where a write must not be."""

Expectation = Callable[[str, str], None]
"""Raises AssertionError where somebody's account at a target is not as it must be in the end."""


class Judge:
    """Says what was wrong.

    Attributes:
        violations: Writes that must not have been. Raised at once, they would be taken for
            bugs of the connector, and tried again.
    """

    def __init__(self, play: Play) -> None:
        self.play = play
        self.violations: list[str] = []

    def watch(self, target: str) -> Callable[[str, str], Write | None]:
        """Return what a target shows its writes to."""

        def watch(what: str, native_id: str) -> Write | None:
            write = None
            try:
                write = self._about(target, what, native_id)
                for law in self.play.laws():
                    law(write)
            except (AssertionError, LookupError, ValueError) as error:  # of a law that cannot tell, too
                self.violations.append(f"{what} {native_id} at {target}: {error!r}")
            return write

        return watch

    def laws(self) -> list[Law]:
        """Return what every write is held against, whatever else is played."""
        return [self._is_free, self._gives_back_rightly, self._takes_rightly, self._is_in_time, self._is_in_its_turn]

    def everything_ended(self) -> None:
        """No attempt is live, and what is open waits for a person."""
        with self.play.database.read() as tx:
            assert tx.execute(select(attempts.c.id).where(attempts.c.ended_at.is_(None))).first() is None
        for case_id in self.play.open_cases():
            own = self.play.bench.tasks(case_id)
            said = "; ".join(f"{task.action} at {task.target} {task.state}: {task.reason}" for task in own)
            assert any(task.needs_person for task in own), f"stuck: {said}"
            assert not any(task.state is TaskState.FAILED for task in own), f"failed without a fault: {said}"
            assert all(_may_rest(task, own) for task in own), f"stuck: {said}"

    def account_is_as_expected(self, name: str, target: str) -> None:
        """Whoever is active has their account, and whoever has left has none, as far as nobody interfered."""
        play = self.play
        self._is_written_no_more_than_planned(name, target)
        if play.meddled[name, target]:
            return
        account = play.systems[target].accounts.get(f"native-{name}")
        active = next((known for known in play.people[name] if known.active), None)
        twin = play.twins.get(name)
        is_to_stay = (
            active is not None and active.said_at is None and target not in active.lost.keys() | active.moved.keys()
        )
        if is_to_stay:
            if account is not None and name not in play.unrestored:
                assert not account["suspended"], f"{name} is active and suspended at {target}"
        elif self._is_expected_to_go(name, target) and not (twin is not None and twin.active):
            assert account is None or self._asks_about(name, target), f"{name} has left and is still at {target}"

    def _is_free(self, write: Write) -> None:
        holds = self.play.holds
        subject = (write.target, write.identity_id, write.case_id)
        assert not any(covers(hold, *subject) for hold in holds), "touched under a hold"

    def _gives_back_rightly(self, write: Write) -> None:
        if not write.takes:
            assert self.play.may_have_back(write.name), "restored somebody who is gone"
            assert write.was_suspended, "restored what was not suspended"
        if write.what == "undelete":
            assert write.native_id not in self.play.systems[write.target].accounts, "brought back what was there"

    def _takes_rightly(self, write: Write) -> None:
        if not write.takes:
            return
        play, name, leaver = self.play, write.name, self._leaver(write)
        others = [*play.people[name], *filter(None, [play.twins.get(name)])]
        assert not any(known.active for known in others if known is not leaver), "took from somebody else who is active"
        assert name not in play.exclusions, "touched somebody who is excluded"
        may = leaver.has_to_go if write.what == "delete" else leaver.has_to_lose
        assert may(write.target, play.groups.granted(leaver.id)), "took from somebody who has not left"
        if write.what == "suspend":
            assert not write.was_suspended, "wrote what was already so"

    def _is_in_time(self, write: Write) -> None:
        play = self.play
        if write.what == "suspend":
            play.suspended_at[write.name, write.target] = play.elapsed
        if write.takes:
            assert play.latest >= play.due_at(write), "too early"

    def _is_in_its_turn(self, write: Write) -> None:
        """What cannot be undone keeps its distance to what came before."""
        play, name, target = self.play, write.name, write.target
        if write.what != "delete" or play.meddled[name, target] or play.stalls:
            return
        leaver = self._leaver(write)
        assert write.was_suspended or play.is_let_through(write), "deleted before it was suspended"
        if leaver.spared:
            return
        if name in play.expedited:
            return
        # The quarter of an hour of the unassigned moves the first stage nearer to the second.
        graces = [play.grace_of(write.case_id, what) for what in ("delete", "suspend")]
        distance = graces[0] - graces[1] - (UNASSIGNED_GRACE if target in leaver.was_lost else timedelta())
        since = play.elapsed - play.suspended_at[name, target]
        assert since >= distance, f"deleted {since} after it was suspended, and not {distance}"

    def _leaver(self, write: Write) -> Known:
        (leaver,) = (known for known in self.play.people[write.name] if known.id == write.identity_id)
        return leaver

    def _is_expected_to_go(self, name: str, target: str) -> bool:
        granted = self.play.groups.granted
        return any(known.has_to_go(target, granted(known.id)) and not known.spared for known in self.play.people[name])

    def _about(self, target: str, what: str, native_id: str) -> Write:
        """Return what is about to be written, with the task that the live attempt on the account is of."""
        query = (
            select(task_table.c.identity_id, task_table.c.case_id, task_table.c.id, task_table.c.stage_id)
            .join(attempts, attempts.c.task_id == task_table.c.id)
            .where(attempts.c.target == target, attempts.c.lock_key == native_id, attempts.c.ended_at.is_(None))
        )
        with self.play.database.read() as tx:
            (about,) = tx.execute(query).all()
        account = self.play.systems[target].accounts.get(native_id)
        return Write(target, what, native_id, *about, was_suspended=account is None or account["suspended"])

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


def covers(hold: Hold, target: str, identity_id: str, case_id: str) -> bool:
    """Whether a hold is on what is done at a target about somebody, in a case."""
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
