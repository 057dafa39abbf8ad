"""The board says of each case what its own page says, counts exactly, and looks at no more than so many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, update

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.hold import Scope
from scimbridge.domain.rule import Ruleset, Stage, Terms
from scimbridge.domain.situation import CaseQuery, Column, Situation
from scimbridge.domain.task import TaskState
from scimbridge.sdk import RejectedError, RetryableError
from scimbridge.services.board import Board
from scimbridge.services.summing_up import CaseSummary
from scimbridge.store import case_search
from scimbridge.store.board import glance
from scimbridge.store.database import Database
from scimbridge.store.schema import tasks
from tests.clock import FakeClock
from tests.services.bench import Bench, MemoryTarget, a_rule, a_stage
from tests.store.work import work_of

APPROVED = Stage(after=timedelta(), actions=(Action.SUSPEND,), terms=Terms(approvers=1))
RULES = Ruleset(
    (
        a_rule(a_stage("0s"), a_stage("30d"), match='userType eq "Quick"', name="quick"),
        a_rule(APPROVED, match='userType eq "Careful"', name="careful"),
        a_rule(a_stage("7d"), name="leavers"),
    )
)

_MEANS = {
    Situation.NEEDS_PERSON: {Column.NEEDS_PERSON},
    Situation.HELD: {Column.HELD},
    Situation.WORKING: {Column.RECEIVED, Column.REVOKING},
    Situation.RETRYING: {Column.VERIFYING},
    Situation.WAITING: {Column.GRACE, Column.RECEIVED},
    CaseState.COMPLETED: {Column.DONE},
}


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock, RULES, {"crm": MemoryTarget(), "dir": MemoryTarget()})


def leave(bench: Bench, *names: str, **attributes: Any) -> None:
    for name in names:
        bench.leave(bench.join(name, **attributes))


def board(bench: Bench, shown: int = 20) -> dict[str, list[str]]:
    """The names in each column that has any, the first ones first; sees that what is counted is there."""
    found = Board(bench.database).read(bench.clock(), shown=shown)
    assert [one.count for one in found if one.count <= shown] == [len(one.first) for one in found if one.count <= shown]
    assert all(_is_right(one.column, summary) for one in found for summary in one.first)
    return {one.column.value: [summary.user_name for summary in one.first] for one in found if one.count}


def _is_right(column: Column, summary: CaseSummary) -> bool:
    if summary.situation.startswith("waits for approval"):
        return column is Column.NEEDS_PERSON
    return column in _MEANS[Situation(summary.situation)] if summary.case.state == "open" else column is Column.DONE


def everybody_somewhere(bench: Bench) -> None:
    leave(bench, "graced", "later")
    leave(bench, "careful", userType="Careful")
    leave(bench, "asked", userType="Quick")
    bench.fail(RejectedError("protected account"))
    bench.run()
    bench.systems["dir"].fails.append(RetryableError("busy"))
    leave(bench, "tried", userType="Quick")
    bench.run()
    leave(bench, "stopped", "frozen", userType="Quick")
    for name in ("stopped", "later"):
        bench.holding.place(
            Scope.IDENTITY, identity_of(bench, name), reason="litigation", by="legal", now=bench.clock()
        )
    leave(bench, "new", userType="Quick")


def names_of(bench: Bench, query: CaseQuery) -> list[str]:
    return [summary.user_name for summary in bench.overview.list_cases(query, bench.clock())]


def identity_of(bench: Bench, name: str) -> str:
    (one,) = (summary for summary in bench.overview.list_cases(CaseQuery(), bench.clock()) if summary.user_name == name)
    return one.case.identity_id


def test_each_case_stands_in_one_column(bench: Bench) -> None:
    everybody_somewhere(bench)

    assert {column: sorted(names) for column, names in board(bench).items()} == {
        "received": ["frozen", "new"],
        "grace": ["graced"],
        "held": ["later", "stopped"],
        "verifying": ["tried"],
        "needs a person": ["asked", "careful"],
    }


@pytest.mark.parametrize("most", [5000, 1])
@pytest.mark.parametrize("search", [None, "E"])
def test_a_list_finds_the_same_as_a_column(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, most: int, search: str | None
) -> None:
    everybody_somewhere(bench)
    found = {column: [name for name in names if "e" in name or not search] for column, names in board(bench).items()}
    columns = {column: names for column, names in found.items() if names}
    monkeypatch.setattr("scimbridge.store.board.MOST", most)

    listed = {column.value: names_of(bench, CaseQuery(column=column, search=search)) for column in Column}

    assert {column: Counter(names) for column, names in listed.items() if names} == {
        column: Counter(names) for column, names in columns.items()
    }


def test_what_has_begun_is_revoked_until_it_has_ended(bench: Bench) -> None:
    leave(bench, "ada", userType="Quick")
    bench.sweep()
    assert board(bench) == {"received": ["ada"]}

    bench.execution.work(bench.wakeups.pop(0).account_id)
    assert board(bench) == {"revoking": ["ada"]}

    bench.run()
    assert board(bench) == {"grace": ["ada"]}

    bench.run("30d")
    assert board(bench) == {"done": ["ada"]}

    bench.clock.advance("25h")
    assert board(bench) == {}


def test_least_time_left_comes_first(bench: Bench) -> None:
    for name in ("first", "second", "third"):
        leave(bench, name)
        bench.clock.advance("1h")

    assert board(bench)["grace"] == ["first", "second", "third"]
    assert board(bench, shown=1)["grace"] == ["first"]


def test_many_that_are_held_hide_nobody_in_grace(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scimbridge.store.board._AT_ONCE", 2)
    for number in range(5):
        leave(bench, f"held{number}")
        bench.holding.place(
            Scope.IDENTITY, identity_of(bench, f"held{number}"), reason="x", by="legal", now=bench.clock()
        )
    leave(bench, "graced")

    assert board(bench)["grace"] == ["graced"]


@pytest.mark.parametrize(("scope", "subject"), [(Scope.EVERYTHING, ""), (Scope.SOURCE, "idp"), (Scope.TARGET, "dir")])
def test_a_wide_hold_moves_everybody(bench: Bench, scope: Scope, subject: str) -> None:
    leave(bench, "ada", "grace")
    leave(bench, "alan", userType="Quick")

    placed = bench.holding.place(scope, subject, reason="audit", by="legal", now=bench.clock())
    held = board(bench)
    bench.holding.lift(placed.hold.id, by="legal", now=bench.clock())

    assert {column: sorted(names) for column, names in held.items()} == {"held": ["ada", "alan", "grace"]}
    assert set(board(bench)) == {"grace", "received"}


def many_fail(bench: Bench, *names: str) -> None:
    """What is due for some people fails everywhere; what comes later stays planned."""
    for name in names:
        leave(bench, name, userType="Quick")
        bench.clock.advance("1s")
    bench.run()
    with bench.database.write() as tx:
        tx.execute(update(tasks).where(tasks.c.state == TaskState.DONE).values(state=TaskState.FAILED))


def test_of_very_many_that_ask_no_more_are_counted_than_are_looked_at(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_fail(bench, "a", "b", "c", "d", "e", "f")
    leave(bench, "graced")
    leave(bench, "new", userType="Quick")
    monkeypatch.setattr("scimbridge.store.board.MOST", 5)

    seen = {one.column: one for one in Board(bench.database).read(bench.clock(), shown=2)}

    assert {column: (one.count, one.is_part) for column, one in seen.items() if one.count or one.is_part} == {
        Column.RECEIVED: (1, False),
        Column.GRACE: (1, True),
        Column.NEEDS_PERSON: (5, True),
    }
    assert [summary.user_name for summary in seen[Column.GRACE].first] == ["graced"]
    assert len(seen[Column.NEEDS_PERSON].first) == 2
    assert Board(bench.database).counts(bench.clock())[Column.NEEDS_PERSON] == 6


@pytest.mark.parametrize(
    "ask",
    [
        lambda tx, now: glance(tx, now, 2),
        lambda tx, now: case_search.find(tx, CaseQuery(column=Column.NEEDS_PERSON, state=CaseState.OPEN), now, limit=2),
    ],
    ids=["the board", "who needs a person"],
)
def test_it_costs_no_more_where_more_has_failed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, ask: Callable[[Connection, datetime], object]
) -> None:
    monkeypatch.setattr("scimbridge.store.board.MOST", 8)
    monkeypatch.setattr("scimbridge.store.board._AT_ONCE", 4)

    def cost() -> int:
        return work_of(bench.database, lambda tx: ask(tx, bench.clock()))

    many_fail(bench, *(f"some{number}" for number in range(12)))
    few = cost()
    many_fail(bench, *(f"more{number}" for number in range(48)))

    many = cost()

    assert many < 1.5 * few, (few, many)
