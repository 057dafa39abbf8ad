"""A rehearsal shows what would keep work from being done, or move it; and what the guard would say."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from scimbridge.domain.action import Action, GuardClass
from scimbridge.domain.capability import Capability
from scimbridge.domain.exclusion import Exclusion, Spared
from scimbridge.domain.guard import Guard, GuardScope, Limit
from scimbridge.domain.hold import Scope
from scimbridge.domain.leavers import read_leavers
from scimbridge.domain.rule import Ruleset, Stage, Terms
from scimbridge.domain.schedule import Freeze
from scimbridge.domain.trigger import Trigger
from scimbridge.errors import StoreError
from scimbridge.sdk import Mode
from scimbridge.services.fleet import Fleet, Target
from scimbridge.services.rehearsal import Rehearsal, RehearsedTask, Rehearsing, words
from scimbridge.store.database import Database
from scimbridge.store.schema import sources
from tests.clock import FakeClock
from tests.services.bench import Bench, MemoryTarget, a_rule, a_stage

DAY = timedelta(days=1)
LIMIT = Limit(
    scope=GuardScope.OVERALL, subject="", guard_class=GuardClass.ALL, window=timedelta(hours=1), count=2, percent=None
)


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    systems = {"crm": MemoryTarget(), "dir": MemoryTarget()}
    actions = (Action.SUSPEND, Action.RESTORE, Action.DELETE)
    return Bench(database, clock, Ruleset((a_rule(a_stage("7d")),)), systems, actions=actions)


def rehearse(bench: Bench, *stages: Stage, name: str = "ada", **more: Any) -> Rehearsal:
    settings = {key: more.pop(key) for key in ("guard", "freezes", "fleet") if key in more}
    rules = Ruleset((a_rule(*stages, **more),))
    fleet = settings.pop("fleet", bench.fleet)
    (found,) = Rehearsing(bench.database, fleet, rules, **settings).rehearse(name, Trigger.DEACTIVATED, bench.clock())
    return found


def tasks(rehearsal: Rehearsal) -> list[RehearsedTask]:
    return [task for stage in rehearsal.stages for task in stage.tasks]


def notes(rehearsal: Rehearsal) -> list[str]:
    return [note for stage in rehearsal.stages for task in stage.tasks for note in words.notes(stage, task)]


def file_of(names: Iterable[str]) -> bytes:
    return "\n".join(("userName", *names)).encode()


def test_each_target_has_its_own_grace(bench: Bench) -> None:
    bench.join("ada")
    stage = Stage(after=DAY, actions=(Action.SUSPEND,), grace={"dir": 3 * DAY})

    found = rehearse(bench, stage)

    assert {task.target: task.released_at for task in tasks(found)} == {"crm": bench.at("1d"), "dir": bench.at("3d")}


def test_a_schedule_and_a_freeze_move_the_release_and_are_named(bench: Bench) -> None:
    bench.join("ada")
    terms = Terms(approvers=2, schedule="0 22 * * 1-5", timezone="Europe/Berlin", window=timedelta(hours=2))
    freeze = Freeze(bench.at("6d"), bench.at("9d"), "year end")
    suspend = Stage(after=5 * DAY, actions=(Action.SUSPEND,), terms=terms)

    found = rehearse(bench, suspend, a_stage("7d", Action.DELETE), freezes=(freeze,))

    # Saturday morning: the next weekday at 22:00 in Berlin is Monday, 21:00 UTC.
    assert [task.released_at for task in tasks(found)] == [
        *(bench.at("7d").replace(hour=21) for _ in range(2)),
        *(bench.at("9d") for _ in range(2)),
    ]
    assert notes(found)[1:3] == [
        "waits for approval by 2 operators",
        'released at "0 22 * * 1-5" (Europe/Berlin), within 2h',
    ]
    assert notes(found)[-1] == "after a freeze"


def test_a_prerequisite_says_what_it_is_there_for(bench: Bench) -> None:
    bench.join("ada")
    can = {action: Capability(action=action) for action in (Action.REMOVE_FROM_GROUPS, Action.DELETE)}
    target = Target(name="crm", kind="x", mode=Mode.ENFORCE, concurrency=1, interval=None, match={}, abilities=can)

    found = rehearse(bench, a_stage("7d", Action.DELETE), fleet=Fleet({"crm": target}, lambda _name: None))  # type: ignore[arg-type,return-value]

    assert [(task.action, task.because_of) for task in tasks(found)] == [
        (Action.REMOVE_FROM_GROUPS, Action.DELETE),
        (Action.DELETE, None),
    ]
    assert notes(found) == ["the account's state is kept first, for undo", "because of delete"]


def test_a_hook_and_the_holds_that_would_stop_it_are_named(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.join("ben")
    for scope, subject in ((Scope.IDENTITY, ada), (Scope.TARGET, "crm"), (Scope.SOURCE, "idp"), (Scope.EVERYTHING, "")):
        bench.holding.place(scope, subject, reason=f"for {scope}", by="legal", now=bench.clock.advance("1s"))

    ada_said = list(words.before(rehearse(bench, hook="hr")))
    ben_said = list(words.before(rehearse(bench, name="ben", exclude_targets=frozenset({"crm"}))))

    assert ada_said[0] == "The hook 'hr' is asked first; until it answers, nothing happens."
    assert [sentence.partition(":")[0] for sentence in ada_said[1:]] == [
        f"On hold (identity {ada})",
        *("On hold (target crm)", "On hold (source idp)", "On hold (everything)"),
    ]
    assert [sentence.partition(":")[0] for sentence in ben_said] == ["On hold (source idp)", "On hold (everything)"]


def test_an_open_case_is_named_with_what_the_fact_would_add(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    case = bench.case(ada)
    bench.holding.place(Scope.CASE, case.id, reason="wait", by="legal", now=bench.clock())

    more = rehearse(bench, a_stage("1d"), a_stage("9d", Action.DELETE))
    nothing = rehearse(bench, a_stage("8d"))

    assert [task.action for task in tasks(more)] == [Action.DELETE, Action.DELETE]
    assert next(iter(words.before(more))) == (
        f"Case {case.id} is open: the fact is recorded on it, the tasks below are added, and 2 of its tasks are due "
        "earlier."
    )
    assert [hold.reason for hold in more.held] == ["wait"]
    assert next(iter(words.before(nothing))).endswith("the fact is recorded on it, nothing is added.")


def test_what_is_spared_and_what_is_contested_is_said_at_its_task(bench: Bench) -> None:
    bench.join("ada")
    bench.join("ada", source="hr", everywhere=False)
    bench.run()
    spared = Exclusion(spared=Spared.TARGET, subject="dir", reason="frozen system")
    bench.holding.exclude(spared, by="ops", now=bench.clock())

    rules = Ruleset((a_rule(),))
    found = Rehearsing(bench.database, bench.fleet, rules).rehearse("ada", Trigger.DELETED, bench.clock())[0]

    said = {task.target: (task.spared, task.contested) for task in tasks(found)}
    assert said == {"crm": (None, True), "dir": ("frozen system", True)}


def test_an_armed_target_is_planned_as_one_that_acts(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, modes={"crm": Mode.OBSERVE})
    bench.join("ada")
    before = tasks(rehearse(bench))[0].observed
    bench.arming.arm("crm", span=timedelta(hours=1), reason="pilot", by="olga", now=bench.clock())

    assert (before, tasks(rehearse(bench))[0].observed) == (True, False)


# -- the guard


def test_the_guard_says_at_which_line_it_would_stop_and_holds_what_follows(bench: Bench) -> None:
    for name in ("ada", "ben", "cid", "dan"):
        bench.join(name)
    rehearsing = Rehearsing(bench.database, bench.fleet, Ruleset((a_rule(),)), Guard((LIMIT,)))

    found = rehearsing.rehearse_file(
        read_leavers(file_of(["ada", "eve", "ben", "cid", "dan"])), Trigger.DEACTIVATED, bench.clock()
    )

    assert [(trip.line, trip.limit) for trip in found.trips] == [(5, LIMIT)]
    assert {
        line.number: [answer.is_held for one in line.rehearsals for answer in one.guard] for line in found.lines
    } == {
        2: [False],
        3: [],
        4: [False],
        5: [True],
        6: [True],
    }


def test_the_guard_counts_who_left_already_and_who_is_named_twice_once(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, guard=Guard((LIMIT,)))
    people = [bench.join(name) for name in ("ada", "ben", "cid")]
    bench.leave(people[0])

    (again,) = rehearse(bench, a_stage("1d", Action.DELETE), guard=Guard((LIMIT,))).guard
    (one_more,) = rehearse(bench, name="ben", guard=Guard((LIMIT,))).guard
    bench.leave(people[1])
    (too_many,) = rehearse(bench, name="cid", guard=Guard((LIMIT,))).guard
    bench.clock.advance("1h")
    (later,) = rehearse(bench, name="cid", guard=Guard((LIMIT,))).guard

    assert [(answer.counted, answer.is_held) for answer in (again, one_more, too_many, later)] == [
        *((1, False), (2, False), (3, True), (1, False)),
    ]


def test_an_open_flood_holds_whoever_comes(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, guard=Guard((LIMIT,)))
    for name in ("ada", "ben", "cid"):
        bench.leave(bench.join(name))
    bench.join("dan")
    bench.clock.advance("2h")

    found = rehearse(bench, name="dan", guard=Guard((LIMIT,)))

    (answer,) = found.guard
    assert (answer.counted, answer.is_held) == (1, True)
    assert answer.flood_id is not None
    assert f"scimbridge guard show {answer.flood_id}" in next(words.before(found))


def test_what_is_only_observed_does_not_count(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, modes={"crm": Mode.OBSERVE})
    bench.join("ada")

    assert rehearse(bench, guard=Guard((LIMIT,))).guard == ()


def test_a_share_is_of_those_who_are_active(bench: Bench) -> None:
    for name in ("ada", "ben", "cid", "dan"):
        bench.join(name)
    limit = Limit(scope=GuardScope.SOURCE, subject="idp", guard_class=GuardClass.SUSPEND, window=DAY, percent=50.0)

    (answer,) = rehearse(bench, guard=Guard((limit,))).guard

    assert (answer.counted, answer.most) == (1, 2.0)


# -- nothing is touched


def test_the_store_itself_refuses_to_write_in_a_view(database: Database) -> None:
    with pytest.raises((StoreError, DBAPIError)), database.view() as tx:  # noqa: PT012 - the view is what is tested
        assert tx.execute(text("SELECT 1")).scalar_one() == 1
        tx.execute(insert(sources).values(name="intruder", created_at=FakeClock().now))

    with database.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM sources WHERE name = 'intruder'")).scalar_one() == 0
    with database.write() as tx:
        tx.execute(insert(sources).values(name="okta", created_at=FakeClock().now))


def test_a_view_shows_one_moment(database: Database) -> None:
    count = text("SELECT count(*) FROM sources")
    with database.view() as tx:
        before = tx.execute(count).scalar_one()
        with database.write() as other:
            other.execute(insert(sources).values(name="okta", created_at=FakeClock().now))
        assert tx.execute(count).scalar_one() == before


def test_everything_that_is_rehearsed_is_read_in_a_view(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.leave(bench.join("ada"))
    rehearsing = Rehearsing(bench.database, bench.fleet, bench.rules, Guard((LIMIT,)))

    def refuse() -> None:
        raise AssertionError("a rehearsal asked for a transaction that can write")

    monkeypatch.setattr(bench.database, "write", refuse)
    monkeypatch.setattr(bench.database, "read", refuse)

    assert rehearsing.rehearse("ada", Trigger.DELETED, bench.clock())
    assert rehearsing.rehearse_file(read_leavers(file_of(["ada"])), Trigger.DELETED, bench.clock()).lines
    assert rehearsing.replay(bench.rules, DAY, bench.clock()).facts
