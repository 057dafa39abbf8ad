"""The guard: who counts, when it trips, and what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from scimbridge.cli.flood_story import tell
from scimbridge.domain.action import Action, GuardClass
from scimbridge.domain.case import CaseKind, CaseState
from scimbridge.domain.filter import IdentityFilter
from scimbridge.domain.guard import GuardScope, Limit
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.task import TaskState
from scimbridge.domain.trigger import Trigger
from scimbridge.notices.channels import Channels
from scimbridge.notices.payload import Format
from scimbridge.notices.webhook import Webhook
from scimbridge.sdk import Mode
from scimbridge.store import records
from scimbridge.store.database import Database
from scimbridge.store.records import RequestQuery
from scimbridge.store.schema import floods as flood_table
from scimbridge.store.schema import holds as hold_table
from scimbridge.store.schema import notices as notice_table
from scimbridge.store.schema import targets as target_table
from tests.clock import FakeClock
from tests.services.bench import Bench, MemoryTarget, a_rule, a_stage, an_exclusion
from tests.services.flooded import a_bench, a_limit, held_cases, leave_all, people, standing, the_flood

SUSPEND_THEN_DELETE = (a_stage("7d"), a_stage("30d", Action.DELETE))


def test_at_most_the_limit_is_changed_and_nothing_of_the_case_that_trips_it_becomes_ready(
    database: Database, clock: FakeClock
) -> None:
    bench = a_bench(database, clock)
    everyone = people(bench, 6)

    leave_all(bench, everyone[:3])
    bench.run()
    leave_all(bench, everyone[3:])
    bench.run("1d")

    assert sorted(bench.systems["crm"].writes) == [("suspend", f"native-p{each}") for each in range(3)]
    assert all(bench.states(bench.case(each)) == {"suspend@crm": TaskState.PLANNED} for each in everyone[3:])
    with database.read() as tx:
        (request,) = records.received(tx, RequestQuery(resource_id=everyone[3]), limit=1)[0]
    assert "held by the guard" in request["applied"]


def test_what_was_counted_and_is_still_open_is_held_with_what_trips_the_limit_and_what_follows(
    database: Database, clock: FakeClock
) -> None:
    bench = a_bench(database, clock, rules=Ruleset((a_rule(*SUSPEND_THEN_DELETE),)))
    everyone = people(bench, 6)

    leave_all(bench, everyone)
    bench.run("60d")

    assert bench.systems["crm"].writes == []
    assert held_cases(bench) == {bench.case(each).id for each in everyone}
    assert all("held by the guard" in bench.events(bench.case(each)) for each in everyone)


def test_a_flood_opens_once_and_operators_are_told_once(database: Database, clock: FakeClock) -> None:
    webhook = Webhook(url="https://hooks.example.com/", format=Format.PLAIN)
    bench = a_bench(database, clock, channels=Channels(public_url="https://bridge.example.com", webhook=webhook))

    leave_all(bench, people(bench, 9))

    flood = the_flood(bench)
    assert flood.reason == "more identities would lose access within 1d at all sources and targets than 3"
    with database.read() as tx:
        (notice,) = tx.execute(select(notice_table)).mappings().all()
    assert (notice["kind"], notice["subject"]) == ("guard_tripped", f"{flood.id} webhook")
    assert notice["details"]["reason"] == flood.reason


def test_a_drip_trips_it_too(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(50))
    everyone = people(bench, 60)

    for each in everyone:
        bench.leave(each)
        bench.run("1m")

    assert len(bench.systems["crm"].writes) == 50


def test_who_left_before_the_window_began_counts_no_more(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(3, window=timedelta(hours=1)))
    everyone = people(bench, 12)

    for each in everyone:
        bench.leave(each)
        bench.run("20m")

    assert len(bench.systems["crm"].writes) == 12
    assert standing(bench) == []


def test_who_left_before_the_window_began_is_not_held_with_those_who_trip_the_limit(
    database: Database, clock: FakeClock
) -> None:
    limit = a_limit(2, window=timedelta(hours=1))
    bench = a_bench(database, clock, limit, rules=Ruleset((a_rule(a_stage("7d")),)))
    earlier, *others = people(bench, 4)
    bench.leave(earlier)
    clock.advance("1h")

    leave_all(bench, others)

    assert held_cases(bench) == {bench.case(each).id for each in others}


def test_the_moment_in_which_the_window_ends_is_outside_of_it(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(1, window=timedelta(hours=1)))
    first, second, third = people(bench, 3)

    bench.leave(first)
    clock.advance("1h")
    bench.leave(second)
    assert standing(bench) == []

    clock.advance(timedelta(minutes=60) - timedelta(microseconds=1))
    bench.leave(third)
    assert len(standing(bench)) == 1


def test_the_same_identity_counts_once(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(2))
    ada, bob, eve = people(bench, 3)

    for _ in range(5):
        bench.leave(ada)
        bench.come_back(ada)
    leave_all(bench, [ada, bob])
    assert standing(bench) == []

    bench.leave(eve)
    assert len(standing(bench)) == 1


def test_giving_back_does_not_count(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(3))
    everyone = people(bench, 3)
    leave_all(bench, everyone)
    bench.run()

    for each in everyone:
        bench.come_back(each)
    bench.run()

    assert {case.kind for case in bench.cases(everyone[0])} == {CaseKind.LEAVE, CaseKind.RESTORE}
    assert standing(bench) == []


def test_a_plan_that_only_tells_people_does_not_count(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(1), rules=Ruleset((a_rule(a_stage("0s", Action.NOTIFY)),)))

    leave_all(bench, people(bench, 5))

    assert standing(bench) == []


@pytest.mark.parametrize(
    ("guard_class", "action"),
    [(GuardClass.SUSPEND, Action.SUSPEND), (GuardClass.DELETE, Action.DELETE), (GuardClass.ALL, Action.DELETE)],
)
def test_each_class_counts_what_is_of_it(
    database: Database, clock: FakeClock, guard_class: GuardClass, action: Action
) -> None:
    limit = a_limit(2, guard_class=guard_class)
    bench = a_bench(database, clock, limit, rules=Ruleset((a_rule(a_stage("7d", action)),)))

    leave_all(bench, people(bench, 3))

    assert the_flood(bench).guard_class is guard_class


def test_a_class_does_not_count_what_is_not_of_it(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(2, guard_class=GuardClass.DELETE))

    leave_all(bench, people(bench, 5))

    assert standing(bench) == []


def test_a_limit_of_a_source_counts_that_source_alone(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(2, scope=GuardScope.SOURCE, subject="hr"))

    leave_all(bench, people(bench, 5))
    assert standing(bench) == []

    for each in people(bench, 3, "h", source="hr"):
        bench.leave(each, source="hr")
    assert the_flood(bench).where == "source hr"


def test_a_limit_of_a_target_counts_who_loses_that_target(database: Database, clock: FakeClock) -> None:
    rules = Ruleset(
        (
            a_rule(a_stage("7d"), name="all", match='userType eq "Employee"'),
            a_rule(a_stage("7d"), name="less", exclude_targets=frozenset({"erp"})),
        )
    )
    systems = {"crm": MemoryTarget(), "erp": MemoryTarget()}
    limit = a_limit(2, scope=GuardScope.TARGET, subject="erp")
    bench = a_bench(database, clock, limit, rules=rules, systems=systems)

    leave_all(bench, people(bench, 5))
    assert standing(bench) == []

    employees = people(bench, 3, "e", userType="Employee")
    leave_all(bench, employees)
    assert the_flood(bench).where == "target erp"
    assert held_cases(bench) == {bench.case(each).id for each in employees}


def test_who_only_loses_one_application_counts(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(2), granted_by={"crm": ["Sales"]})
    everyone = people(bench, 4)
    sales = bench.group("Sales", *everyone)

    bench.change_group(sales, remove=everyone[:3])

    assert len(standing(bench)) == 1
    assert {case.trigger for each in everyone[:3] for case in bench.cases(each)} == {Trigger.UNASSIGNED}


def test_a_later_fact_that_asks_for_more_counts_again(database: Database, clock: FakeClock) -> None:
    rules = Ruleset(
        (
            a_rule(a_stage("0s"), name="off", when=frozenset({Trigger.DEACTIVATED})),
            a_rule(a_stage("0s"), a_stage("30d", Action.DELETE), name="gone", when=frozenset({Trigger.DELETED})),
        )
    )
    bench = a_bench(database, clock, a_limit(2, window=timedelta(hours=1)), rules=rules, concurrency=1)
    everyone = people(bench, 3)
    for each in everyone:
        bench.leave(each)
        clock.advance("2h")

    for each in everyone:
        bench.delete(each)

    assert held_cases(bench) == {bench.case(each).id for each in everyone}


def test_what_becomes_due_earlier_counts_again(database: Database, clock: FakeClock) -> None:
    rules = Ruleset(
        (
            a_rule(a_stage("90d"), name="slow", when=frozenset({Trigger.DEACTIVATED})),
            a_rule(a_stage("0s"), name="fast", when=frozenset({Trigger.DELETED})),
        )
    )
    bench = a_bench(database, clock, a_limit(2, window=timedelta(hours=1)), rules=rules)
    everyone = people(bench, 3)
    for each in everyone:
        bench.leave(each)
        clock.advance("2h")

    for each in everyone:
        bench.delete(each)
    bench.run()

    assert bench.systems["crm"].writes == []
    assert held_cases(bench) == {bench.case(each).id for each in everyone}


def test_a_later_fact_that_asks_for_nothing_new_does_not_count(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(2, window=timedelta(hours=1)), rules=Ruleset((a_rule(a_stage("7d")),)))
    everyone = people(bench, 3)
    for each in everyone:
        bench.leave(each)
        clock.advance("2h")

    for each in everyone:
        bench.delete(each)

    assert standing(bench) == []


def test_what_is_only_observed_does_not_count(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(2), modes={"crm": Mode.OBSERVE})

    leave_all(bench, people(bench, 5))

    assert standing(bench) == []


def test_what_an_armed_target_will_do_counts(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(2), modes={"crm": Mode.OBSERVE})
    arm(bench, "crm", clock() + timedelta(hours=4))

    leave_all(bench, people(bench, 3))
    assert len(standing(bench)) == 1


@pytest.mark.parametrize("is_armed", [True, False], ids=["armed", "enforces"])
def test_what_was_planned_while_a_target_observed_counts_when_it_is_about_to_act(
    database: Database, clock: FakeClock, is_armed: bool
) -> None:
    rules = Ruleset((a_rule(a_stage("7d"), a_stage("30d", Action.DELETE)),))
    bench = a_bench(database, clock, a_limit(2), rules=rules, modes={"crm": Mode.OBSERVE})
    everyone = people(bench, 5)
    bench.run()
    leave_all(bench, everyone)
    clock.advance("7d")
    if is_armed:
        arm(bench, "crm", clock() + timedelta(hours=4))
    else:
        bench = a_bench(database, clock, a_limit(2), rules=rules, systems=bench.systems)

    bench.sweep()
    bench.work()

    assert len(bench.systems["crm"].writes) == 2, "who was counted is worked on at once"
    assert held_cases(bench) == {bench.case(each).id for each in everyone}
    bench.flooding.release(standing(bench)[0].id, reason="meant", by="ops", now=clock())
    bench.flooding.finish(clock())
    bench.run("1m")
    assert len(bench.systems["crm"].writes) == 5, "what was released does not count once more"
    assert standing(bench) == []


def test_what_stays_observed_never_counts(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(2), modes={"crm": Mode.OBSERVE})
    leave_all(bench, people(bench, 5))

    bench.run()
    arm(bench, "crm", clock() + timedelta(hours=4))
    bench.run("1h")

    assert standing(bench) == []


def test_what_was_only_observed_counts_when_an_operator_has_it_done(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(2), modes={"crm": Mode.OBSERVE})
    everyone = people(bench, 4)
    leave_all(bench, everyone)
    bench.run()
    arm(bench, "crm", clock() + timedelta(hours=4))

    for each in everyone:
        bench.operating.do_observed(bench.case(each).id, by="ops", now=clock())
    bench.run("1m")

    assert bench.systems["crm"].writes == []
    assert held_cases(bench) == {bench.case(each).id for each in everyone}


def test_a_mover_counts(database: Database, clock: FakeClock) -> None:
    movers = a_rule(
        a_stage("7d"),
        when=frozenset({Trigger.CHANGED}),
        was=IdentityFilter('title eq "Sales"'),
        now=IdentityFilter('title eq "Support"'),
    )
    bench = a_bench(database, clock, a_limit(2), rules=Ruleset((movers,)))
    everyone = people(bench, 3, title="Sales")

    for each in everyone:
        bench.say(each, title="Support")

    assert held_cases(bench) == {bench.case(each).id for each in everyone}


def test_what_a_target_that_was_armed_will_not_do_does_not_count(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(2), modes={"crm": Mode.OBSERVE})
    arm(bench, "crm", clock())

    leave_all(bench, people(bench, 3))
    assert standing(bench) == []


def arm(bench: Bench, target: str, until: datetime) -> None:
    with bench.database.write() as tx:
        tx.execute(update(target_table).where(target_table.c.name == target).values(armed_until=until))


def test_who_is_excluded_does_not_count(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(2))
    everyone = people(bench, 5, userType="Service")
    bench.holding.exclude(an_exclusion('userType eq "Service"'), by="ops", now=clock())

    leave_all(bench, everyone)

    assert standing(bench) == []


def test_who_comes_back_while_held_has_nothing_taken(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    everyone = people(bench, 5)
    leave_all(bench, everyone)

    bench.come_back(everyone[4])
    bench.run("1d")

    assert bench.case(everyone[4]).state is CaseState.CANCELED
    assert not bench.systems["crm"].is_suspended("p4")


def test_each_limit_that_trips_holds_by_itself(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(4), a_limit(2, guard_class=GuardClass.SUSPEND))
    everyone = people(bench, 6)

    leave_all(bench, everyone)

    assert {flood.guard_class for flood in standing(bench)} == {GuardClass.ALL, GuardClass.SUSPEND}
    with database.read() as tx:
        held = tx.execute(
            select(func.count()).select_from(hold_table).where(hold_table.c.subject == bench.case(everyone[5]).id)
        )
        assert held.scalar_one() == 2


def suspending(most: int, **settings: Any) -> Limit:
    return a_limit(most, guard_class=GuardClass.SUSPEND, **settings)


def at_erp(most: int) -> Limit:
    return a_limit(most, scope=GuardScope.TARGET, subject="erp")


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ((a_limit(2), suspending(2)), 1),  # at the same moment
        ((a_limit(2), suspending(2, window=timedelta(hours=48))), 1),
        ((a_limit(4), suspending(2)), 1),  # one after the other, and the first one holds all of them already
        ((a_limit(5), at_erp(2)), 2),
    ],
)
def test_operators_hear_of_a_mistake_once_however_many_limits_it_trips(
    database: Database, clock: FakeClock, limits: Sequence[Limit], told: int
) -> None:
    """Unless the second limit holds somebody whom the first one does not."""
    rules = Ruleset(
        (a_rule(a_stage("7d"), match='userType eq "E"'), a_rule(a_stage("7d"), exclude_targets=frozenset({"erp"})))
    )
    webhook = Webhook(url="https://hooks.example.com/", format=Format.PLAIN)
    channels = Channels(public_url="https://bridge.example.com", webhook=webhook)
    systems = {"crm": MemoryTarget(), "erp": MemoryTarget()}
    bench = a_bench(database, clock, *limits, rules=rules, systems=systems, channels=channels)

    leave_all(bench, people(bench, 4, userType="E"))
    leave_all(bench, people(bench, 4, "q"))

    first, second = standing(bench)
    with database.read() as tx:
        assert len(tx.execute(select(notice_table.c.id)).all()) == told
    story = bench.flooding.story(first.id)
    assert [flood.id for flood in story.beside] == [second.id]
    assert f"flood {second.id}: {second.reason}. Decide about it, too." in "\n".join(tell(story))


def test_nothing_of_a_request_that_fails_is_counted(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(2))
    everyone = people(bench, 3)

    def fail(each: str) -> None:
        with bench.database.write():
            bench.leave(each)
            raise ZeroDivisionError

    for each in everyone:
        with pytest.raises(ZeroDivisionError):
            fail(each)

    leave_all(bench, everyone[:2])
    assert standing(bench) == []
    with database.read() as tx:
        assert tx.execute(select(flood_table.c.id)).all() == []
