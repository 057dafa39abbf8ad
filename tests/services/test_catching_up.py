"""Coming back together with many others: noted by the request, and seen to afterwards; on both stores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import pytest
import structlog
from sqlalchemy import Connection, select

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseKind, CaseState
from scimbridge.domain.rule import Restore, Rule, Ruleset
from scimbridge.domain.task import TaskState
from scimbridge.domain.trigger import Trigger
from scimbridge.errors import StoreBusyError, StoreUnavailableError
from scimbridge.services import assignment, catching_up, moving
from scimbridge.services.catching_up import CatchingUp
from scimbridge.services.planning import Verdict
from scimbridge.services.returning import Returning
from scimbridge.store import assignments, groups, moves, returns, schema
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.counting import counted
from tests.services.bench import FEW_ACTIONS, Bench, MemoryTarget, a_rule, a_stage
from tests.services.test_moving import IN_SALES, NOT_SALES, SALES, a_mover, works_in
from tests.services.test_stale_accounts import STALE, a_world, reconcile
from tests.services.test_stale_accounts import people as two_people
from tests.store.racing import race

CRM, ADMINS, STAFF = "CRM Users", "CRM Admins", "Directory Users"
NAMES = ("ada", "cyd", "dan")


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assignment, "MOST_BACK_AT_ONCE", 2)


def a_bench(database: Database, clock: FakeClock, *rules: Rule, **granted_by: list[str]) -> Bench:
    return Bench(
        database,
        clock,
        Ruleset(rules or (a_rule(restore=Restore.AUTO),)),
        systems={"crm": MemoryTarget(), "dir": MemoryTarget()},
        granted_by={"crm": [CRM, ADMINS], "dir": [STAFF], **granted_by},
    )


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return a_bench(database, clock)


class Crowd:
    """Three people who have left the group that grants them a target, where bob stays."""

    def __init__(self, bench: Bench, *, was_taken: bool) -> None:
        self.bench = bench
        self.people = [bench.join(name) for name in NAMES]
        self.group = bench.group(CRM, bench.join("bob"), *self.people)
        bench.run()
        bench.change_group(self.group, remove=self.people)
        if was_taken:
            bench.run("15m")
            assert self.suspended() == set(NAMES)

    def come_back(self) -> None:
        """All are put back by one request, and nobody has seen to them yet."""
        self.bench.change_group(self.group, add=self.people)
        assert self.waiting() == 3

    def work_without_catching_up(self, span: str) -> None:
        self.bench.clock.advance(span)
        self.bench.sweeping.run(self.bench.clock())
        self.bench.work()

    def suspended(self) -> set[str]:
        return {name for name in NAMES if self.bench.systems["crm"].is_suspended(name)}

    def waiting(self) -> int:
        with self.bench.database.read() as tx:
            return returns.count(tx)


@pytest.fixture
def planned(bench: Bench) -> Crowd:
    return Crowd(bench, was_taken=False)


@pytest.fixture
def taken(bench: Bench) -> Crowd:
    return Crowd(bench, was_taken=True)


# -- what comes of it


def test_what_was_planned_for_a_crowd_is_called_off_afterwards(bench: Bench, planned: Crowd) -> None:
    planned.come_back()
    assert all(case.state is CaseState.OPEN for person in planned.people for case in bench.cases(person))

    bench.run()

    assert planned.waiting() == 0
    for person in planned.people:
        assert bench.case(person).state is CaseState.CANCELED
        assert bench.case(person).reason == "the identity is assigned to the target again"


def test_what_was_taken_from_a_crowd_is_given_back_afterwards(bench: Bench, taken: Crowd) -> None:
    taken.come_back()
    assert all(len(bench.cases(person)) == 1 for person in taken.people)

    bench.run()

    assert taken.suspended() == set()
    assert [bench.cases(person)[-1].kind for person in taken.people] == [CaseKind.RESTORE] * 3


def test_what_one_request_may_give_back_is_given_back_by_it(bench: Bench, planned: Crowd) -> None:
    bench.change_group(planned.group, add=planned.people[:2])

    assert [bench.case(person).state for person in planned.people[:2]] == [CaseState.CANCELED] * 2
    assert planned.waiting() == 0


def test_losses_are_counted_and_not_people(database: Database, clock: FakeClock) -> None:
    """Somebody who has lost two targets takes the time of two."""
    bench = a_bench(database, clock, dir=[ADMINS])
    people = [bench.join(name) for name in NAMES[:2]]
    both = bench.group(ADMINS, bench.join("bob"), *people)
    bench.change_group(both, remove=people)

    bench.change_group(both, add=people)

    with bench.database.read() as tx:
        assert [returns.assigned_to(tx, person) for person in people] == [{"crm", "dir"}] * 2
    bench.run("1d")
    assert [bench.case(person).state for person in people] == [CaseState.CANCELED] * 2


def test_movers_who_are_granted_the_target_in_a_crowd_have_it_back(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_mover(SALES, NOT_SALES, a_stage("7d")))
    people = [bench.join(name, **works_in("Sales")) for name in NAMES]
    group = bench.group(CRM)
    for person in people:
        bench.say(person, **works_in("Support"))

    bench.change_group(group, add=people)
    bench.run("30d")

    assert [bench.case(person).state for person in people] == [CaseState.CANCELED] * 3
    assert bench.systems["crm"].writes == []


def test_the_request_says_what_will_be_done(bench: Bench, planned: Crowd) -> None:
    planned.come_back()

    said = "3 accounts of people who are assigned again will be given back, a few at a time"
    with bench.database.read() as tx:
        entry = tx.execute(select(schema.history).where(schema.history.c.event == "crowd assigned again")).one()
        applied = tx.execute(select(schema.requests.c.applied)).scalars().all()
    assert (entry.reason, entry.details) == (said, {"group": planned.group, "accounts": 3})
    assert f"3 members added, 0 removed; {said}" in applied
    assert bench.overview.returning() == 3


def test_the_request_costs_the_same_however_many_they_are(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    groups = []
    for size in (3, 12):
        people = [bench.join(f"p{size}-{number}") for number in range(size)]
        group = bench.group(CRM if size == 3 else ADMINS, bench.join(f"stays-{size}"), *people)
        bench.change_group(group, remove=people)
        groups.append((group, people))

    asked = []
    for group, people in groups:
        with counted(database) as statements:
            bench.change_group(group, add=people)
        asked.append(len(statements))

    assert asked[0] == asked[1]


# -- movers


@pytest.fixture
def moved(database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> tuple[Bench, str, list[str]]:
    """Three who have left Sales one by one, and lost a target thereby."""
    for module in (moving, assignment):
        monkeypatch.setattr(module, "MOST_AT_ONCE", 2)
    monkeypatch.setattr(moving, "MOST_BACK_AT_ONCE", 2)
    bench = a_bench(database, clock, a_mover(IN_SALES, f"not ({IN_SALES})", a_stage("7d"), restore=Restore.AUTO))
    people = [bench.join(name) for name in NAMES]
    group = bench.group("Sales", *people, bench.join("bob"))
    bench.run()
    for person in people:
        bench.change_group(group, remove=[person])
    return bench, group, people


@pytest.mark.parametrize("is_taken", [True, False])
def test_a_crowd_that_changes_back_is_looked_at_afterwards(moved: tuple[Bench, str, list[str]], is_taken: bool) -> None:
    bench, group, people = moved
    if is_taken:
        bench.run("7d")
    bench.change_group(group, add=people)
    assert [len(bench.cases(person)) for person in people] == [1] * 3
    assert bench.overview.returning() == 3

    bench.run()

    assert [name for name in NAMES if bench.systems["crm"].is_suspended(name)] == []
    assert all(case.state is not CaseState.OPEN for person in people for case in bench.cases(person))
    assert bench.overview.returning() == 0


def test_who_of_a_crowd_has_not_changed_back_has_not(moved: tuple[Bench, str, list[str]]) -> None:
    bench, group, people = moved
    bench.change_group(group, add=people)
    bench.change_group(group, remove=people)

    bench.run("7d")

    assert {name for name in NAMES if bench.systems["crm"].is_suspended(name)} == set(NAMES)
    assert bench.overview.returning() == 0


def test_who_has_nothing_to_change_back_any_more_is_looked_at_once(moved: tuple[Bench, str, list[str]]) -> None:
    bench, group, people = moved
    bench.change_group(group, add=people)
    bench.operating.cancel(bench.case(people[0]).id, reason="agreed", by="ops", now=bench.clock())

    bench.run()

    assert bench.overview.returning() == 0


def test_who_changes_back_in_a_crowd_and_moves_again_has_the_grace_of_the_new_move(
    moved: tuple[Bench, str, list[str]],
) -> None:
    bench, group, people = moved
    bench.clock.advance("3d")
    bench.change_group(group, add=people)

    bench.change_group(group, remove=people[:1])

    (due_at,) = {task.due_at for task in bench.tasks(bench.open_case(people[0]))}
    assert due_at == bench.at("7d")


# -- until then


def empty(bench: Bench, group: str) -> None:
    bench.change_group(group, replace=[])


def rename(bench: Bench, group: str) -> None:
    bench.change_group(group, name="Sales")


def delete(bench: Bench, group: str) -> None:
    bench.delete_group(group)


def nothing(bench: Bench, group: str) -> None:
    pass


@pytest.mark.parametrize("happens", [nothing, empty, rename, delete])
def test_nothing_is_taken_from_a_crowd_that_is_back_whatever_becomes_of_the_group(
    bench: Bench, planned: Crowd, happens: Callable[[Bench, str], None]
) -> None:
    planned.come_back()
    happens(bench, planned.group)

    planned.work_without_catching_up("15m")

    assert planned.suspended() == set()
    for person in planned.people:
        assert [task.reason for task in bench.tasks(bench.case(person))] == [
            "the identity is assigned to the target again"
        ]


def test_nor_because_nobody_uses_the_account(database: Database, clock: FakeClock) -> None:
    """Being assigned again calls off what is planned at the target, whatever the reason."""
    rule = a_rule(a_stage("7d"), when=STALE | {Trigger.UNASSIGNED})
    world = a_world(database, clock, rule, granted_by={"crm": [CRM]}, actions=FEW_ACTIONS)
    ada, bob = two_people(world)
    group = world.bench.group(CRM, ada, bob)
    reconcile(world)
    world.bench.change_group(group, remove=[ada])
    assert world.bench.case(ada).trigger is Trigger.STALE
    with database.write() as tx:
        returns.note_assigned(tx, [ada], ["crm"], clock())

    clock.advance("7d")
    world.bench.sweeping.run(clock())
    world.bench.work()

    assert not world.crm.is_suspended("ada")
    assert [task.reason for task in world.bench.tasks(world.bench.case(ada))] == [
        "the identity is assigned to the target again"
    ]


@pytest.mark.parametrize("is_planned", [True, False])
def test_who_leaves_again_meanwhile_loses_it_with_the_grace_of_the_new_fact(bench: Bench, is_planned: bool) -> None:
    crowd = Crowd(bench, was_taken=not is_planned)
    crowd.come_back()
    bench.clock.advance("10m")
    bench.change_group(crowd.group, remove=crowd.people[:1])
    left_at = bench.clock()

    bench.run()

    assert [task.due_at - left_at for task in bench.tasks(bench.open_case(crowd.people[0]))] == [
        bench.at("15m") - left_at
    ]
    assert crowd.suspended() == (set() if is_planned else {"ada"})
    bench.run("15m")
    assert crowd.suspended() == {"ada"}
    assert crowd.waiting() == 0


def test_who_loses_another_target_meanwhile_still_has_the_first_one_back(bench: Bench) -> None:
    crowd = Crowd(bench, was_taken=True)
    staff = bench.group(STAFF, *crowd.people, bench.join("eve"))
    crowd.come_back()

    bench.change_group(staff, remove=crowd.people[:1])
    bench.run("15m")

    assert crowd.suspended() == set()
    assert bench.systems["dir"].is_suspended("ada")


@pytest.mark.parametrize("is_planned", [True, False])
def test_who_leaves_altogether_meanwhile_does_so_with_the_graces_of_that(
    database: Database, clock: FakeClock, is_planned: bool
) -> None:
    bench = a_bench(
        database,
        clock,
        a_rule(a_stage("0s"), name="one", when=frozenset({Trigger.UNASSIGNED}), restore=Restore.AUTO),
        a_rule(a_stage("7d"), name="all", when=frozenset({Trigger.DEACTIVATED}), restore=Restore.AUTO),
    )
    crowd = Crowd(bench, was_taken=False)
    if not is_planned:
        bench.run()
    crowd.come_back()
    ada = crowd.people[0]

    bench.leave(ada)
    bench.run("1h")

    assert bench.open_case(ada).rule == "all"
    assert {task.state for task in bench.tasks(bench.open_case(ada))} == {TaskState.PLANNED}
    assert crowd.waiting() == 0
    bench.come_back(ada)
    bench.run()
    assert crowd.suspended() == set()


def test_what_somebody_loses_by_leaving_altogether_goes_on(bench: Bench) -> None:
    crowd = Crowd(bench, was_taken=False)
    ada = crowd.people[0]
    bench.leave(ada)
    crowd.come_back()

    bench.change_group(crowd.group, remove=[ada])
    bench.run()

    assert crowd.suspended() == {"ada"}


def test_who_came_back_has_lost_nothing_any_more(bench: Bench, planned: Crowd) -> None:
    planned.come_back()
    bench.change_group(planned.group, replace=[])
    bench.run()

    bench.leave(planned.people[0])
    bench.run()
    bench.come_back(planned.people[0])
    bench.run("1d")

    assert planned.suspended() == set()


@pytest.mark.parametrize("happens", [empty, rename, delete])
def test_an_operator_is_asked_about_those_whom_no_group_grants_it_by_then(
    bench: Bench, taken: Crowd, happens: Callable[[Bench, str], None]
) -> None:
    taken.come_back()
    happens(bench, taken.group)

    bench.run()

    assert taken.suspended() == set(NAMES)
    for person in taken.people:
        restore = bench.open_case(person)
        assert {task.state for task in bench.tasks(restore)} == {TaskState.WAITING}
    bench.operating.retry(bench.open_case(taken.people[0]).id, by="ops", now=bench.clock())
    bench.run()
    assert taken.suspended() == {"cyd", "dan"}


def test_a_fact_that_nothing_comes_of_leaves_the_return_alone(bench: Bench, taken: Crowd) -> None:
    taken.come_back()
    bench.rules = Ruleset((a_rule(when=frozenset({Trigger.DELETED}), restore=Restore.AUTO),))
    bench.group(ADMINS, taken.people[0])
    bench.change_group(taken.group, remove=taken.people[:1])

    bench.run()

    assert taken.suspended() == set()


# -- who sees to them


def test_they_are_seen_to_a_few_at_a_time(bench: Bench, planned: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catching_up, "BATCH", 1)
    planned.come_back()

    with structlog.testing.capture_logs() as logs:
        seen = []
        while bench.catching_up.run(bench.clock()):
            seen.append(planned.waiting())

    assert seen == [2, 1, 0]
    assert [(log["event"], log["accounts"]) for log in logs] == [("giving back to people who came back together", 3)]


def test_whoever_dies_on_the_way_has_done_nothing_of_the_present_few(
    bench: Bench, taken: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken.come_back()
    with monkeypatch.context() as patched:
        patched.setattr(returns, "end_assigned", lambda *_: (_ for _ in ()).throw(StoreUnavailableError("killed")))
        with pytest.raises(StoreUnavailableError):
            bench.catching_up.run(bench.clock())
    assert taken.waiting() == 3

    bench.run()

    assert taken.suspended() == set()
    assert [len(bench.cases(person)) for person in taken.people] == [2] * 3


def test_somebody_who_cannot_be_seen_to_keeps_nobody_waiting(
    bench: Bench, taken: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken.come_back()
    real = Returning.assigned_in_crowd

    def seen_to(self: Returning, tx: Connection, ids: Sequence[str], now: datetime) -> Verdict:
        if taken.people[0] in ids:
            raise RuntimeError("odd")
        return real(self, tx, ids, now)

    with monkeypatch.context() as patched:
        patched.setattr(Returning, "assigned_in_crowd", seen_to)
        bench.run()
    assert taken.suspended() == {"ada"}

    bench.run()
    assert taken.suspended() == set()


def test_nor_does_somebody_whom_others_hold(bench: Bench, taken: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    taken.come_back()
    lock = groups.lock_identities

    def is_held_elsewhere(tx: Connection, ids: Sequence[str]) -> None:
        if taken.people[0] in ids:
            raise StoreBusyError("locked")
        lock(tx, ids)

    monkeypatch.setattr(groups, "lock_identities", is_held_elsewhere)
    bench.run()

    assert taken.suspended() == {"ada"}


def test_several_who_see_to_them_at_once_give_back_once(bench: Bench, taken: Crowd) -> None:
    taken.come_back()
    known = bench.catching_up
    several = [CatchingUp(known._database, known._returning, known._moving, known._submit) for _ in range(4)]

    results = race([partial(one.run, bench.clock()) for one in several])

    assert [error for error in results if isinstance(error, Exception)] == []
    assert [len(bench.cases(person)) for person in taken.people] == [2] * 3
    bench.run()
    assert taken.suspended() == set()


def test_leaving_again_that_races_with_it_never_ends_with_access(bench: Bench) -> None:
    crowd = Crowd(bench, was_taken=True)
    crowd.come_back()

    results = race(
        [
            partial(bench.catching_up.run, bench.clock()),
            partial(bench.change_group, crowd.group, remove=crowd.people),
        ]
    )

    assert [error for error in results if isinstance(error, Exception)] == []
    bench.run("15m")
    assert crowd.suspended() == set(NAMES)
    assert Action.SUSPEND in {task.action for person in crowd.people for task in bench.tasks(bench.cases(person)[-1])}


def test_the_two_ways_of_coming_back_are_seen_to_apart(bench: Bench) -> None:
    ada, bob, now = bench.join("ada"), bench.join("bob"), bench.clock()
    with bench.database.write() as tx:
        for person in (ada, bob):
            assignments.unassign(tx, person, ["crm", "dir"], now)
            moves.note(tx, person, ["crm"], a_mover(), now)
        assert returns.note_moved(tx, [ada, bob], now) == 2
        assert returns.note_assigned(tx, [ada, bob], ["crm", "dir"], now) == 4

        returns.end_assigned(tx, ada, ["crm"])
        assert returns.end_moved(tx, bob)
        assert not returns.end_moved(tx, bob)

        assert [returns.assigned_to(tx, person) for person in (ada, bob)] == [{"dir"}, {"crm", "dir"}]
        assert returns.count(tx) == 4
        assert returns.end_moved(tx, ada)
        assert returns.people(tx, 1) == [min(ada, bob)]
        assert returns.people(tx, 2, behind=min(ada, bob)) == [max(ada, bob)]
