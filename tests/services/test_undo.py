"""What was taken is given back: in order, as far as it is the bridge's, and what is not is said. On both stores."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.case import Case, CaseKind, CaseState
from scimbridge.domain.leavers import Leaver
from scimbridge.domain.request import Asked
from scimbridge.domain.rule import Restore, Ruleset, Terms
from scimbridge.domain.task import TaskState
from scimbridge.errors import RestoreRefusedError
from scimbridge.sdk import NativeState, RejectedError, RetryableError
from scimbridge.store import schema, snapshots
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import Bench, MemoryConnector, MemoryTarget, a_rule, a_stage
from tests.services.kept import rows

TAKEN = (
    a_stage("0s", Action.SUSPEND, Action.REVOKE_SESSIONS),
    a_stage("7d", Action.REMOVE_FROM_GROUPS, Action.RELEASE_LICENSES, Action.HIDE_FROM_DIRECTORY, Action.STAMP),
    a_stage("14d", Action.MOVE),
    a_stage("90d", Action.DELETE),
)
FULL: dict[str, Any] = {
    "groups": ("Sales", "Sales VPN"),
    "licenses": ("Office",),
    "note": "Third floor",
    "container": "people",
}


def a_bench(database: Database, clock: FakeClock, *stages: Any, **settings: Any) -> Bench:
    return Bench(database, clock, Ruleset((a_rule(*(stages or TAKEN), **settings),)))


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return a_bench(database, clock)


@pytest.fixture
def crm(bench: Bench) -> MemoryTarget:
    return bench.systems["crm"]


def arrive(bench: Bench, name: str = "ada", **values: Any) -> str:
    """Somebody is created in the source, and has everything at the target."""
    bench.systems["crm"].add(name, **{**FULL, **values})
    user = bench.join(name, everywhere=False)
    bench.run()
    return user


def test_all_that_undo_needs_is_read_once_before_an_account_is_first_touched(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, asked = arrive(bench), []

    def read_first(connector: MemoryConnector, action: Action, native_id: str) -> NativeState:
        asked.append(action)
        return connector.read_for(action, native_id)

    monkeypatch.setattr(MemoryConnector, "read_first", read_first)
    bench.leave(user)
    bench.run("14d")

    assert asked == [Action.SUSPEND]


def restore_of(bench: Bench, user: str) -> Case:
    return next(case for case in bench.cases(user) if case.kind is CaseKind.RESTORE)


def reason(bench: Bench, case: Case, action: Action) -> str:
    return next(task.reason for task in bench.tasks(case) if task.action is action)


def stands(bench: Bench, name: str = "ada") -> bool:
    with bench.database.read() as tx:
        return snapshots.standing(tx, "crm", f"native-{name}") is not None


@pytest.mark.parametrize("day", [0, 1, 7, 8, 14, 89])
def test_who_returns_on_any_day_has_everything_again(bench: Bench, crm: MemoryTarget, day: int) -> None:
    ada = arrive(bench)
    before = crm.get("native-ada")
    assert before is not None
    bench.leave(ada)
    bench.run("0s")
    for _ in range(day):
        bench.run("1d")

    bench.come_back(ada)
    bench.run()

    assert crm.get("native-ada") == replace(before, sessions=0)
    assert restore_of(bench, ada).state is CaseState.COMPLETED
    assert not stands(bench)
    bench.run("400d")
    assert "native-ada" in crm.accounts


def test_what_is_taken_after_a_clock_was_set_back_is_given_back_all_the_same(
    database: Database, clock: FakeClock
) -> None:
    bench = a_bench(database, clock, a_stage("0s"), a_stage("1m", Action.REMOVE_FROM_GROUPS))
    ada = arrive(bench)
    bench.leave(ada)
    bench.run()
    clock.advance("1m")
    bench.sweep()
    clock.now -= timedelta(hours=2)
    bench.work()
    assert bench.systems["crm"].names("ada", "groups") == []

    bench.come_back(ada)
    bench.run()

    assert bench.systems["crm"].names("ada", "groups") == ["Sales", "Sales VPN"]


def test_only_what_was_begun_is_undone_and_access_comes_first(bench: Bench, crm: MemoryTarget) -> None:
    ada = arrive(bench)
    bench.leave(ada)
    bench.run("7d")
    bench.run("7d")
    crm.writes.clear()

    bench.come_back(ada)
    bench.run()

    assert list(dict.fromkeys(what for what, _ in crm.writes)) == [
        "restore",
        "move_back",
        "unstamp",
        "assign_licenses",
        "add_to_groups",
        "show_in_directory",
    ]


def test_who_returns_before_anything_was_done_needs_no_restore(bench: Bench, crm: MemoryTarget) -> None:
    ada = arrive(bench)
    bench.leave(ada)

    bench.come_back(ada)
    bench.run("100d")

    assert [(case.kind, case.state) for case in bench.cases(ada)] == [(CaseKind.LEAVE, CaseState.CANCELED)]
    assert crm.writes == []


def test_who_returns_while_an_action_runs_gets_back_what_it_took(bench: Bench, crm: MemoryTarget) -> None:
    ada = arrive(bench)
    bench.leave(ada)
    bench.run("0s")

    def once() -> None:
        crm.before_write = lambda: None
        bench.come_back(ada)

    crm.before_write = once
    bench.run("7d")
    bench.run()

    assert crm.names("ada", "groups") == ["Sales", "Sales VPN"]
    assert not crm.is_suspended("ada")
    assert restore_of(bench, ada).state is CaseState.COMPLETED


def test_an_attempt_that_died_halfway_is_undone_whole(bench: Bench, crm: MemoryTarget) -> None:
    ada = arrive(bench)
    bench.leave(ada)
    bench.run("0s")
    bench.clock.advance("7d")
    calls = iter([None, RetryableError("connection lost")])

    def break_off() -> None:
        error = next(calls, None)
        if error is not None:
            raise error

    crm.after_write = break_off
    bench.sweep()
    bench.execution.work(bench.account(ada).id)
    crm.after_write = lambda: None
    assert crm.names("ada", "groups") != ["Sales", "Sales VPN"]

    bench.come_back(ada)
    bench.run("1d")

    assert crm.names("ada", "groups") == ["Sales", "Sales VPN"]
    assert crm.names("ada", "licenses") == ["Office"]


def test_privileged_groups_are_withheld_and_named(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_stage("0s", Action.REMOVE_FROM_GROUPS))
    crm = bench.systems["crm"]
    crm.offer("Administrators", is_privileged=True)
    ada = arrive(bench, groups=("Sales", "Fair 2019", "Administrators"))
    bench.leave(ada)
    bench.run()
    approve_protected(bench, ada)
    del crm.offers["id-Fair 2019"]

    bench.come_back(ada)
    bench.run()

    restore = restore_of(bench, ada)
    assert crm.names("ada", "groups") == ["Sales"]
    assert restore.state is CaseState.COMPLETED
    lost, withheld = "the group Fair 2019 is gone", "Administrators, because it gives power over others"
    assert reason(bench, restore, Action.ADD_TO_GROUPS) == f"done, and read back; not given back: {lost}; {withheld}"
    (proof,) = (row["evidence"] for row in rows(bench, schema.tasks) if row["action"] == Action.ADD_TO_GROUPS)
    assert proof["not_given_back"] == [lost, withheld]
    assert proof["target_said"] == {"how many": 1}
    assert not stands(bench)


def approve_protected(bench: Bench, user: str) -> None:
    proposal = bench.approving.propose(bench.open_case(user).id, None, bench.clock())
    bench.approving.approve(proposal, by="eve", now=bench.clock())
    bench.run()


def test_what_is_gone_is_named_and_the_rest_is_given_back(bench: Bench, crm: MemoryTarget) -> None:
    crm.offer("Office", seats=1)
    ada = arrive(bench)
    bench.leave(ada)
    bench.run("7d")
    bench.run("7d")
    del crm.offers["id-Sales VPN"]
    crm.containers.discard("people")
    crm.add("bob", licenses=("Office",))

    bench.come_back(ada)
    bench.run()

    restore = restore_of(bench, ada)
    assert crm.names("ada", "groups") == ["Sales"]
    assert (crm.account("ada")["container"], crm.names("ada", "licenses")) == ("leavers", [])
    assert "the group Sales VPN is gone" in reason(bench, restore, Action.ADD_TO_GROUPS)
    assert "no Office license is free" in reason(bench, restore, Action.ASSIGN_LICENSES)
    assert "the container people is gone" in reason(bench, restore, Action.MOVE_BACK)
    assert not crm.is_suspended("ada")


@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        ({"container": "board"}, ("container", "board")),
        ({"hidden": False}, ("hidden", False)),
        ({"note": "Moved to Paris"}, ("note", "Moved to Paris")),
    ],
)
def test_what_somebody_else_has_changed_since_stays(
    bench: Bench, crm: MemoryTarget, changed: dict[str, Any], kept: tuple[str, Any]
) -> None:
    crm.containers.add("board")
    ada = arrive(bench)
    bench.leave(ada)
    bench.run("7d")
    bench.run("7d")
    crm.account("ada").update(changed)

    bench.come_back(ada)
    bench.run()

    assert crm.account("ada")[kept[0]] == kept[1]


def test_a_group_that_somebody_else_took_before_the_bridge_did_is_not_given_back(
    bench: Bench, crm: MemoryTarget
) -> None:
    ada = arrive(bench)
    bench.leave(ada)
    bench.run("0s")
    crm.account("ada")["groups"].remove("id-Sales VPN")
    bench.run("7d")
    assert crm.names("ada", "groups") == []

    bench.come_back(ada)
    bench.run()

    assert crm.names("ada", "groups") == ["Sales"]


def test_what_somebody_else_gave_before_the_bridge_took_it_is_given_back(bench: Bench, crm: MemoryTarget) -> None:
    ada = arrive(bench)
    bench.leave(ada)
    bench.run("0s")
    crm.account("ada")["groups"].append(crm.offer("Handover"))
    crm.account("ada")["groups"].append(crm.offer("Help Desk", is_privileged=True))
    crm.account("ada")["licenses"].append(crm.offer("Drawing"))
    bench.run("7d")
    approve_protected(bench, ada)
    assert (crm.names("ada", "groups"), crm.names("ada", "licenses")) == ([], [])

    bench.come_back(ada)
    bench.run()

    assert crm.names("ada", "groups") == ["Handover", "Sales", "Sales VPN"]
    assert crm.names("ada", "licenses") == ["Drawing", "Office"]
    assert "Help Desk, because it gives power over others" in reason(
        bench, restore_of(bench, ada), Action.ADD_TO_GROUPS
    )


def test_what_somebody_else_gave_and_took_again_is_not_given_back(database: Database, clock: FakeClock) -> None:
    only_sales = a_stage("7d", Action.REMOVE_FROM_GROUPS, terms=Terms(only=("sales",)))
    bench = a_bench(database, clock, a_stage("0s"), only_sales)
    crm = bench.systems["crm"]
    ada = arrive(bench)
    bench.leave(ada)
    bench.run("0s")
    crm.account("ada")["groups"].append(crm.offer("Handover"))
    bench.run("7d")
    assert crm.names("ada", "groups") == ["Handover", "Sales VPN"]
    crm.account("ada")["groups"].remove("id-Handover")

    bench.come_back(ada)
    bench.run()

    assert crm.names("ada", "groups") == ["Sales", "Sales VPN"]


def test_an_attempt_that_died_after_it_took_what_came_since_is_undone_whole(bench: Bench, crm: MemoryTarget) -> None:
    ada = arrive(bench)
    bench.leave(ada)
    bench.run("0s")
    crm.account("ada")["groups"].append(crm.offer("Handover"))
    bench.clock.advance("7d")

    def break_off() -> None:
        if "id-Handover" not in crm.account("ada")["groups"]:
            crm.after_write = lambda: None
            raise RetryableError("connection lost")

    crm.after_write = break_off
    bench.sweep()
    bench.execution.work(bench.account(ada).id)
    bench.come_back(ada)
    bench.run("1d")

    assert crm.names("ada", "groups") == ["Handover", "Sales", "Sales VPN"]


def test_what_was_suspended_by_somebody_else_stays_suspended(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_stage("0s", Action.HIDE_FROM_DIRECTORY))
    ada = arrive(bench)
    bench.leave(ada)
    bench.run()
    bench.systems["crm"].account("ada")["suspended"] = True

    bench.come_back(ada)
    bench.run()

    assert bench.systems["crm"].is_suspended("ada")
    assert not bench.systems["crm"].account("ada")["hidden"]


def test_a_stamp_goes_even_if_somebody_moved_its_date(bench: Bench, crm: MemoryTarget) -> None:
    ada = arrive(bench)
    bench.leave(ada)
    bench.run("7d")
    crm.account("ada")["note"] = "Third floor [To Be Deleted 2099-01-01T00:00:00Z]"

    bench.come_back(ada)
    bench.run()

    assert crm.account("ada")["note"] == "Third floor"


def test_who_returns_after_the_deletion_is_told_so_once(bench: Bench, crm: MemoryTarget) -> None:
    ada = arrive(bench)
    bench.leave(ada)
    for day in ("0s", "7d", "7d", "76d", "31d"):
        bench.run(day)
    assert "native-ada" not in crm.accounts

    bench.come_back(ada)
    bench.run()

    restore = restore_of(bench, ada)
    asking = [task for task in bench.tasks(restore) if task.needs_person]
    assert [task.action for task in asking] == [Action.RESTORE]
    assert "the account is gone" in asking[0].reason
    assert {task.state for task in bench.tasks(restore)} == {TaskState.WAITING, TaskState.SKIPPED}
    assert "not given back" in bench.events(restore)


def test_a_restore_waits_for_all_its_parts_and_keeps_the_snapshot_until_then(bench: Bench, crm: MemoryTarget) -> None:
    ada = arrive(bench)
    bench.leave(ada)
    bench.run("7d")
    bench.come_back(ada)
    crm.before_write = refuse_once(crm, "the licensing service refuses", after=2)
    bench.run()

    restore = restore_of(bench, ada)
    assert restore.state is CaseState.OPEN
    assert stands(bench)
    bench.operating.retry(restore.id, by="eve", now=bench.clock())
    bench.run()
    assert restore_of(bench, ada).state is CaseState.COMPLETED
    assert not stands(bench)


def refuse_once(crm: MemoryTarget, message: str, after: int) -> Any:
    """Refuse the write after so many others, and only that one."""
    left = iter([None] * after + [RejectedError(message)])

    def refuse() -> None:
        error = next(left, None)
        if error is not None:
            crm.before_write = lambda: None
            raise error

    return refuse


def test_who_leaves_while_things_are_given_back_loses_them_and_can_get_all_back(
    bench: Bench, crm: MemoryTarget
) -> None:
    ada = arrive(bench)
    bench.leave(ada)
    bench.run("7d")
    bench.come_back(ada)
    crm.before_write = refuse_once(crm, "later", after=2)
    bench.run()
    bench.leave(ada)
    bench.run("0s")
    bench.run("7d")
    assert crm.is_suspended("ada")

    bench.come_back(ada)
    bench.run()

    assert not crm.is_suspended("ada")
    assert crm.names("ada", "groups") == ["Sales", "Sales VPN"]
    assert crm.names("ada", "licenses") == ["Office"]
    assert not stands(bench)


def test_what_an_operator_has_to_confirm_waits_whole(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, restore=Restore.MANUAL)
    ada = arrive(bench)
    bench.leave(ada)
    bench.run("7d")
    bench.come_back(ada)
    bench.run()
    crm = bench.systems["crm"]
    assert crm.is_suspended("ada")

    bench.operating.retry(restore_of(bench, ada).id, by="eve", now=clock())
    bench.run()

    assert not crm.is_suspended("ada")
    assert crm.names("ada", "groups") == ["Sales", "Sales VPN"]


def test_a_mover_gets_back_only_what_the_change_took(database: Database, clock: FakeClock) -> None:
    only = replace(a_stage("0s", Action.REMOVE_FROM_GROUPS), terms=Terms(only=("sales vpn",)))
    bench = a_bench(database, clock, only)
    ada = arrive(bench)
    crm = bench.systems["crm"]
    bench.leave(ada)
    bench.run()
    assert crm.names("ada", "groups") == ["Sales"]
    crm.account("ada")["groups"].remove("id-Sales")

    bench.come_back(ada)
    bench.run()

    assert crm.names("ada", "groups") == ["Sales VPN"]


# -- by hand


def restore(bench: Bench, case: Case, **wish: Any) -> Case:
    return bench.giving_back.restore(case.id, reason="a mistake", by="eve", now=bench.clock(), **wish).case


def left(bench: Bench, *days: str) -> tuple[str, Case]:
    ada = arrive(bench)
    bench.leave(ada)
    for day in days or ("0s", "7d"):
        bench.run(day)
    return ada, bench.case(ada)


def test_an_operator_gives_back_what_the_source_still_calls_gone(bench: Bench, crm: MemoryTarget) -> None:
    ada, case = left(bench)

    given = restore(bench, case)
    bench.run()
    bench.run("400d")

    assert (given.opened_by, given.kind) == ("eve", CaseKind.RESTORE)
    assert not crm.is_suspended("ada")
    assert crm.names("ada", "groups") == ["Sales", "Sales VPN"]
    assert [each.state for each in bench.cases(ada)] == [CaseState.CANCELED, CaseState.COMPLETED]


def test_a_new_fact_of_the_source_outweighs_the_operators_word(bench: Bench, crm: MemoryTarget) -> None:
    ada, case = left(bench)
    given = restore(bench, case)

    bench.delete(ada)
    bench.run()

    assert bench.states(given)["restore@crm"] is TaskState.CANCELED
    assert crm.is_suspended("ada")


def test_only_the_named_target_is_given_back(database: Database, clock: FakeClock) -> None:
    rules = Ruleset((a_rule(a_stage("0s")),))
    bench = Bench(database, clock, rules, {"crm": MemoryTarget(), "dir": MemoryTarget()})
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run()

    restore(bench, bench.case(ada), targets=["dir"])
    bench.run()

    assert (bench.systems["crm"].is_suspended("ada"), bench.systems["dir"].is_suspended("ada")) == (True, False)


def test_a_restore_is_refused_where_it_would_do_nothing_or_be_taken_again(bench: Bench) -> None:
    ada, case = left(bench)

    with pytest.raises(RestoreRefusedError, match="still open, and would take it again"):
        restore(bench, case, targets=["crm"])
    given = restore(bench, case)
    with pytest.raises(RestoreRefusedError, match="gives back already"):
        restore(bench, given)
    with pytest.raises(RestoreRefusedError, match="another case of the same person is open"):
        restore(bench, case)
    bench.run()
    with pytest.raises(RestoreRefusedError, match="has taken nothing"):
        restore(bench, case)
    assert bench.cases(ada)[-1].state is CaseState.COMPLETED


def test_a_refused_restore_changes_nothing(bench: Bench) -> None:
    ada = arrive(bench)
    bench.leave(ada)
    case = bench.case(ada)

    with pytest.raises(RestoreRefusedError):
        restore(bench, case)

    assert bench.case(ada).state is CaseState.OPEN


@pytest.mark.parametrize("external_id", ["ext-ada", None], ids=["the same person", "perhaps somebody else"])
def test_what_was_not_given_back_before_another_leave_is_given_back_after_it(
    database: Database, clock: FakeClock, external_id: str | None
) -> None:
    bench = a_bench(database, clock, a_stage("1d", Action.SUSPEND))
    crm, first = bench.systems["crm"], bench.join()
    bench.run()
    bench.leave(first)
    bench.run("1d")
    bench.delete(first)
    again = bench.join(everywhere=False, externalId=external_id)

    # Before anything was given back, they leave again, and come back before that does anything.
    bench.leave(again)
    bench.come_back(again)
    bench.run()

    if external_id is None:
        assert crm.is_suspended("ada")
        assert bench.open_case(again).kind is CaseKind.RESTORE, "an operator is asked, as before"
    else:
        assert not crm.is_suspended("ada")


def test_what_was_taken_from_somebody_deleted_is_given_back_once_and_whole_by_whom_they_are_now(
    bench: Bench, crm: MemoryTarget
) -> None:
    first = arrive(bench)
    before = crm.get("native-ada")
    assert before is not None
    bench.leave(first)
    bench.run("0s")
    bench.run("7d")
    bench.delete(first)
    again = bench.join(everywhere=False)
    bench.operating.pause("crm", reason="maintenance", by="ops", now=bench.clock())
    bench.leave(again)
    bench.operating.resume("crm", by="ops", now=bench.clock())
    bench.run()
    assert bench.account(again).native_id == bench.account(first).native_id, "both are known to own the account"

    bench.come_back(again)
    bench.run()

    assert crm.get("native-ada") == replace(before, sessions=0)
    (restore,) = (case for case in bench.cases(again) if case.state is CaseState.COMPLETED)
    assert len({task.account_id for task in bench.tasks(restore)}) == 1
    assert not stands(bench)


def test_who_was_asked_to_leave_before_they_were_ever_active_again_is_spared_what_was_planned_before(
    bench: Bench, crm: MemoryTarget
) -> None:
    first = arrive(bench)
    bench.leave(first)
    bench.run("0s")
    bench.delete(first)
    again = bench.join(everywhere=False, active=False)
    bench.requesting.request(
        [Leaver(line=1, id=again, reason="a letter")], Asked(by="ann"), bench.clock(), partial=True
    )

    bench.come_back(again)
    bench.leave(again)

    assert bench.case(first).state is CaseState.CANCELED
    bench.run("89d")
    assert "native-ada" in crm.accounts


def test_who_is_somebody_else_gets_back_their_own_and_nothing_that_the_former_one_had(
    bench: Bench, crm: MemoryTarget
) -> None:
    first = arrive(bench)
    bench.leave(first)
    bench.run("0s")
    bench.run("7d")
    bench.delete(first)
    other = bench.join(everywhere=False, externalId="another")
    bench.operating.cancel(bench.open_case(other).id, reason="somebody else", by="ops", now=bench.clock())
    crm.account("ada")["suspended"] = False
    bench.leave(other)
    bench.run("0s")
    assert crm.is_suspended("ada")

    bench.come_back(other)
    bench.run()

    assert not crm.is_suspended("ada")
    assert crm.names("ada", "groups") == []
