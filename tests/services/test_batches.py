"""Units that share their statements come to what they come to by themselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from scimbridge.domain.action import Action, GuardClass
from scimbridge.domain.case import CaseState
from scimbridge.domain.guard import Guard, GuardScope, Limit
from scimbridge.domain.hold import Scope
from scimbridge.domain.resource import StoredUser
from scimbridge.domain.rule import Rule, Ruleset
from scimbridge.domain.task import TaskState
from scimbridge.errors import NotFoundError, StoreBusyError
from scimbridge.store import batch, identities
from scimbridge.store.database import Database
from scimbridge.store.prepared import driver_of
from scimbridge.store.schema import (
    cases,
    floods,
    guard_counters,
    guard_marks,
    history,
    holds,
    metadata,
    requests,
    resource_counts,
)
from tests.clock import FakeClock
from tests.databases import before_commits, compiled_once
from tests.services.bench import SOURCE, Bench, MemoryTarget, a_rule, a_stage, an_exclusion
from tests.store.crowd import Crowd

Change = Callable[[Mapping[str, Any]], Mapping[str, Any]]
SLOWLY = Ruleset((a_rule(a_stage("7d"), a_stage("30d", Action.DELETE)),))


def setting(**values: Any) -> Change:
    return lambda document: {**document, **values}


def refusing(_document: Mapping[str, Any]) -> Mapping[str, Any]:
    raise ValueError("no")


@contextmanager
def a_bench(folder: Path, template: bytes, rules: Ruleset = SLOWLY, **settings: Any) -> Iterator[Bench]:
    folder.mkdir()
    (folder / "bridge.db").write_bytes(template)
    database = compiled_once(Database(f"sqlite:///{folder / 'bridge.db'}"))
    bench = Bench(database, FakeClock(), rules, **settings)
    yield bench
    bench.writer.close()
    database.close()


@pytest.fixture
def bench(tmp_path: Path, sqlite_template: bytes) -> Iterator[Bench]:
    with a_bench(tmp_path / "bench", sqlite_template) as bench:
        yield bench


@pytest.fixture
def left_alone(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by the id of each identity whose unit leaves its batch."""
    seen: list[str] = []
    joined = batch.Batch.attempt

    def attempt(self: batch.Batch, about: str, unit: Callable[[], object]) -> bool:
        has_joined = joined(self, about, unit)
        if not has_joined:
            seen.append(about)
        return has_joined

    monkeypatch.setattr(batch.Batch, "attempt", attempt)
    return seen


def together(bench: Bench, *changes: tuple[str, Change], source: str = SOURCE) -> list[object]:
    """Several sources' requests arrive while the writer is busy. Returns what each came to."""
    now = bench.clock()
    received = bench.received("PATCH", source)

    def unit(user_id: str, change: Change) -> Callable[[], object]:
        return lambda: bench.intake.change_user(user_id, change, received, now)

    units = [unit(user_id, change) for user_id, change in changes]
    return Crowd(bench.writer).run(*units, about=[user_id for user_id, _ in changes])


def one_by_one(bench: Bench, *changes: tuple[str, Change]) -> list[object]:
    now = bench.clock()
    outcomes: list[object] = []
    for user_id, change in changes:
        try:
            outcomes.append(bench.intake.change_user(user_id, change, bench.received(), now))
        except Exception as error:  # noqa: BLE001 - an outcome like any other
            outcomes.append(error)
    return outcomes


BY_CHANCE = {history.c.id, requests.c.number, resource_counts.c.slot}


def everything(bench: Bench) -> dict[str, list[str]]:
    """All rows of all tables, without what chance has made."""
    with bench.database.read() as tx:
        return {
            table.name: sorted(
                re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\b[0-9a-f]{32,64}\b", "*", str(row))
                for row in tx.execute(select(*(each for each in table.c if each not in BY_CHANCE)))
            )
            for table in metadata.sorted_tables
        }


def told(outcomes: Sequence[object]) -> list[object]:
    return [
        (each.version, each.identity.document, each.groups and each.groups[0].display)
        if isinstance(each, StoredUser)
        else (type(each), re.sub(r"[0-9a-f-]{36}", "*", str(each)))
        for each in outcomes
    ]


def people(bench: Bench) -> dict[str, str]:
    """Somebody in each of the states that a decision looks at."""
    found = {
        name: bench.join(name)
        for name in ("new", "grouped", "left", "twice", "done", "waiting", "deleted", "held", "former", "unassigned")
    }
    bench.group("Staff", found["grouped"])
    bench.clock.advance("1s")
    crm = bench.group("CRM", *(found[name] for name in found if name != "deleted"))
    bench.change_group(crm, remove=[found["former"], found["unassigned"]])
    for name in ("left", "twice", "done", "waiting"):
        bench.leave(found[name])
    bench.come_back(found["twice"])
    bench.delete(found["deleted"])
    bench.clock.advance("8d")
    bench.run()
    bench.leave(found["waiting"])
    return found


