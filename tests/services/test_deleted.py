"""Deleted accounts come back while their target keeps them, and are purged only while it does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseKind, CaseState
from scimbridge.domain.rule import Ruleset, Terms
from scimbridge.domain.task import Task, TaskState
from scimbridge.sdk import RetryableError
from scimbridge.services.giving_back import Restored
from scimbridge.store import snapshots
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import Bench, MemoryTarget, a_rule, a_stage

TAKEN = (
    a_stage("0s", Action.SUSPEND, Action.HIDE_FROM_DIRECTORY, Action.STAMP, Action.MOVE),
    a_stage("30d", Action.DELETE),
)
FULL: dict[str, Any] = {
    "groups": ("Sales", "VPN"),
    "licenses": ("Office",),
    "note": "Third floor",
    "container": "people",
}
ON_ONE_STORE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # the other one proves nothing more
PURGED = (*TAKEN, replace(a_stage("50d", Action.PURGE), terms=Terms(approvers=1)))


def a_bench(database: Database, clock: FakeClock, *stages: Any, **settings: Any) -> Bench:
    return Bench(database, clock, Ruleset((a_rule(*(stages or TAKEN), version="1"),)), **settings)


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return a_bench(database, clock)


@pytest.fixture
def crm(bench: Bench) -> MemoryTarget:
    return bench.systems["crm"]


def deleted(bench: Bench) -> str:
    """Somebody had everything, has left, and was deleted. Returns the SCIM id."""
    for system in bench.systems.values():
        system.add("ada", **FULL)
    user = bench.join("ada", everywhere=False)
    bench.run()
    bench.leave(user)
    bench.run("0s")
    bench.run("30d")
    assert "native-ada" not in bench.systems["crm"].accounts
    return user


def give_back(bench: Bench, user: str) -> Restored:
    restored = bench.giving_back.restore(bench.case(user).id, reason="a mistake", by="eve", now=bench.clock())
    bench.run()
    return restored


def restoring(bench: Bench, user: str, target: str = "crm") -> dict[Action, Task]:
    (restore,) = (case for case in bench.cases(user) if case.kind is CaseKind.RESTORE)
    return {task.action: task for task in bench.tasks(restore) if task.target == target}


def test_an_operator_brings_back_a_deleted_account_with_all_it_had(bench: Bench, crm: MemoryTarget) -> None:
    ada = deleted(bench)
    crm.writes.clear()

    restored = give_back(bench, ada)

    found = crm.account("ada")
    assert restored.lost == []
    assert [found[each] for each in ("suspended", "hidden", "note", "container")] == [
        *(False, False),
        *(FULL["note"], FULL["container"]),
    ]
    assert crm.names("ada", "groups") == ["Sales", "VPN"]
    assert crm.names("ada", "licenses") == ["Office"]
    assert [what for what, _ in crm.writes[:2]] == ["undelete", "restore"]
    assert {task.state for task in restoring(bench, ada).values()} == {TaskState.DONE}
    with bench.database.read() as tx:
        assert snapshots.standing(tx, "crm", "native-ada") is None


@ON_ONE_STORE
def test_until_when_is_said_where_the_account_goes(bench: Bench) -> None:
    ada = deleted(bench)

    (delete,) = (task for task in bench.tasks(bench.case(ada)) if task.action is Action.DELETE)

    assert delete.reason == f"done, and read back; it can be brought back until {bench.at('30d'):%Y-%m-%d %H:%M} UTC"


def test_once_the_target_keeps_it_no_longer_nothing_is_tried_and_the_date_is_said(
    bench: Bench, crm: MemoryTarget
) -> None:
    ada = deleted(bench)
    until = bench.at("30d")
    bench.run("30d")

    restored = give_back(bench, ada)

    assert restored.lost == [
        ("crm", f"an account that was deleted: the target kept it until {until:%Y-%m-%d %H:%M} UTC")
    ]
    assert Action.UNDELETE not in restoring(bench, ada)
    assert "the account is gone" in restoring(bench, ada)[Action.RESTORE].reason
    assert "native-ada" not in crm.accounts


def test_to_the_last_moment_it_is_brought_back(bench: Bench, crm: MemoryTarget) -> None:
    ada = deleted(bench)
    bench.run("29d")
    bench.run("86399s")

    give_back(bench, ada)

    assert not crm.is_suspended("ada")


@ON_ONE_STORE
def test_who_returns_is_asked_about_a_deleted_account_and_has_the_rest_at_once(
    database: Database, clock: FakeClock
) -> None:
    stages = (TAKEN[0], replace(TAKEN[1], targets=frozenset({"crm"})))
    bench = a_bench(database, clock, *stages, systems={"crm": MemoryTarget(), "mail": MemoryTarget()})
    crm, mail = bench.systems["crm"], bench.systems["mail"]
    ada = deleted(bench)

    bench.come_back(ada)
    bench.run()

    assert not mail.is_suspended("ada")
    assert "native-ada" not in crm.accounts
    asked = restoring(bench, ada)[Action.UNDELETE]
    assert asked.needs_person
    assert f"keeps it until {bench.at('30d'):%Y-%m-%d %H:%M} UTC" in asked.reason
    bench.operating.retry(asked.case_id, by="eve", now=bench.clock())
    bench.run()
    assert crm.names("ada", "licenses") == ["Office"]
    assert not crm.is_suspended("ada")


@ON_ONE_STORE
def test_who_is_created_anew_is_asked_about_the_old_account_and_gets_it_back(bench: Bench, crm: MemoryTarget) -> None:
    old = deleted(bench)
    bench.delete(old)

    ada = bench.join("ada", everywhere=False)
    bench.run()

    assert ada != old
    asked = restoring(bench, ada)[Action.UNDELETE]
    assert (asked.needs_person, "native-ada" in crm.accounts) == (True, False)
    bench.operating.retry(asked.case_id, by="eve", now=bench.clock())
    bench.run()
    assert not crm.is_suspended("ada")
    assert crm.names("ada", "groups") == ["Sales", "VPN"]


@ON_ONE_STORE
def test_an_account_whose_name_somebody_else_has_by_now_is_not_brought_back_for_them_to_find(
    bench: Bench, crm: MemoryTarget
) -> None:
    old = deleted(bench)
    other = bench.join("ada", source="subsidiary", externalId="somebody-else", everywhere=False)
    bench.run()

    give_back(bench, old)

    asked = restoring(bench, old)[Action.UNDELETE]
    assert asked.needs_person
    assert asked.reason.startswith("contested")
    assert "native-ada" not in crm.accounts
    assert bench.account(other).native_id is None


@ON_ONE_STORE
def test_a_deletion_whose_end_nobody_knows_is_undone_with_what_went_with_it(bench: Bench, crm: MemoryTarget) -> None:
    crm.after_write = lose_the_answer(crm, "delete")
    ada = deleted(bench)
    assert bench.states(bench.case(ada))["delete@crm"] is TaskState.WAITING

    give_back(bench, ada)

    assert crm.names("ada", "licenses") == ["Office"]
    assert crm.names("ada", "groups") == ["Sales", "VPN"]


def lose_the_answer(crm: MemoryTarget, what: str) -> Any:
    def lose() -> None:
        if crm.writes[-1][0] == what:
            raise RetryableError("no answer")

    return lose


@ON_ONE_STORE
def test_what_somebody_else_had_taken_before_the_deletion_is_not_given_back(bench: Bench, crm: MemoryTarget) -> None:
    crm.add("ada", **FULL)
    ada = bench.join("ada", everywhere=False)
    bench.run()
    bench.leave(ada)
    bench.run("0s")
    crm.account("ada")["licenses"] = []
    crm.account("ada")["container"] = "board"
    bench.run("30d")

    give_back(bench, ada)

    assert crm.names("ada", "licenses") == []
    assert crm.account("ada")["container"] == "board"
    assert crm.names("ada", "groups") == ["Sales", "VPN"]


@ON_ONE_STORE
def test_what_somebody_changes_after_a_deletion_that_came_to_nothing_stays(bench: Bench, crm: MemoryTarget) -> None:
    crm.add("ada", **FULL)
    ada = bench.join("ada", everywhere=False)
    bench.run()
    bench.leave(ada)
    bench.run("0s")
    # Nothing but the deletion is left to do once the groups are gone.
    crm.before_write = lambda: setattr(crm, "is_lying", crm.names("ada", "groups") == [])
    bench.run("30d")
    assert bench.states(bench.case(ada))["delete@crm"] is TaskState.WAITING
    crm.before_write, crm.is_lying = lambda: None, False
    crm.account("ada").update(container="board", licenses=[])

    give_back(bench, ada)

    assert crm.account("ada")["container"] == "board"
    assert crm.names("ada", "licenses") == []
    assert crm.names("ada", "groups") == ["Sales", "VPN"]


@ON_ONE_STORE
def test_a_name_that_was_taken_meanwhile_asks_a_person(bench: Bench, crm: MemoryTarget) -> None:
    ada = deleted(bench)
    crm.accounts["native-other"] = {"name": "ada", "suspended": False, "groups": [], "licenses": [], "owns": []}

    give_back(bench, ada)

    asked = restoring(bench, ada)[Action.UNDELETE]
    assert asked.needs_person
    assert "another account is called ada by now" in asked.reason
    assert "native-ada" not in crm.accounts
    assert not crm.accounts["native-other"]["suspended"]


@ON_ONE_STORE
def test_what_an_administrator_brought_back_already_is_given_the_rest(bench: Bench, crm: MemoryTarget) -> None:
    ada = deleted(bench)
    crm.bring_back("native-ada")

    give_back(bench, ada)

    assert restoring(bench, ada)[Action.UNDELETE].reason == "was already so; nothing was written"
    assert not crm.is_suspended("ada")
    assert crm.names("ada", "groups") == ["Sales", "VPN"]


@ON_ONE_STORE
def test_what_the_target_does_not_keep_after_all_is_said_once(bench: Bench, crm: MemoryTarget) -> None:
    ada = deleted(bench)
    crm.bin.clear()

    give_back(bench, ada)

    tasks = restoring(bench, ada)
    assert tasks[Action.UNDELETE].needs_person
    assert "the account is gone from the target" in tasks[Action.UNDELETE].reason
    assert {task.state for action, task in tasks.items() if action is not Action.UNDELETE} == {TaskState.SKIPPED}


@ON_ONE_STORE
def test_a_target_that_only_says_that_the_account_is_back_is_not_believed(bench: Bench, crm: MemoryTarget) -> None:
    ada = deleted(bench)
    crm.is_lying = True

    give_back(bench, ada)

    undelete = restoring(bench, ada)[Action.UNDELETE]
    assert undelete.state is TaskState.WAITING
    assert "unchanged" in undelete.reason
    crm.is_lying = False
    arriving = []
    crm.after_write = lambda: arriving.append(crm.accounts.pop("native-ada"))
    bench.run("1h")
    undelete = restoring(bench, ada)[Action.UNDELETE]
    assert undelete.state is TaskState.WAITING
    assert undelete.reason == "the target answered that the account is back, but it is not there yet"
    crm.accounts["native-ada"], crm.after_write = arriving.pop(), lambda: None
    bench.run("1h")
    assert not crm.is_suspended("ada")


@ON_ONE_STORE
def test_who_was_suspended_before_the_bridge_came_comes_back_suspended(bench: Bench, crm: MemoryTarget) -> None:
    crm.add("ada", suspended=True, **FULL)
    ada = bench.join("ada", everywhere=False)
    bench.run()
    bench.leave(ada)
    bench.run("0s")
    bench.run("30d")

    give_back(bench, ada)

    assert crm.is_suspended("ada")
    assert crm.names("ada", "groups") == ["Sales", "VPN"]


# -- purge


def approve(bench: Bench, user: str) -> None:
    proposal = bench.approving.propose(bench.open_case(user).id, None, bench.clock())
    bench.approving.approve(proposal, by="eve", now=bench.clock())
    bench.run()


def test_what_is_left_of_a_deleted_account_is_purged_after_an_approval_of_its_own(
    database: Database, clock: FakeClock
) -> None:
    bench = a_bench(database, clock, *PURGED)
    crm = bench.systems["crm"]
    crm.add("ada", **FULL)
    ada = bench.join("ada", everywhere=False)
    bench.run()
    bench.leave(ada)
    bench.run("0s")
    approve(bench, ada)  # while it is there
    bench.run("30d")
    bench.run("20d")
    assert "native-ada" in crm.bin
    assert bench.states(bench.case(ada))["purge@crm"] is TaskState.PLANNED

    approve(bench, ada)  # of what is left of it

    assert "native-ada" not in crm.bin
    assert bench.case(ada).state is CaseState.COMPLETED
    give_back(bench, ada)
    assert "the account is gone from the target" in restoring(bench, ada)[Action.UNDELETE].reason


@ON_ONE_STORE
def test_an_account_that_is_there_is_never_purged(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, *PURGED)
    crm = bench.systems["crm"]
    ada = deleted(bench)
    crm.bring_back("native-ada")
    approve(bench, ada)

    bench.run("20d")

    assert bench.states(bench.case(ada))["purge@crm"] is TaskState.SKIPPED
    assert "native-ada" in crm.accounts
    assert ("purge", "native-ada") not in crm.writes


@ON_ONE_STORE
def test_who_returns_is_not_purged(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, *PURGED)
    ada = deleted(bench)
    approve(bench, ada)

    bench.come_back(ada)
    bench.run("20d")

    assert "native-ada" in bench.systems["crm"].bin
    (left,) = (case for case in bench.cases(ada) if case.kind is CaseKind.LEAVE)
    assert bench.states(left)["purge@crm"] is TaskState.CANCELED


@ON_ONE_STORE
def test_a_target_that_lies_has_purged_nothing(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, *PURGED[:-1], a_stage("50d", Action.PURGE))
    ada = deleted(bench)
    bench.systems["crm"].is_lying = True

    bench.run("20d")

    assert bench.states(bench.case(ada))["purge@crm"] is TaskState.WAITING
    bench.systems["crm"].is_lying = False
    bench.run("1h")
    assert bench.states(bench.case(ada))["purge@crm"] is TaskState.DONE
