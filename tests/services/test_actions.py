"""What the engine does around each action: what it hands over, what it waits for, what it lets go. On both stores."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.exclusion import Exclusion, Spared
from scimbridge.domain.rule import Ruleset, Terms
from scimbridge.domain.task import TaskState
from scimbridge.sdk import RetryableError
from scimbridge.store import holds, schema, snapshots, tasks
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import Bench, MemoryConnector, MemoryTarget, a_rule, a_stage
from tests.services.kept import rows

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def a_bench(database: Database, clock: FakeClock, *actions: Action, exclusions: Any = (), **terms: Any) -> Bench:
    stage = replace(a_stage("0s", *actions), terms=Terms(**terms))
    return Bench(database, clock, Ruleset((a_rule(stage),), exclusions))


def arrive(bench: Bench, name: str = "ada", *, attributes: dict[str, Any] | None = None, **values: Any) -> str:
    bench.systems["crm"].add(name, **values)
    user = bench.join(name, everywhere=False, **(attributes or {}))
    bench.run()
    return user


def leave(bench: Bench, user: str) -> None:
    bench.leave(user)
    bench.run()


def the_task(bench: Bench, user: str) -> Any:
    (task,) = bench.tasks(bench.case(user))
    return task


def reports_to(manager: str) -> dict[str, Any]:
    return {ENTERPRISE: {"manager": {"value": manager}}}


# -- successors


def test_the_manager_gets_what_the_leaver_owns(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, Action.TRANSFER_OWNERSHIP, successor="manager")
    crm = bench.systems["crm"]
    grace = arrive(bench, "grace")
    ada = arrive(bench, owns=("Roadmap", "Budget"), attributes=reports_to(grace))

    leave(bench, ada)
    bench.run()

    assert crm.names("grace", "owns") == ["Budget", "Roadmap"]
    assert crm.names("ada", "owns") == []
    assert the_task(bench, ada).state is TaskState.DONE


def test_a_named_successor_gets_the_mail(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, Action.REDIRECT_MAIL, successor="grace")
    arrive(bench, "grace")
    ada = arrive(bench)

    leave(bench, ada)

    assert bench.systems["crm"].account("ada")["mail_to"] == "grace"


def test_mail_that_goes_to_the_successor_already_is_left_as_it_is(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, Action.REDIRECT_MAIL, successor="grace")
    arrive(bench, "grace")
    ada = arrive(bench)
    bench.systems["crm"].account("ada")["mail_to"] = "grace"

    leave(bench, ada)

    assert the_task(bench, ada).reason == "was already so; nothing was written"
    assert bench.systems["crm"].writes == []
    (proof,) = (row["evidence"] for row in rows(bench, schema.tasks))
    assert proof["before"] == proof["after"]


@pytest.mark.parametrize(
    ("manager", "why"),
    [
        ("nobody", "does not say who that is"),
        ("gone", "has left, too"),
        ("without account", "has no account at crm"),
        ("twofold", "several accounts match"),
    ],
)
def test_a_successor_is_never_guessed(database: Database, clock: FakeClock, manager: str, why: str) -> None:
    bench = a_bench(database, clock, Action.TRANSFER_OWNERSHIP, successor="manager")
    crm = bench.systems["crm"]
    people = {
        "nobody": "0000",
        "gone": arrive(bench, "gone"),
        "without account": bench.join("homeless", everywhere=False),
        "twofold": arrive(bench, "twofold"),
    }
    crm.accounts["native-second"] = dict(crm.account("twofold"))
    bench.leave(people["gone"])
    ada = arrive(bench, owns=("Roadmap",), attributes=reports_to(people[manager]))

    leave(bench, ada)

    task = the_task(bench, ada)
    assert task.needs_person
    assert why in task.reason
    assert task.reason.endswith("or mend that and retry the case")
    assert crm.names("ada", "owns") == ["Roadmap"]


def test_a_successor_who_is_found_later_is_taken_by_a_retry(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, Action.TRANSFER_OWNERSHIP, successor="grace")
    ada = arrive(bench, owns=("Roadmap",))
    leave(bench, ada)
    arrive(bench, "grace")

    bench.operating.retry(bench.case(ada).id, by="eve", now=clock())
    bench.run()

    assert bench.systems["crm"].names("grace", "owns") == ["Roadmap"]


def test_who_owns_nothing_needs_no_successor(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, Action.TRANSFER_OWNERSHIP, successor="manager")
    ada = arrive(bench)

    leave(bench, ada)

    assert the_task(bench, ada).state is TaskState.DONE


# -- groups


def test_an_excluded_group_keeps_its_members(database: Database, clock: FakeClock) -> None:
    spared = Exclusion(reason="break glass", spared=Spared.GROUP, subject="ON CALL", target="crm")
    bench = a_bench(database, clock, Action.REMOVE_FROM_GROUPS, exclusions=(spared,))
    ada = arrive(bench, groups=("Sales", "On Call", "Board"))
    by_hand = Exclusion(reason="until Monday", spared=Spared.GROUP, subject="Board")
    bench.holding.exclude(by_hand, by="eve", now=clock())

    leave(bench, ada)

    assert bench.systems["crm"].names("ada", "groups") == ["Board", "On Call"]


def test_only_what_the_stage_names_is_taken(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, Action.REMOVE_FROM_GROUPS, Action.RELEASE_LICENSES, only=("Sales VPN", "Drawing"))
    ada = arrive(bench, groups=("Sales", "Sales VPN"), licenses=("Office", "Drawing"))

    leave(bench, ada)

    assert bench.systems["crm"].names("ada", "groups") == ["Sales"]
    assert bench.systems["crm"].names("ada", "licenses") == ["Office"]


def test_groups_go_before_the_account_although_nobody_says_so(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, Action.DELETE)
    ada = arrive(bench, groups=("Sales",))

    leave(bench, ada)

    assert [what for what, _ in bench.systems["crm"].writes] == ["remove_from_groups", "delete"]


# -- the stamp


def test_the_stamp_says_when_the_account_is_deleted(database: Database, clock: FakeClock) -> None:
    rules = Ruleset((a_rule(a_stage("0s", Action.STAMP), a_stage("30d", Action.DELETE)),))
    bench = Bench(database, clock, rules)
    ada = arrive(bench, note="Third floor")

    leave(bench, ada)

    until = f"{clock() + timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}"
    assert bench.systems["crm"].account("ada")["note"] == f"Third floor [To Be Deleted {until}]"


# -- work that the target does by itself


def test_a_target_that_works_by_itself_is_asked_again_without_beginning_anew(
    database: Database, clock: FakeClock
) -> None:
    bench = a_bench(database, clock, Action.ARCHIVE)
    crm = bench.systems["crm"]
    crm.archive_answers = 3
    ada = arrive(bench)

    leave(bench, ada)
    task = the_task(bench, ada)
    assert (task.state, task.attempts, task.handle) == (TaskState.WAITING, 0, "archive-0")
    for _ in range(3):
        bench.run("5s")

    assert the_task(bench, ada).state is TaskState.DONE
    assert crm.account("ada")["archived"]
    assert [what for what, _ in crm.writes] == ["archive"]


def test_an_error_while_the_target_works_does_not_lose_the_handle(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, Action.ARCHIVE)
    crm = bench.systems["crm"]
    crm.archive_answers = 1
    ada = arrive(bench)
    leave(bench, ada)
    bench.fail(RetryableError("503"))

    bench.run("5s")
    bench.run("1h")
    bench.run("1h")

    assert the_task(bench, ada).state is TaskState.DONE
    assert [what for what, _ in crm.writes] == ["archive"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_no_read_can_show_is_recorded_as_the_word_of_the_target(
    database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    able = {
        action: replace(can, verified=action is not Action.SUSPEND)
        for action, can in MemoryConnector.capabilities.items()
    }
    monkeypatch.setattr(MemoryConnector, "able", staticmethod(lambda _: able))
    bench = a_bench(database, clock, Action.SUSPEND)
    ada = arrive(bench)

    leave(bench, ada)

    assert the_task(bench, ada).reason == "done, as the target says; nothing tells whether it had an effect"


# -- letting an account go


def test_a_disconnected_account_is_marked_let_go_and_never_taken_up_again(database: Database, clock: FakeClock) -> None:
    rules = Ruleset((a_rule(a_stage("0s", Action.SUSPEND), a_stage("1d", Action.DISCONNECT)),))
    bench = Bench(database, clock, rules)
    crm = bench.systems["crm"]
    ada = arrive(bench)
    leave(bench, ada)
    bench.run("1d")
    assert crm.account("ada")["unmanaged"]
    assert bench.account(ada).native_id is None
    crm.account("ada")["unmanaged"] = False  # the mark alone is not what keeps it away
    crm.writes.clear()

    bench.come_back(ada)
    bench.run()
    bench.say(ada, externalId="another")
    bench.run("1h")
    leave(bench, ada)
    bench.run("2d")

    assert crm.writes == []
    assert bench.account(ada).native_id is None
    assert {task.state for task in bench.tasks(bench.cases(ada)[-1])} == {TaskState.SKIPPED}
    with database.read() as tx:
        assert snapshots.standing(tx, "crm", "native-ada") is None
        assert [each.subject for each in holds.standing_exclusions(tx)] == ["native-ada"]


def test_an_account_is_let_go_only_once_its_mark_was_read_back(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, Action.DISCONNECT)
    bench.systems["crm"].is_lying = True
    ada = arrive(bench)

    leave(bench, ada)

    assert the_task(bench, ada).state is TaskState.WAITING
    assert bench.account(ada).native_id == "native-ada"


# -- what the account itself says


def test_an_account_that_is_marked_as_not_managed_is_left_alone(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, Action.SUSPEND)
    ada = arrive(bench)
    bench.systems["crm"].account("ada")["unmanaged"] = True

    leave(bench, ada)

    assert the_task(bench, ada).state is TaskState.SKIPPED
    assert the_task(bench, ada).reason == "the account is marked at the target as not managed by the bridge"
    assert bench.systems["crm"].writes == []


@pytest.mark.parametrize("action", [Action.TRANSFER_OWNERSHIP, Action.REDIRECT_MAIL, Action.HIDE_FROM_DIRECTORY])
def test_an_archived_account_has_nothing_left_to_hand_over(
    database: Database, clock: FakeClock, action: Action
) -> None:
    bench = a_bench(database, clock, action, successor="manager")
    ada = arrive(bench, owns=("Roadmap",), archived=True)

    leave(bench, ada)

    assert the_task(bench, ada).state is TaskState.SKIPPED
    assert the_task(bench, ada).reason == "the account is archived already"
    assert bench.systems["crm"].writes == []


def test_an_action_that_one_target_lacks_is_left_out_there(database: Database, clock: FakeClock) -> None:
    rules = Ruleset((a_rule(a_stage("0s", Action.SUSPEND, Action.MOVE)),))
    bench = Bench(database, clock, rules, {"crm": MemoryTarget()}, actions=(Action.SUSPEND, Action.RESTORE))
    ada = arrive(bench)

    leave(bench, ada)

    assert bench.states(bench.case(ada)) == {"suspend@crm": TaskState.DONE}


# -- proof


def test_what_was_read_before_and_after_is_kept_as_proof_without_names(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, Action.REMOVE_FROM_GROUPS)
    ada = arrive(bench, groups=("Sales", "Sales VPN"), licenses=("Office",))

    leave(bench, ada)

    with database.read() as tx:
        (row,) = tasks.task_rows_of_case(tx, bench.case(ada).id)
    assert row["evidence"]["before"] | {"groups": 2, "licenses": 1, "suspended": False} == row["evidence"]["before"]
    assert row["evidence"]["after"] | {"groups": 0, "licenses": 1, "suspended": False} == row["evidence"]["after"]
    assert "Sales" not in str(row["evidence"])
