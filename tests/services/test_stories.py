"""Stories of people and operators, from the first fact to the end; on both stores.

A contractor with an end date has a page of its own: ``test_contractor.py``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.filter import IdentityFilter
from scimbridge.domain.hold import Scope
from scimbridge.domain.intent import CaseAction, Intent
from scimbridge.domain.rule import Ruleset, Stage, Terms
from scimbridge.domain.situation import CaseQuery
from scimbridge.domain.task import TaskState
from scimbridge.domain.trigger import Trigger
from scimbridge.services.story import Stories, tell
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import FEW_ACTIONS, Bench, MemoryTarget, a_rule, a_stage
from tests.services.flooded import a_guard, a_limit

AT_ONCE = a_stage("0s", Action.SUSPEND, Action.REVOKE_SESSIONS)
AFTER_A_WEEK = a_stage("7d", Action.REMOVE_FROM_GROUPS, Action.RELEASE_LICENSES, Action.STAMP, Action.MOVE)
AFTER_90_DAYS = replace(a_stage("90d", Action.DELETE), terms=Terms(approvers=1))
THREE_STAGES = Ruleset((a_rule(AT_ONCE, AFTER_A_WEEK, AFTER_90_DAYS, name="employees"),))


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock, THREE_STAGES)


def hire(bench: Bench, name: str = "ada") -> str:
    """Somebody joins, with an account that is in a group and has a license. Returns the SCIM id."""
    for system in bench.systems.values():
        system.add(name, groups=("Engineers",), licenses=("Seat",))
    person = bench.join(name, everywhere=False)
    bench.run()
    return person


def approve(bench: Bench, person: str, by: str = "olga") -> None:
    proposal = bench.approving.propose(bench.open_case(person).id, None, bench.clock())
    bench.approving.approve(proposal, by=by, now=bench.clock())


def done(bench: Bench, target: str = "crm") -> list[str]:
    """What was changed at a target, in order."""
    return [what for what, _ in bench.systems[target].writes]


def told(bench: Bench, person: str) -> str:
    case = bench.cases(person)[-1]
    return "\n".join(tell(Stories(bench.database, bench.fleet, bench.timing).of(case.id, bench.clock())))


def test_a_leaver_with_three_stages(bench: Bench) -> None:
    """Locked out at once, stripped after a week, deleted after 90 days, once somebody has said yes."""
    ada = hire(bench)
    bench.leave(ada)
    bench.run("1m")
    assert done(bench) == ["suspend", "revoke_sessions"]

    bench.run("7d")
    assert done(bench)[2:] == ["remove_from_groups", "release_licenses", "stamp", "move"]
    assert bench.systems["crm"].account("ada")["groups"] == []

    bench.run("90d")
    assert "native-ada" in bench.systems["crm"].accounts
    assert "Stage 3 waits for its approval, 0 of 1" in told(bench, ada)

    approve(bench, ada)
    bench.run("1m")
    assert "native-ada" not in bench.systems["crm"].accounts
    assert bench.case(ada).state is CaseState.COMPLETED
    assert "-- point of no return --" in told(bench, ada)


def test_a_mass_mistake_is_stopped_and_canceled(database: Database, clock: FakeClock) -> None:
    """A source deactivates everybody. The guard stops it after the first few; an operator cancels; all come back."""
    bench = Bench(database, clock, THREE_STAGES, guard=a_guard(a_limit(2)))
    people = [hire(bench, f"p{number}") for number in range(6)]
    began = clock()

    for person in people:
        bench.leave(person)
        bench.run("1m")

    # The first two were locked out before anybody could know; then everything stops.
    assert [native for what, native in bench.systems["crm"].writes if what == "suspend"] == ["native-p0", "native-p1"]
    held = bench.overview.list_cases(CaseQuery(source="idp", since=began), clock())
    assert {one.situation for one in held} == {"held"}
    assert "held by the guard" in told(bench, people[-1])

    preview = bench.acting.preview(Intent(action=CaseAction.CANCEL), CaseQuery(source="idp", since=began), clock())
    assert preview.count == len(people)
    assert len(list(bench.acting.act(preview, reason="the source was wrong", by="olga", now=clock()))) == 6

    for person in people:
        bench.come_back(person)
    bench.run("1h")
    assert not any(bench.systems["crm"].is_suspended(f"p{number}") for number in range(6))
    bench.run("120d")
    assert "delete" not in done(bench)


def test_a_legal_hold_at_the_last_second(bench: Bench) -> None:
    """The deletion is approved, claimed and under way when legal places its hold: the request is not sent."""
    ada = hire(bench)
    bench.leave(ada)
    bench.run("7d")
    bench.clock.advance("83d")
    bench.sweep()
    approve(bench, ada)
    bench.systems["crm"].before_read = lambda: _hold(bench, ada)

    bench.run("1h")

    assert "native-ada" in bench.systems["crm"].accounts
    assert "A legal hold stands" in told(bench, ada)
    (hold,) = bench.holding.standing()
    bench.holding.lift(hold.id, reason="settled", by="legal", now=bench.clock())
    bench.run("1d")
    assert "native-ada" not in bench.systems["crm"].accounts


def _hold(bench: Bench, person: str) -> None:
    bench.systems["crm"].before_read = lambda: None
    bench.holding.place(Scope.IDENTITY, person, reason="litigation", by="legal", now=bench.clock(), is_legal=True)


def test_a_rehire_on_day_89(bench: Bench) -> None:
    """One day before the deletion the same person comes back: everything is given back, and nothing is deleted."""
    ada = hire(bench)
    bench.leave(ada)
    bench.run("1m")
    bench.run("7d")
    bench.clock.advance("82d")

    bench.come_back(ada)
    bench.run("1m")

    account = bench.systems["crm"].account("ada")
    assert (account["suspended"], account["container"]) == (False, "people")
    assert bench.systems["crm"].names("ada", "groups") == ["Engineers"]
    assert bench.systems["crm"].names("ada", "licenses") == ["Seat"]
    bench.run("120d")
    assert "native-ada" in bench.systems["crm"].accounts
    assert [case.state for case in bench.cases(ada)] == [CaseState.CANCELED, CaseState.COMPLETED]


def test_a_mover_loses_the_old_team_and_keeps_the_rest(database: Database, clock: FakeClock) -> None:
    """From Sales to Support: the CRM goes, the directory stays; and the way back gives it back."""
    sales, other = IdentityFilter('title eq "Sales"'), IdentityFilter('not (title eq "Sales")')
    stage = Stage(after=timedelta(), actions=(Action.SUSPEND,), targets=frozenset({"crm"}))
    mover = a_rule(stage, name="movers", when=frozenset({Trigger.CHANGED}), was=sales, now=other)
    systems = {"crm": MemoryTarget(), "dir": MemoryTarget()}
    bench = Bench(database, clock, Ruleset((mover,)), systems)
    ada = bench.join("ada", title="Sales")
    bench.run()

    bench.say(ada, title="Support")
    bench.run("1h")
    assert (systems["crm"].is_suspended("ada"), systems["dir"].is_suspended("ada")) == (True, False)

    bench.say(ada, title="Sales")
    bench.run("1h")
    assert not systems["crm"].is_suspended("ada")


def test_an_emergency_termination(database: Database, clock: FakeClock) -> None:
    """The rule gives a day of grace; security does not: expedited, the access is gone within the minute."""
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("1d"), a_stage("30d", Action.DELETE)),)))
    ada = hire(bench)
    bench.leave(ada)
    assert "The grace runs" in told(bench, ada)

    bench.expediting.expedite(
        bench.case(ada).id, number=None, task_id=None, reason="theft", by="security", now=bench.clock()
    )
    bench.run("1m")

    assert done(bench) == ["suspend"]
    bench.run("1d")
    assert done(bench) == ["suspend"]
    assert "theft" in told(bench, ada)


def test_a_target_that_is_down_for_a_weekend(database: Database, clock: FakeClock) -> None:
    """Due work waits without attempts, other targets go on, then the backlog is let go one by one, and converges."""
    systems = {"crm": MemoryTarget(), "dir": MemoryTarget()}
    rules = Ruleset((a_rule(a_stage("1d"), a_stage("2d", Action.DELETE)),))
    bench = Bench(database, clock, rules, systems, actions=FEW_ACTIONS)
    people = [hire(bench, f"p{number}") for number in range(3)]
    bench.operating.pause("crm", reason="storage is moved", by="olga", now=clock())
    for person in people:
        bench.leave(person)

    for _ in range(6):
        bench.run("12h")
    waiting = [task for person in people for task in bench.tasks(bench.case(person)) if task.target == "crm"]
    assert {task.attempts for task in waiting} == {0}
    assert systems["crm"].writes == []
    assert "suspend" in done(bench, "dir")
    assert "Target crm is paused by olga: storage is moved." in told(bench, people[0])

    bench.operating.resume("crm", by="olga", now=clock())
    bench.run("1m")
    assert done(bench) == ["suspend"] * 3
    for _ in range(4):
        bench.run("12h")
    assert sorted(systems["crm"].accounts) == sorted(systems["dir"].accounts) == []
    assert {state for person in people for state in bench.states(bench.case(person)).values()} == {TaskState.DONE}


def test_an_approval_that_lapses_by_drift(bench: Bench) -> None:
    """Between the yes and the deletion the account gets somebody's mailbox to own: it is asked again."""
    ada = hire(bench)
    bench.leave(ada)
    bench.run("1m")
    bench.run("7d")
    approve(bench, ada)
    account = bench.systems["crm"].account("ada")
    account["owns"] = [bench.systems["crm"].offer("Shared mailbox")]
    bench.run("90d")

    assert "native-ada" in bench.systems["crm"].accounts
    assert "has lapsed" in told(bench, ada)

    approve(bench, ada)
    bench.run("1m")
    assert "native-ada" not in bench.systems["crm"].accounts
