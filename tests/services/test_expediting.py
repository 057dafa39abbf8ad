"""Work that skips its grace, and nothing else; on both stores."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.hold import Scope
from scimbridge.domain.leavers import Leaver
from scimbridge.domain.request import Asked
from scimbridge.domain.rule import Rule, Ruleset, Stage, Terms
from scimbridge.domain.schedule import Freeze
from scimbridge.domain.task import Task, TaskState
from scimbridge.errors import CaseClosedError, NotFoundError
from scimbridge.services.expediting import Expedited
from scimbridge.services.timing import Timing
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import Bench, a_rule, a_stage, an_exclusion


def with_terms(stage: Stage, **terms: Any) -> Stage:
    return replace(stage, terms=Terms(**terms))


def deleting(**terms: Any) -> Rule:
    return a_rule(a_stage("7d"), with_terms(a_stage("90d", Action.DELETE), **terms))


def expedite(bench: Bench, user: str, number: int | None = None, task_id: str | None = None) -> Expedited:
    return bench.expediting.expedite(
        bench.open_case(user).id, number=number, task_id=task_id, reason="dismissed", by="grace", now=bench.clock()
    )


def is_deleted(bench: Bench) -> bool:
    return "native-ada" not in bench.systems["crm"].accounts


def task_of(bench: Bench, user: str, action: Action) -> Task:
    return next(task for task in bench.tasks(bench.case(user)) if task.action is action)


def test_emergency_termination(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((deleting(approvers=1),)))
    ada = bench.join("ada")

    bench.requesting.request([Leaver(line=1, user_name="ada")], Asked(reason="dismissed", by="grace"), clock())
    expedite(bench, ada)
    bench.run()

    assert bench.systems["crm"].is_suspended("ada")
    assert not is_deleted(bench)
    assert bench.case(ada).opened_by == "grace"


def test_the_first_stage_that_waits_skips_its_grace_and_no_other(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((deleting(),)))
    ada = bench.join("ada")
    bench.leave(ada)

    came = expedite(bench, ada)
    bench.run()

    assert [task.action for task in came.tasks] == [Action.SUSPEND]
    assert bench.systems["crm"].is_suspended("ada")
    assert not is_deleted(bench)
    assert bench.events(bench.case(ada)).count("task expedited") == 1
    assert task_of(bench, ada, Action.DELETE).due_at == clock.now + timedelta(days=90)


def test_what_cannot_be_undone_can_be_expedited_too_and_keeps_no_distance(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((deleting(),)))
    ada = bench.join("ada")
    bench.leave(ada)
    expedite(bench, ada, 1)
    expedite(bench, ada, 2)

    bench.run()

    assert is_deleted(bench)


def test_one_task_alone_can_be_expedited(database: Database, clock: FakeClock) -> None:
    from tests.services.bench import MemoryTarget

    bench = Bench(database, clock, Ruleset((a_rule(a_stage("7d")),)), {"crm": MemoryTarget(), "dir": MemoryTarget()})
    ada = bench.join("ada")
    bench.leave(ada)
    (crm,) = (task for task in bench.tasks(bench.case(ada)) if task.target == "crm")

    expedite(bench, ada, task_id=crm.id)
    bench.run()

    assert (bench.systems["crm"].is_suspended("ada"), bench.systems["dir"].is_suspended("ada")) == (True, False)


def test_an_approval_is_not_skipped(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((deleting(approvers=1),)))
    ada = bench.join("ada")
    bench.leave(ada)
    expedite(bench, ada, 1)

    came = expedite(bench, ada, 2)
    bench.run()

    assert not is_deleted(bench)
    assert any("waits for approval of stage 2 (0 of 1)" in sentence for sentence in came.still)


def test_a_hold_is_not_skipped(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("7d")),)))
    ada = bench.join("ada")
    bench.leave(ada)
    bench.holding.place(Scope.IDENTITY, ada, reason="litigation", by="legal", now=clock())

    came = expedite(bench, ada)
    bench.run()

    assert bench.systems["crm"].writes == []
    assert any("a hold stands: litigation" in sentence for sentence in came.still)


def test_an_exclusion_is_not_skipped(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("7d")),)))
    ada = bench.join("ada")
    bench.leave(ada)
    bench.holding.exclude(an_exclusion('userName eq "ada"'), by="ops", now=clock())

    expedite(bench, ada)
    bench.run()

    assert bench.systems["crm"].writes == []


def test_a_freeze_is_not_skipped(database: Database, clock: FakeClock) -> None:
    freeze = Freeze(clock.now, clock.now + timedelta(days=10), "closing")
    bench = Bench(database, clock, Ruleset((deleting(),)), timing=Timing(freezes=(freeze,)))
    ada = bench.join("ada")
    bench.leave(ada)
    expedite(bench, ada, 1)
    expedite(bench, ada, 2)

    bench.run()

    assert not is_deleted(bench)
    assert task_of(bench, ada, Action.DELETE).due_at == freeze.end


def test_a_schedule_is_not_skipped(database: Database, clock: FakeClock) -> None:
    nightly = a_rule(with_terms(a_stage("7d"), schedule="0 22 * * *"))
    bench = Bench(database, clock, Ruleset((nightly,)))
    ada = bench.join("ada")
    bench.leave(ada)

    came = expedite(bench, ada)
    bench.run()
    assert bench.systems["crm"].writes == []
    assert any("is released by its schedule alone" in sentence for sentence in came.still)
    bench.run("13h")

    assert bench.systems["crm"].is_suspended("ada")


def test_the_order_is_not_skipped(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((deleting(),)))
    ada = bench.join("ada")
    bench.leave(ada)

    came = expedite(bench, ada, 2)
    bench.run()

    assert not is_deleted(bench)
    assert any(sentence.startswith("stage 1 comes first") for sentence in came.still)


def test_what_is_due_already_is_left_as_it_is(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("7d")),)))
    ada = bench.join("ada")
    bench.leave(ada)
    clock.advance("8d")

    came = expedite(bench, ada)

    assert came.tasks == ()
    assert task_of(bench, ada, Action.SUSPEND).due_at < clock.now


def test_a_deadline_moves_along(database: Database, clock: FakeClock) -> None:
    timing = Timing(deadlines={Action.SUSPEND: timedelta(minutes=5)})
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("7d")),)), timing=timing)
    ada = bench.join("ada")
    bench.leave(ada)

    expedite(bench, ada)

    assert task_of(bench, ada, Action.SUSPEND).deadline_at == clock.now + timedelta(minutes=5)


def test_whoever_returns_is_not_touched_though_it_was_urgent(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("7d")),)))
    ada = bench.join("ada")
    bench.leave(ada)
    expedite(bench, ada)

    bench.come_back(ada)
    bench.run()

    assert bench.systems["crm"].writes == []


def test_what_is_not_there_is_said_so(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("7d")),)))
    ada = bench.join("ada")
    bench.leave(ada)
    case_id = bench.case(ada).id

    with pytest.raises(NotFoundError, match="stage"):
        expedite(bench, ada, 4)
    with pytest.raises(NotFoundError, match="task"):
        expedite(bench, ada, task_id="other")
    bench.come_back(ada)
    with pytest.raises(CaseClosedError):
        bench.expediting.look(case_id, number=None, task_id=None)
    assert bench.case(ada).state == "canceled"
    assert task_of(bench, ada, Action.SUSPEND).state is TaskState.CANCELED
