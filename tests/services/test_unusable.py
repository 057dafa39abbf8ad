"""A target whose connector cannot be used: it waits, loses nothing, and stops no other."""

from __future__ import annotations

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.task import TaskState
from scimbridge.domain.trigger import Trigger
from scimbridge.services.story import Stories, waiting_for
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import FEW_ACTIONS, Bench, MemoryConnector, MemoryTarget, a_rule, a_stage

WHY = 'the connector "desk" cannot be loaded'
RULES = Ruleset((a_rule(a_stage("0s", Action.SUSPEND, Action.RELEASE_LICENSES), a_stage("30d", Action.DELETE)),))


def a_bench(database: Database, clock: FakeClock, systems: dict[str, MemoryTarget], *, mended: bool = False) -> Bench:
    """A bridge with a good target and one that cannot be used, or can again; it can do less than the rule asks."""
    unusable = {} if mended else {"desk": WHY}
    return Bench(database, clock, rules=RULES, systems=systems, actions=FEW_ACTIONS, unusable=unusable)


def both() -> dict[str, MemoryTarget]:
    return {"crm": MemoryTarget(), "desk": MemoryTarget()}


def test_the_others_work_and_its_tasks_wait(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, both())
    bench.pausing.run(clock())
    ada = bench.join("ada")

    bench.leave(ada)
    bench.run()

    case = bench.case(ada)
    assert bench.systems["crm"].is_suspended("ada")
    assert bench.systems["desk"].writes == []
    assert bench.states(case) == {
        "suspend@crm": TaskState.DONE,
        "delete@crm": TaskState.PLANNED,
        "suspend@desk": TaskState.READY,
        "release_licenses@desk": TaskState.READY,
        "remove_from_groups@desk": TaskState.PLANNED,
        "delete@desk": TaskState.PLANNED,
    }
    assert [task.attempts for task in bench.tasks(case) if task.target == "desk"] == [0, 0, 0, 0]


def test_operators_are_told_once_and_shown_why(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, both())
    bench.pausing.run(clock())
    bench.pausing.run(clock())
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run()

    crm, desk = bench.overview.targets(clock())
    story = Stories(database, bench.fleet).of(bench.case(ada).id, clock())

    assert bench.alarms == [("desk", WHY)]
    assert (crm.stopped, desk.stopped) == (None, f"cannot be used: {WHY}")
    said = [reason.said for reason in waiting_for(story)]
    assert f"Target desk cannot be used: {WHY}. Its tasks wait." in said
    assert not [each for each in said if "worker" in each], "none would help"
    assert "planned unseen" in bench.events(bench.case(ada))


def test_once_mended_it_does_what_it_can_and_leaves_out_the_rest(
    database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {action: MemoryConnector.capabilities[action] for action in FEW_ACTIONS}
    monkeypatch.setattr(MemoryConnector, "able", staticmethod(lambda _: few))
    systems = both()
    broken = a_bench(database, clock, systems)
    broken.pausing.run(clock())
    ada = broken.join("ada")
    broken.leave(ada)
    broken.run()

    bench = a_bench(database, clock, systems, mended=True)
    bench.run()
    waiting = bench.states(bench.case(ada))["suspend@desk"]
    bench.operating.resume("desk", by="olga", now=clock())
    bench.run()

    left_out = next(task for task in bench.tasks(bench.case(ada)) if task.action is Action.RELEASE_LICENSES)
    assert waiting is TaskState.READY
    assert bench.systems["desk"].is_suspended("ada")
    assert (left_out.state, left_out.reason) == (TaskState.SKIPPED, "left out: the connector cannot release_licenses")


def test_whoever_returns_meanwhile_is_not_touched_when_it_is_mended(database: Database, clock: FakeClock) -> None:
    systems = both()
    broken = a_bench(database, clock, systems)
    broken.pausing.run(clock())
    ada = broken.join("ada")
    broken.leave(ada)
    broken.run()
    broken.come_back(ada)
    broken.run()

    bench = a_bench(database, clock, systems, mended=True)
    bench.operating.resume("desk", by="olga", now=clock())
    bench.run("31d")

    assert systems["desk"].writes == []
    assert not systems["crm"].is_suspended("ada")


def test_resumed_before_it_is_mended_it_is_paused_again_at_the_first_attempt(
    database: Database, clock: FakeClock
) -> None:
    bench = a_bench(database, clock, both())
    ada = bench.join("ada")

    bench.leave(ada)
    bench.run()

    (task, *_) = (task for task in bench.tasks(bench.case(ada)) if task.target == "desk")
    assert (task.state, task.reason) == (TaskState.READY, WHY)
    assert bench.alarms == [("desk", WHY)]


def test_a_rehearsal_says_so(database: Database, clock: FakeClock) -> None:
    from scimbridge.services.rehearsal import Rehearsing, words

    bench = a_bench(database, clock, both())
    bench.join("ada")

    (rehearsal,) = Rehearsing(database, bench.fleet, RULES, bench.guard, ()).rehearse("ada", Trigger.DELETED, clock())

    assert [said for said in words.after(rehearsal) if said.startswith(f"desk cannot be used: {WHY}.")]
    assert rehearsal.left_out == {Action.RELEASE_LICENSES: ["crm"]}