ACTIONS: dict[str, Change] = {
    "off": setting(active=False),
    "on": setting(active=True),
    "title": setting(title="Engineer"),
    "nothing": setting(),
    "address": setting(emails=[{"value": "new@example.com"}]),
    "name": setting(userName="grouped"),
    "refused": refusing,
}

RULES: dict[str, Ruleset] = {
    "slowly": SLOWLY,
    "at once": Ruleset((a_rule(),)),
    "for some": Ruleset((a_rule(a_stage("7d"), match='title eq "Engineer" or groups.display eq "CRM"'),)),
    "nothing to do": Ruleset((Rule(name="none", when=a_rule().when, stages=(), restore=a_rule().restore),)),
    "none": Ruleset(()),
}

ARRANGEMENTS: dict[str, Callable[[Bench], object]] = {
    "plain": lambda _: None,
    "an exclusion stands": lambda bench: bench.holding.exclude(
        an_exclusion('userName eq "grouped"'), by="ops", now=bench.clock()
    ),
    "everything is held": lambda bench: bench.holding.place(
        Scope.EVERYTHING, "", reason="audit", by="ops", now=bench.clock()
    ),
}


CIRCUMSTANCES = [
    *(("off", rules, arranged) for rules in RULES for arranged in ARRANGEMENTS),
    *((action, "slowly", "plain") for action in ACTIONS if action != "off"),
]


@pytest.mark.parametrize(("action", "rules", "arranged"), CIRCUMSTANCES)
def test_a_batch_comes_to_the_same_as_one_after_the_other(
    tmp_path: Path, sqlite_template: bytes, action: str, rules: str, arranged: str
) -> None:
    outcomes, stored = [], []
    for number, run in enumerate((together, one_by_one)):
        settings: dict[str, Any] = {"granted_by": {"crm": ["CRM"]}, "systems": {"crm": MemoryTarget()}}
        with a_bench(tmp_path / str(number), sqlite_template, RULES[rules], **settings) as bench:
            found = people(bench)
            ARRANGEMENTS[arranged](bench)
            changes = [(user_id, ACTIONS[action]) for user_id in (*found.values(), "nobody")]
            outcomes.append(told(run(bench, *changes)))
            outcomes.append(told(run(bench, *((user_id, setting(active=True)) for user_id, _ in changes))))
            outcomes.append(sorted(str(each.target) for each in bench.wakeups))  # type: ignore[arg-type]
            stored.append(everything(bench))

    assert outcomes[:3] == outcomes[3:]
    assert stored[0] == stored[1]


def test_deactivations_and_returns_share_their_statements(bench: Bench, left_alone: list[str]) -> None:
    ids = [bench.join(f"user{number}") for number in range(5)]
    executed: list[str] = []
    bench.writer.run(lambda: _trace(bench.database, executed))

    together(bench, *((user_id, setting(active=False)) for user_id in ids))
    together(bench, *((user_id, setting(active=True)) for user_id in ids))

    assert left_alone == []
    assert not [text for text in executed if "SAVEPOINT" in text and "inner_1" in text]
    assert len([text for text in executed if text.startswith("SELECT")]) == 2
    assert {bench.case(user_id).state for user_id in ids} == {CaseState.CANCELED}


def _trace(database: Database, executed: list[str]) -> None:
    with database.write() as tx:
        driver_of(tx).set_trace_callback(executed.append)


