"""An observing target that is armed acts for a time, which ends by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.hold import Scope
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.task import TaskState
from scimbridge.errors import ArmingError, CaseClosedError, NotFoundError, StillObservesError
from scimbridge.sdk import Mode, ObservingError
from scimbridge.services.permit import TargetPermit
from scimbridge.store import journal
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import Bench, MemoryTarget, a_rule, a_stage

RULES = Ruleset((a_rule(a_stage(), a_stage("30d", Action.DELETE)),))


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock, RULES, {"crm": MemoryTarget()}, modes={"crm": Mode.OBSERVE})


def arm(bench: Bench, span: timedelta = timedelta(hours=4)) -> None:
    bench.arming.arm("crm", span=span, reason="pilot", by="olga", now=bench.clock())


def let_it_end(bench: Bench) -> None:
    bench.clock.advance("4h")


def target_events(bench: Bench) -> list[tuple[str, str, str]]:
    with bench.database.read() as tx:
        rows = journal.entries_after(tx, 0)
    return [(row["event"], row["actor"], row["reason"]) for row in rows if row["event"].startswith("target ")]


def a_leaver(bench: Bench) -> str:
    ada = bench.join("ada")
    bench.run()
    bench.leave(ada)
    return ada


def test_an_armed_target_acts(bench: Bench) -> None:
    ada = a_leaver(bench)
    arm(bench)

    bench.run()

    assert bench.systems["crm"].writes == [("suspend", "native-ada")]
    assert bench.states(bench.case(ada))["suspend@crm"] is TaskState.DONE


def test_what_arming_lets_go_at_most_is_counted(bench: Bench) -> None:
    a_leaver(bench)
    bob = bench.join("bob")
    bench.run()
    bench.leave(bob)

    # Ada's suspension was only observed: what is left is her deletion, and all of Bob's.
    assert bench.arming.due_until("crm", bench.clock()) == (1, 1)
    assert bench.arming.due_until("crm", bench.at("30d")) == (5, 2)


def test_the_time_ends_by_itself_to_the_moment(bench: Bench) -> None:
    ada = a_leaver(bench)
    arm(bench)
    bench.clock.advance("4h")  # no sweep has noted the end

    bench.work()

    assert bench.systems["crm"].writes == []
    assert bench.tasks(bench.case(ada))[0].reason == "observe mode: would suspend"


def test_a_target_whose_time_ends_between_claim_and_write_does_not_write(bench: Bench) -> None:
    ada = a_leaver(bench)
    arm(bench)
    bench.systems["crm"].before_read = lambda: let_it_end(bench)

    bench.work()

    task = bench.tasks(bench.case(ada))[0]
    assert bench.systems["crm"].writes == []
    assert (task.state, task.reason) == (
        TaskState.SKIPPED,
        "observe mode: the time that crm was armed for ended during the attempt",
    )


def test_a_target_whose_time_ends_while_a_write_waits_for_its_slot_does_not_write(
    database: Database, clock: FakeClock
) -> None:
    bench = Bench(database, clock, RULES, modes={"crm": Mode.OBSERVE}, rate_limit="1/s")
    arm(bench, timedelta(seconds=10))
    permit = TargetPermit(bench.fleet["crm"], database, bench.leases, clock, lambda _seconds: let_it_end(bench))
    permit(writes=False)

    with pytest.raises(ObservingError):
        permit(writes=True)


def test_disarming_ends_it_at_once(bench: Bench) -> None:
    a_leaver(bench)
    arm(bench)

    assert bench.arming.disarm("crm", reason="enough", by="olga", now=bench.clock())
    bench.run()

    assert bench.systems["crm"].writes == []
    assert not bench.arming.disarm("crm", reason="enough", by="olga", now=bench.clock())


def test_arming_and_its_end_are_in_the_history_once(bench: Bench) -> None:
    arm(bench)
    bench.run("3h")
    arm(bench)  # the new time counts
    bench.run("2h")
    bench.run("2h")
    bench.run("1h")

    assert target_events(bench) == [
        ("target armed", "olga", "pilot"),
        ("target armed", "olga", "pilot"),
        ("target disarmed", "scimbridge", "its time has ended"),
    ]


@pytest.mark.parametrize("span", [timedelta(), timedelta(hours=-1), timedelta(hours=24, seconds=1)])
def test_a_target_is_armed_for_a_day_at_most(bench: Bench, span: timedelta) -> None:
    with pytest.raises(ArmingError, match="1d at most"):
        arm(bench, span)

    assert target_events(bench) == []


def test_a_target_that_acts_anyway_is_not_armed(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock)

    with pytest.raises(ArmingError, match="acts always"):
        arm(bench)


def test_an_unknown_target_is_neither_armed_nor_disarmed(bench: Bench) -> None:
    with pytest.raises(NotFoundError):
        bench.arming.arm("erp", span=timedelta(hours=1), reason="", by="olga", now=bench.clock())
    with pytest.raises(NotFoundError):
        bench.arming.disarm("erp", reason="", by="olga", now=bench.clock())


def test_only_an_armed_target_has_its_accounts_state_kept_for_undo(bench: Bench) -> None:
    ada = a_leaver(bench)
    bench.run()
    arm(bench)

    bench.operating.do_observed(bench.case(ada).id, by="olga", now=bench.clock())
    bench.run()
    bench.come_back(ada)
    bench.run("1h")

    assert [what for what, _ in bench.systems["crm"].writes] == ["suspend", "restore"]


# -- what was only observed


def test_what_was_observed_stays_so_when_the_target_is_armed(bench: Bench) -> None:
    ada = a_leaver(bench)
    bench.run()

    arm(bench)
    bench.run("1h")

    assert bench.states(bench.case(ada))["suspend@crm"] is TaskState.SKIPPED


def test_what_cannot_be_undone_is_only_observed_where_what_comes_before_it_was(bench: Bench) -> None:
    ada = a_leaver(bench)
    bench.run()
    bench.clock.advance("30d")
    arm(bench)

    bench.run()

    suspend, _, delete = bench.tasks(bench.case(ada))
    assert bench.systems["crm"].writes == []
    assert (delete.state, delete.reason) == (
        TaskState.SKIPPED,
        "observe mode: would delete; what comes before it was only observed, too",
    )
    planned = bench.operating.do_observed(bench.case(ada).id, by="olga", now=bench.clock())
    assert [task.id for task in planned] == [suspend.id, delete.id]


def test_what_was_observed_is_done_when_an_operator_asks_for_it(bench: Bench) -> None:
    ada = a_leaver(bench)
    bench.run()
    arm(bench)

    (planned,) = bench.operating.do_observed(bench.case(ada).id, by="olga", now=bench.clock())
    bench.run()

    assert (planned.action, planned.state) == (Action.SUSPEND, TaskState.PLANNED)
    assert bench.systems["crm"].writes == [("suspend", "native-ada")]


def test_a_hold_stops_what_was_observed_and_is_asked_for(bench: Bench) -> None:
    ada = a_leaver(bench)
    bench.run()
    arm(bench)
    bench.holding.place(Scope.IDENTITY, ada, reason="litigation", by="legal", now=bench.clock())

    bench.operating.do_observed(bench.case(ada).id, by="olga", now=bench.clock())
    bench.run()

    assert bench.systems["crm"].writes == []


def test_a_case_that_only_observed_is_open_again_and_keeps_the_distance_to_the_delete(bench: Bench) -> None:
    ada = a_leaver(bench)
    bench.run()
    bench.run("30d")
    assert bench.case(ada).state is CaseState.COMPLETED
    arm(bench)

    bench.operating.do_observed(bench.case(ada).id, by="olga", now=bench.clock())
    bench.run()

    assert bench.systems["crm"].writes == [("suspend", "native-ada")]
    delete = bench.tasks(bench.case(ada))[-1]
    assert (delete.action, delete.state, delete.due_at) == (Action.DELETE, TaskState.PLANNED, bench.at("30d"))


def test_nothing_observed_is_done_while_the_target_observes(bench: Bench) -> None:
    ada = a_leaver(bench)
    bench.run()

    with pytest.raises(StillObservesError, match="crm observes still; arm it first"):
        bench.operating.do_observed(bench.case(ada).id, by="olga", now=bench.clock())


def test_what_was_skipped_for_another_reason_is_not_done(bench: Bench) -> None:
    ada = bench.join("ada", everywhere=False)
    bench.leave(ada)
    bench.run()
    arm(bench)

    assert bench.operating.do_observed(bench.case(ada).id, by="olga", now=bench.clock()) == []


def test_a_case_that_another_leave_has_followed_does_not_do_what_it_observed(bench: Bench) -> None:
    ada = a_leaver(bench)
    bench.run()
    bench.run("30d")
    (first,) = bench.cases(ada)
    bench.come_back(ada)
    bench.clock.advance("1d")
    bench.leave(ada)
    bench.operating.cancel(bench.open_case(ada).id, reason="stays", by="olga", now=bench.clock())
    arm(bench)

    with pytest.raises(CaseClosedError):
        bench.operating.do_observed(first.id, by="olga", now=bench.clock())


def test_a_canceled_case_does_not_do_what_it_observed(bench: Bench) -> None:
    ada = a_leaver(bench)
    bench.run()
    bench.operating.cancel(bench.case(ada).id, reason="stays", by="olga", now=bench.clock())
    arm(bench)

    with pytest.raises(CaseClosedError):
        bench.operating.do_observed(bench.case(ada).id, by="olga", now=bench.clock())
