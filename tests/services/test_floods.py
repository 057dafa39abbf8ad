"""What operators decide about floods."""

from __future__ import annotations

from functools import partial

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseKind, CaseState
from scimbridge.domain.flood import Decision
from scimbridge.domain.hold import Scope
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.task import TaskState
from scimbridge.errors import FloodClosedError, FloodGrownError, NotFoundError
from scimbridge.sdk import Mode
from scimbridge.services import flooding
from scimbridge.services.claiming import Claim
from scimbridge.store import journal
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import Bench, MemoryTarget, a_rule, a_stage
from tests.services.flooded import a_bench, a_limit, held_cases, leave_all, people, standing, the_flood
from tests.store.racing import race

LATER = Ruleset((a_rule(a_stage("7d"), a_stage("30d", Action.DELETE)),))


def release(bench: Bench, flood_id: str | None = None) -> None:
    flood = bench.flooding.release(flood_id or the_flood(bench).id, reason="planned", by="ops", now=bench.clock())
    assert list(bench.flooding.carry_out(flood.id, bench.clock()))[-1] == 0


def cancel(bench: Bench, flood_id: str | None = None, *, gives_back: bool = False) -> None:
    flood = bench.flooding.cancel(
        flood_id or the_flood(bench).id, gives_back=gives_back, reason="a mistake", by="ops", now=bench.clock()
    )
    assert list(bench.flooding.carry_out(flood.id, bench.clock()))[-1] == 0