def test_of_two_about_the_same_user_the_second_sees_the_first(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")

    first, _, second = together(
        bench, (ada, setting(active=False)), (bob, setting(active=False)), (ada, setting(active=True))
    )

    assert isinstance(first, StoredUser)
    assert isinstance(second, StoredUser)
    assert (first.version, second.version) == (2, 3)
    assert bench.case(ada).state is CaseState.CANCELED
    assert bench.case(bob).state is CaseState.OPEN


def test_one_that_is_refused_undoes_itself_only(bench: Bench) -> None:
    ada, eve, bob = (bench.join(name) for name in ("ada", "eve", "bob"))

    outcomes = together(
        bench, (ada, setting(active=False)), (eve, refusing), ("nobody", setting()), (bob, setting(active=False))
    )

    assert [type(each) for each in outcomes] == [StoredUser, ValueError, NotFoundError, StoredUser]
    assert [len(bench.cases(user_id)) for user_id in (ada, eve, bob)] == [1, 0, 1]


def test_one_that_fails_in_a_batch_is_tried_by_itself(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    runs: list[str] = []

    def fail_once(document: Mapping[str, Any]) -> Mapping[str, Any]:
        runs.append("bob")
        if len(runs) == 1:
            raise KeyError("what the batch does not have")
        return {**document, "active": False}

    outcomes = together(bench, (ada, setting(active=False)), (bob, fail_once))

    assert [type(each) for each in outcomes] == [StoredUser, StoredUser]
    assert runs == ["bob", "bob"]
    assert bench.case(bob).state is CaseState.OPEN


def test_a_user_of_another_source_is_not_found(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob", source="other")

    _, outcome = together(bench, (ada, setting(active=False)), (bob, setting(active=False)))

    assert isinstance(outcome, NotFoundError)
    assert bench.cases(bob) == []


def test_a_hold_that_was_placed_while_they_waited_holds_all(tmp_path: Path, sqlite_template: bytes) -> None:
    with a_bench(tmp_path / "bench", sqlite_template, Ruleset((a_rule(),))) as bench:
        ids = [bench.join(name) for name in ("ada", "bob")]
        now = bench.clock()
        units = [
            lambda user_id=user_id: bench.intake.change_user(user_id, setting(active=False), bench.received(), now)
            for user_id in ids
        ]
        bench.wakeups.clear()

        Crowd(bench.writer).run(
            *units,
            about=ids,
            meanwhile=lambda: bench.holding.place(Scope.EVERYTHING, "", reason="audit", by="ops", now=now),
        )

        assert {state for user_id in ids for state in bench.states(bench.case(user_id)).values()} == {"planned"}
        assert bench.wakeups == []


def test_the_queue_is_told_of_all_after_the_commit(tmp_path: Path, sqlite_template: bytes) -> None:
    with a_bench(tmp_path / "bench", sqlite_template, Ruleset((a_rule(),))) as bench:
        ids = [bench.join(name) for name in ("ada", "bob")]
        bench.wakeups.clear()

        together(bench, *((user_id, setting(active=False)) for user_id in ids), (ids[0], refusing))

        assert {wakeup.account_id for wakeup in bench.wakeups} == {bench.account(user_id).id for user_id in ids}
        assert len(bench.wakeups) == 2


def test_nothing_is_stored_where_the_commit_fails(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    before = everything(bench)

    def fail() -> None:
        raise StoreBusyError("no commit today")

    with before_commits(bench.database, fail):
        outcomes = together(bench, (ada, setting(active=False)), (bob, setting(active=False)))

    assert [type(each) for each in outcomes] == [StoreBusyError, StoreBusyError]
    assert everything(bench) == before


def test_what_a_batch_cannot_write_is_done_one_by_one(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    bench.leave(bob)
    runs: list[str] = []

    def close_the_other(document: Mapping[str, Any]) -> Mapping[str, Any]:
        runs.append("ada")
        if len(runs) == 1:
            with bench.database.write() as tx:  # behind everybody's back
                driver_of(tx).execute("UPDATE cases SET state = 'canceled'")
        return {**document, "active": False}

    outcomes = together(bench, (ada, close_the_other), (bob, setting(active=True)))

    assert all(isinstance(each, StoredUser) for each in outcomes)
    assert runs == ["ada", "ada"]
    assert bench.case(ada).state is CaseState.OPEN
    assert bench.case(bob).reason == "the identity is active again"


def test_a_statement_of_sqlalchemy_s_own_leaves_the_batch(bench: Bench, left_alone: list[str]) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")

    def look(document: Mapping[str, Any]) -> Mapping[str, Any]:
        with bench.database.write() as tx:
            tx.execute(update(cases).values(rule="other"))
        return {**document, "title": "Engineer"}

    together(bench, (ada, setting(active=False)), (bob, look))

    assert left_alone == [bob]
    assert bench.case(ada).rule == "other"


def test_a_question_about_what_waits_leaves_the_batch(bench: Bench, left_alone: list[str]) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")

    def look(document: Mapping[str, Any]) -> Mapping[str, Any]:
        with bench.database.read() as tx:
            seen = identities.user_by_name(tx, SOURCE, "ada")
        assert seen is not None
        return {**document, "title": "left" if not seen.identity.active else "here"}

    _, second = together(bench, (ada, setting(active=False)), (bob, look))

    assert left_alone == [bob]
    assert isinstance(second, StoredUser)
    assert second.identity.document["title"] == "left"


def test_one_that_ends_what_it_began_leaves_the_batch(
    tmp_path: Path, sqlite_template: bytes, left_alone: list[str]
) -> None:
    with a_bench(tmp_path / "bench", sqlite_template, RULES["nothing to do"]) as bench:
        ids = [bench.join(name) for name in ("ada", "bob")]

        together(bench, *((user_id, setting(active=False)) for user_id in ids))

        assert left_alone == ids
        assert {bench.case(user_id).state for user_id in ids} == {CaseState.COMPLETED}


def test_what_was_read_ahead_is_not_believed_after_a_change(bench: Bench, left_alone: list[str]) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")

    def look_again(document: Mapping[str, Any]) -> Mapping[str, Any]:
        bench.intake.change_user(bob, setting(title="Engineer"), bench.received(), bench.clock())
        bench.intake.change_user(bob, setting(nickName="Bobby"), bench.received(), bench.clock())
        return {**document, "nickName": "Bob"}

    together(bench, (ada, setting(active=False)), (bob, look_again))

    assert left_alone == [bob]


def a_guard(count: int, **settings: Any) -> Guard:
    limit = Limit(
        scope=GuardScope.OVERALL,
        subject="",
        guard_class=GuardClass.ALL,
        window=timedelta(hours=24),
        count=count,
        **settings,
    )
    return Guard((limit,))


def test_units_that_the_guard_counts_share_their_statements_below_the_limit(
    tmp_path: Path, sqlite_template: bytes, left_alone: list[str]
) -> None:
    (overall,) = a_guard(10, percent=100).limits
    guard = Guard((overall, replace(overall, guard_class=GuardClass.SUSPEND, percent=None)))
    with a_bench(tmp_path / "bench", sqlite_template, guard=guard) as bench:
        ids = [bench.join(f"user{number}") for number in range(10)]
        for user_id in ids[:2]:  # for the first one there is always room; with the second one those active are counted
            bench.leave(user_id)

        together(bench, *((user_id, setting(active=False)) for user_id in ids[2:]))

        assert left_alone == []
        with bench.database.read() as tx:
            assert tx.execute(select(guard_counters.c.at_most)).scalars().all() == [10, 10]
            assert set(tx.execute(select(guard_marks.c.identity_id)).scalars()) == set(ids)


def test_a_batch_that_goes_over_the_limit_is_held_from_there_on(tmp_path: Path, sqlite_template: bytes) -> None:
    with a_bench(tmp_path / "bench", sqlite_template, Ruleset((a_rule(),)), guard=a_guard(4)) as bench:
        ids = [bench.join(f"user{number}") for number in range(10)]
        bench.leave(ids[0])

        together(bench, *((user_id, setting(active=False)) for user_id in ids[1:]))
        bench.run("1h")

        assert len(bench.systems["crm"].writes) == 0
        assert {task.state for user_id in ids for task in bench.tasks(bench.case(user_id))} == {
            TaskState.READY,
            TaskState.PLANNED,
        }
        with bench.database.read() as tx:
            assert len(tx.execute(select(floods.c.id)).all()) == 1
            assert len(tx.execute(select(holds.c.id)).all()) == 10


def test_the_share_of_a_batch_is_of_those_who_were_active_when_the_window_began(
    tmp_path: Path, sqlite_template: bytes
) -> None:
    (limit,) = a_guard(99, percent=50).limits
    with a_bench(tmp_path / "bench", sqlite_template, guard=Guard((limit,))) as bench:
        ids = [bench.join(f"user{number}") for number in range(4)]
        bench.census.run(bench.clock())
        bench.leave(ids[0])
        bench.clock.advance(limit.window)
        for number in range(9):
            bench.join(f"new{number}")
        bench.census.run(bench.clock())

        together(bench, *((user_id, setting(active=False)) for user_id in ids[1:]))

        with bench.database.read() as tx:
            (flood,) = tx.execute(select(floods.c.reason)).scalars()
        assert flood.endswith("50% of 4 that were active")


def test_a_unit_that_fails_in_a_batch_is_not_counted(tmp_path: Path, sqlite_template: bytes) -> None:
    with a_bench(tmp_path / "bench", sqlite_template, guard=a_guard(2)) as bench:
        ids = [bench.join(f"user{number}") for number in range(3)]
        bench.leave(ids[0])

        together(bench, (ids[1], refusing), (ids[2], setting(active=False)))

        with bench.database.read() as tx:
            assert set(tx.execute(select(guard_marks.c.identity_id)).scalars()) == {ids[0], ids[2]}
            assert tx.execute(select(floods.c.id)).all() == []
