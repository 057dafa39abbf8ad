"""Rules by container: where an account was before the bridge came says what is for it. An unknown place stops."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.task import TaskState
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import Bench, MemoryConnector, a_rule, a_stage

FOR = {"people": {Action.SUSPEND, Action.MOVE}, "staff": {Action.SUSPEND, Action.MOVE, Action.STAMP}}


@pytest.fixture
def bench(database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Bench:
    def allowed_in(_: MemoryConnector, container: str) -> Collection[Action] | None:
        return FOR.get(container)

    monkeypatch.setattr(MemoryConnector, "allowed_in", allowed_in)
    leaving = a_rule(a_stage("0s", Action.SUSPEND), a_stage("1d", Action.MOVE), a_stage("2d", Action.STAMP))
    return Bench(database, clock, Ruleset((leaving,)))


def in_container(bench: Bench, container: str) -> str:
    """Somebody leaves whose account is there."""
    ada = bench.join("ada")
    bench.systems["crm"].account("ada")["container"] = container
    bench.leave(ada)
    bench.run()
    return ada


def left(bench: Bench, user: str) -> dict[str, TaskState]:
    return bench.states(bench.case(user))


def test_what_is_not_for_a_container_is_left_out_even_once_the_bridge_has_moved_the_account(bench: Bench) -> None:
    ada = in_container(bench, "people")

    bench.run("1d")
    bench.run("1d")

    assert bench.systems["crm"].account("ada")["container"] == "leavers"
    assert left(bench, ada) == {
        "suspend@crm": TaskState.DONE,
        "move@crm": TaskState.DONE,
        "stamp@crm": TaskState.SKIPPED,
    }
    assert bench.tasks(bench.case(ada))[-1].reason == "not for accounts in people"


def test_who_was_in_another_container_gets_what_is_for_that(bench: Bench) -> None:
    ada = in_container(bench, "staff")

    bench.run("1d")
    bench.run("1d")

    assert set(left(bench, ada).values()) == {TaskState.DONE}


def test_whom_somebody_else_has_moved_is_treated_as_where_they_are_now(bench: Bench) -> None:
    ada = in_container(bench, "staff")
    bench.systems["crm"].account("ada")["container"] = "board"

    bench.run("1d")

    assert bench.systems["crm"].account("ada")["container"] == "board"
    assert left(bench, ada)["move@crm"] is TaskState.WAITING


def test_about_an_unknown_container_a_person_decides(bench: Bench) -> None:
    ada = in_container(bench, "board")

    task, *_ = bench.tasks(bench.case(ada))
    assert task.needs_person
    assert task.reason.startswith("protected: in board, ")
    assert not bench.systems["crm"].is_suspended("ada")

    proposal = bench.approving.propose(bench.case(ada).id, None, bench.clock())
    bench.approving.approve(proposal, by="eve", now=bench.clock())
    bench.run()

    assert bench.systems["crm"].is_suspended("ada")


def test_who_is_suspended_already_in_an_unknown_container_needs_nobody(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.systems["crm"].account("ada").update(container="board", suspended=True)

    bench.leave(ada)
    bench.run()

    assert bench.tasks(bench.case(ada))[0].state is TaskState.DONE


def test_everything_is_given_back_wherever_the_account_is(bench: Bench) -> None:
    ada = in_container(bench, "people")
    bench.systems["crm"].account("ada")["container"] = "board"

    bench.come_back(ada)
    bench.run()

    assert not bench.systems["crm"].is_suspended("ada")