def test_a_release_lets_all_cases_of_the_flood_go_on(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    everyone = people(bench, 6)
    leave_all(bench, everyone)

    release(bench)
    bench.run()

    assert len(bench.systems["crm"].writes) == 6
    assert standing(bench) == []
    with database.read() as tx:
        history = journal.entries_of_case(tx, bench.case(everyone[5]).id)
    (entry,) = (row for row in history if row["event"] == "released by the guard")
    assert (entry["actor"], entry["reason"]) == ("ops", "planned")


def test_after_a_release_counting_starts_anew(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    leave_all(bench, people(bench, 6))
    first = the_flood(bench)
    release(bench)

    more = people(bench, 4, "q")
    leave_all(bench, more[:3])
    assert standing(bench) == []

    bench.leave(more[3])
    assert the_flood(bench).id != first.id
    assert held_cases(bench) == {bench.case(each).id for each in more}


@pytest.mark.parametrize("is_legal", [False, True])
def test_a_release_lifts_no_hold_that_a_person_has_placed(database: Database, clock: FakeClock, is_legal: bool) -> None:
    bench = a_bench(database, clock)
    everyone = people(bench, 5)
    leave_all(bench, everyone)
    held = bench.holding.place(
        Scope.CASE, bench.case(everyone[4]).id, reason="litigation", by="legal", now=clock(), is_legal=is_legal
    ).hold

    release(bench)
    bench.run("1d")

    assert [hold.id for hold in bench.holding.standing()] == [held.id]
    assert not bench.systems["crm"].is_suspended("p4")


def test_a_hold_of_the_flood_can_be_lifted_for_one_case(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    everyone = people(bench, 5)
    leave_all(bench, everyone)
    held = {row["case_id"]: row["hold_id"] for row in bench.flooding.story(the_flood(bench).id).held}

    bench.holding.lift(held[bench.case(everyone[4]).id], by="ops", now=clock())
    bench.run()

    assert bench.systems["crm"].writes == [("suspend", "native-p4")]
    assert len(held_cases(bench)) == 4


def test_a_cancel_calls_off_what_is_open_and_leaves_what_was_done(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    everyone = people(bench, 6)
    leave_all(bench, everyone[:3])
    bench.run()
    leave_all(bench, everyone[3:])

    cancel(bench)
    bench.run("1d")

    assert [bench.case(each).state for each in everyone] == [CaseState.COMPLETED] * 3 + [CaseState.CANCELED] * 3
    assert bench.case(everyone[5]).reason == "flood canceled: a mistake"
    assert len(bench.systems["crm"].writes) == 3
    assert held_cases(bench) == set()


def test_a_cancel_can_give_back_what_was_taken_although_the_source_says_that_they_left(
    database: Database, clock: FakeClock
) -> None:
    bench = a_bench(database, clock)
    everyone = people(bench, 6)
    leave_all(bench, everyone[:3])
    bench.run()
    leave_all(bench, everyone[3:])
    clock.advance("1m")

    cancel(bench, gives_back=True)
    bench.run()

    assert not any(bench.systems["crm"].is_suspended(f"p{number}") for number in range(6))
    assert [case.kind for case in bench.cases(everyone[0])] == [CaseKind.LEAVE, CaseKind.RESTORE]
    assert bench.cases(everyone[0])[1].opened_by == "ops"
    assert [case.kind for case in bench.cases(everyone[5])] == [CaseKind.LEAVE]


def test_what_an_operator_gives_back_is_called_off_by_the_sources_next_fact(
    database: Database, clock: FakeClock
) -> None:
    bench = a_bench(database, clock, a_limit(3))
    everyone = people(bench, 4)
    leave_all(bench, everyone[:3])
    bench.run()
    bench.leave(everyone[3])
    cancel(bench, gives_back=True)

    bench.delete(everyone[0])
    bench.run()

    assert bench.systems["crm"].is_suspended("p0")
    assert not bench.systems["crm"].is_suspended("p1")


def test_after_a_cancel_who_lost_something_still_counts_and_who_lost_nothing_does_not(
    database: Database, clock: FakeClock
) -> None:
    bench = a_bench(database, clock)
    everyone = people(bench, 5)
    bench.leave(everyone[0])
    bench.run()
    leave_all(bench, everyone[1:])
    cancel(bench)

    more = people(bench, 3, "q")
    leave_all(bench, more[:2])
    assert standing(bench) == []

    bench.leave(more[2])
    assert held_cases(bench) == {bench.case(each).id for each in more}


def test_who_is_canceled_can_leave_again(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, rules=LATER)
    everyone = people(bench, 4)
    leave_all(bench, everyone)
    cancel(bench)

    bench.come_back(everyone[0])
    bench.leave(everyone[0])
    bench.run("8d")

    assert bench.systems["crm"].writes == [("suspend", "native-p0")]


@pytest.mark.parametrize("decide", [release, cancel])
def test_what_was_decided_and_not_carried_out_is_finished_by_a_sweeper(
    database: Database, clock: FakeClock, decide: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flooding, "RELEASED_AT_ONCE", 2)
    monkeypatch.setattr(flooding, "CANCELED_AT_ONCE", 2)
    bench = a_bench(database, clock, rules=LATER)
    everyone = people(bench, 7)
    leave_all(bench, everyone)
    flood = the_flood(bench)
    service = bench.flooding
    begin = service.release if decide is release else service.cancel
    begin(flood.id, reason="decided", by="ops", now=clock())
    next(service.carry_out(flood.id, clock()))  # then its process dies

    assert len(held_cases(bench)) == 5
    assert service.finish(clock()) == 1

    assert held_cases(bench) == set()
    assert service.finish(clock()) == 0
    expected = CaseState.OPEN if decide is release else CaseState.CANCELED
    assert {bench.case(each).state for each in everyone} == {expected}


def test_a_process_that_dies_before_its_commit_has_decided_nothing(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    leave_all(bench, people(bench, 5))
    flood = the_flood(bench)

    def die() -> None:
        with database.write():
            bench.flooding.release(flood.id, reason="planned", by="ops", now=clock())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        die()

    assert the_flood(bench) == flood
    assert len(held_cases(bench)) == 5
    release(bench)


def test_the_same_decision_again_changes_nothing_and_another_is_refused(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    leave_all(bench, people(bench, 5))
    flood = the_flood(bench)
    release(bench)

    again = bench.flooding.release(flood.id, reason="again", by="other", now=clock())

    assert (again.closed_by, again.closing_reason) == ("ops", "planned")
    with pytest.raises(FloodClosedError, match="was released by ops already"):
        bench.flooding.cancel(flood.id, reason="no", by="ops", now=clock())
    with pytest.raises(NotFoundError, match="no flood"):
        bench.flooding.release("nonsense", reason="x", by="ops", now=clock())


def test_a_flood_goes_on_as_somebody_has_seen_it(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    leave_all(bench, people(bench, 5))
    flood, cases_seen = the_flood(bench), bench.flooding.standing()[0].extent.cases
    leave_all(bench, people(bench, 1, "late"))

    with pytest.raises(FloodGrownError, match=f"has {cases_seen + 1} cases by now, and not {cases_seen}"):
        bench.flooding.release(flood.id, reason="planned", by="ops", now=clock(), seen=cases_seen)

    assert bench.flooding.standing_count() == 1
    bench.flooding.release(flood.id, reason="planned", by="ops", now=clock(), seen=cases_seen + 1)
    # Asked for again by whoever has seen less, it goes on where it was left.
    assert bench.flooding.release(flood.id, reason="x", by="ops", now=clock(), seen=1).closing_reason == "planned"


def test_what_arrives_while_a_flood_is_released_is_held_by_it_or_counted_anew(
    database: Database, clock: FakeClock
) -> None:
    bench = a_bench(database, clock, a_limit(5), rules=LATER)
    leave_all(bench, people(bench, 6))
    flood = the_flood(bench)
    more = people(bench, 5, "q")

    results = race([partial(bench.leave, each) for each in more] + [partial(release, bench, flood.id)])

    assert [result for result in results if isinstance(result, Exception)] == []
    assert held_cases(bench) == set()
    assert standing(bench) == []


def test_a_flood_says_what_had_started_and_what_may_not_be_stopped_any_more(
    database: Database, clock: FakeClock
) -> None:
    bench = a_bench(database, clock)
    everyone = people(bench, 4)
    leave_all(bench, everyone[:2])
    bench.run()
    bench.leave(everyone[2])
    claim = bench.claiming.claim(bench.account(everyone[2]).id, clock())
    assert isinstance(claim, Claim)
    assert claim.account.native_id is not None
    bench.claiming.accept_read(claim, bench.fleet.connector("crm").read(claim.account.native_id), clock())

    bench.leave(everyone[3])

    story = bench.flooding.story(the_flood(bench).id)
    started = sorted((row["user_name"], row["state"], bool(row["is_past_the_line"])) for row in story.started)
    assert started == [("p0", "done", False), ("p1", "done", False), ("p2", "running", True)]
    assert (story.extent.cases, story.extent.held, story.extent.started) == (4, 2, 3)
    assert {row["user_name"] for row in story.held} == {"p2", "p3"}


def test_an_attempt_that_the_hold_has_stopped_has_not_started_anything(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(2))
    everyone = people(bench, 3)
    bench.leave(everyone[0])
    bench.run()
    bench.leave(everyone[1])
    crm = bench.systems["crm"]
    crm.before_read = lambda: leave_all(bench, everyone[2:]) if not standing(bench) else None

    bench.run()  # the flood opens between the claim and the answer of the target

    story = bench.flooding.story(the_flood(bench).id)
    assert crm.writes == [("suspend", "native-p0")]
    assert bench.states(bench.case(everyone[1])) == {"suspend@crm": TaskState.READY}
    assert [row["user_name"] for row in story.started] == ["p0"]
    assert story.extent.started == 1


def test_a_target_that_only_observes_has_started_nothing(database: Database, clock: FakeClock) -> None:
    systems = {"crm": MemoryTarget(), "directory": MemoryTarget()}
    bench = a_bench(database, clock, a_limit(1), systems=systems, modes={"directory": Mode.OBSERVE})
    everyone = people(bench, 2)
    bench.leave(everyone[0])
    bench.run()

    bench.leave(everyone[1])

    story = bench.flooding.story(the_flood(bench).id)
    assert [(row["user_name"], row["target"]) for row in story.started] == [("p0", "crm")]


def test_who_lost_nothing_because_the_hold_was_in_time_counts_no_more_after_a_cancel(
    database: Database, clock: FakeClock
) -> None:
    bench = a_bench(database, clock, a_limit(1))
    ada, bob = people(bench, 2)
    bench.leave(ada)
    bench.systems["crm"].before_read = lambda: bench.leave(bob) if not standing(bench) else None
    bench.run()
    assert bench.systems["crm"].writes == []

    cancel(bench)

    bench.leave(bench.join("eve"))
    assert standing(bench) == []


def test_a_case_of_a_released_flood_that_asks_for_more_is_counted_again(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, rules=LATER)
    everyone = people(bench, 4)
    leave_all(bench, everyone)
    release(bench)

    bench.come_back(everyone[0])
    bench.leave(everyone[0])
    bench.run("8d")

    assert bench.flooding.closed()[0].flood.decision is Decision.RELEASED
    assert set(bench.states(bench.open_case(everyone[0])).values()) == {TaskState.DONE, TaskState.PLANNED}
