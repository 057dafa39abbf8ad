"""Accounts that nobody uses: a fact where a rule is for it, and none once somebody signs in. On both stores."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select

from scimbridge.domain.action import Action, GuardClass
from scimbridge.domain.case import Case, CaseKind, CaseState
from scimbridge.domain.exclusion import Exclusion, Spared
from scimbridge.domain.guard import Guard, GuardScope, Limit
from scimbridge.domain.hold import Scope
from scimbridge.domain.leavers import Leaver
from scimbridge.domain.reconciliation import RunOutcome
from scimbridge.domain.request import Asked
from scimbridge.domain.rule import Restore, Rule, Ruleset, Terms
from scimbridge.domain.task import TaskState
from scimbridge.domain.trigger import Trigger
from scimbridge.errors import StoreBusyError
from scimbridge.sdk import AccountRef, Mode, RetryableError
from scimbridge.services.erasing import Erasing
from scimbridge.services.story import Stories, tell, waiting_for
from scimbridge.store import accounts, findings, reconciliations
from scimbridge.store import stale_accounts as stale_rows
from scimbridge.store.database import Database
from scimbridge.store.schema import facts, history, stale_accounts
from scimbridge.store.schema import reconciliations as run_rows
from tests.clock import FakeClock
from tests.services.bench import FEW_ACTIONS, Bench, MemoryTarget, a_rule, a_stage, an_exclusion
from tests.services.reconciled import World

STALE = frozenset({Trigger.STALE})
LONG_AGO, CREATED = "2025-10-01T09:00:00+00:00", "2024-01-01T00:00:00+00:00"


def a_world(database: Database, clock: FakeClock, *rules: Rule, **settings: Any) -> World:
    """A target that is asked once a day, where bob signs in each day and ada has not for months."""
    rules = rules or (a_rule(a_stage("7d"), a_stage("37d", Action.DELETE), when=STALE),)
    settings = {"systems": {"crm": MemoryTarget()}, "actions": FEW_ACTIONS, "stale_after": "90d", **settings}
    return World(Bench(database, clock, Ruleset(rules), **settings))


@pytest.fixture
def world(database: Database, clock: FakeClock) -> World:
    return a_world(database, clock)


def signs_in(world: World, name: str, at: datetime | str | None = None, target: str = "crm") -> None:
    moment = at or world.bench.clock()
    account = world.bench.systems[target].account(name)
    account.update(created_at=CREATED, signed_in_at=moment if isinstance(moment, str) else moment.isoformat())


def people(world: World) -> tuple[str, str]:
    """Ada and bob have accounts, which are linked."""
    ada, bob = world.bench.join("ada"), world.bench.join("bob")
    world.bench.run()
    for target in world.bench.systems:
        signs_in(world, "ada", LONG_AGO, target)
        signs_in(world, "bob", target=target)
    return ada, bob


def reconcile(world: World, **asked: timedelta) -> str:
    """Let a run be made, and taken in. Returns its id."""
    signs_in(world, "bob")
    run = world.reconcile(**asked)
    world.bench.stale_accounts.run(world.bench.clock())
    return run.id


def story(world: World, case: Case) -> str:
    return "\n".join(tell(Stories(world.bench.database, world.bench.fleet).of(case.id, world.bench.clock())))


def count(world: World, table: Any) -> int:
    with world.bench.database.read() as tx:
        return len(tx.execute(select(table)).all())


# -- what leads to a case


def test_an_account_that_nobody_uses_is_taken_away_and_that_one_alone(database: Database, clock: FakeClock) -> None:
    world = a_world(database, clock, systems={"crm": MemoryTarget(), "dir": MemoryTarget()})
    ada, bob = people(world)

    run_id = reconcile(world)

    case = world.bench.case(ada)
    assert (case.trigger, case.state, case.opened_by) == (Trigger.STALE, CaseState.OPEN, None)
    assert world.bench.states(case) == {"suspend@crm": TaskState.PLANNED, "delete@crm": TaskState.PLANNED}
    assert world.bench.cases(bob) == []
    assert world.history("case opened")[1] == "scimbridge"
    said = story(world, case)
    noted = f"the last sign-in noted there was on 2025-10-01 (reconciliation {run_id})"
    assert f"stale: has not signed in at crm for long: {noted}; rule 'leavers'" in said
    assert said.splitlines()[1] == f"ada has not signed in at crm for long: {noted}."

    world.bench.run("7d")
    assert world.crm.is_suspended("ada")
    assert not world.bench.systems["dir"].is_suspended("ada")
    assert world.bench.case(ada).state is CaseState.OPEN


def test_who_has_never_signed_in_with_an_old_account_uses_it_no_more_than_others(world: World) -> None:
    ada, _ = people(world)
    world.crm.account("ada").update(signed_in_at="never")

    reconcile(world)

    assert "ada has never signed in at crm, as far as it has noted (recon" in story(world, world.bench.case(ada))


@pytest.mark.parametrize(
    "rule",
    [
        a_rule(when=frozenset(Trigger) - STALE),
        a_rule(match='userName eq "bob"'),
        a_rule(exclude_targets=frozenset({"crm"})),
    ],
)
def test_without_a_rule_for_it_nothing_is_kept(database: Database, clock: FakeClock, rule: Rule) -> None:
    world = a_world(database, clock, rule)
    ada, _ = people(world)
    entries = count(world, history)

    reconcile(world)

    assert world.bench.cases(ada) == []
    assert count(world, facts) == 0
    assert count(world, history) == entries + 2, "asked, and ended"


def exclude_identity(world: World) -> None:
    world.bench.holding.exclude(an_exclusion('userName eq "ada"'), by="ops", now=world.bench.clock())


def exclude_account(world: World) -> None:
    spared = Exclusion(reason="owned by platform", spared=Spared.ACCOUNT, subject="native-ada", target="crm")
    world.bench.holding.exclude(spared, by="ops", now=world.bench.clock())


def exclude_target(world: World) -> None:
    spared = Exclusion(reason="archive", spared=Spared.TARGET, subject="crm")
    world.bench.holding.exclude(spared, by="ops", now=world.bench.clock())


def share(world: World) -> None:
    world.bench.join("ada", source="other-idp", everywhere=False)
    world.bench.run()


def match(world: World) -> None:
    """Somebody else matches the account and is not linked to it, or not yet."""
    world.bench.join("ada", source="other-idp", everywhere=False)


def suspend(world: World) -> None:
    world.crm.account("ada")["suspended"] = True


def unlink(world: World) -> None:
    world.crm.account("ada")["name"] = "somebody.else"


def tells_nothing(world: World) -> None:
    world.crm.account("ada")["signed_in_at"] = ""


def is_new(world: World) -> None:
    world.crm.account("ada").update(signed_in_at="never", created_at=world.bench.clock().isoformat())


def is_unmanaged(world: World) -> None:
    world.crm.account("ada")["unmanaged"] = True


@pytest.mark.parametrize(
    "change",
    [exclude_identity, exclude_account, exclude_target, share, match, suspend, tells_nothing, is_new, is_unmanaged],
)
def test_of_whom_it_is_no_fact_nothing_is_opened(world: World, change: Callable[[World], None]) -> None:
    ada, _ = people(world)
    change(world)

    reconcile(world)

    assert world.bench.cases(ada) == []
    assert count(world, facts) == 0


def test_who_is_inactive_or_leaves_already_gets_no_second_case(database: Database, clock: FakeClock) -> None:
    leaving = a_rule(a_stage("30d"), when=frozenset({Trigger.DEACTIVATED}), match='userType eq "Employee"')
    world = a_world(database, clock, leaving, a_rule(when=STALE))
    ada, _ = people(world)
    eve = world.bench.join("eve", userType="Employee")
    world.bench.run()
    signs_in(world, "eve", LONG_AGO)
    for each in (ada, eve):
        world.bench.leave(each)

    reconcile(world)

    assert world.bench.cases(ada) == []
    assert world.bench.case(eve).trigger is Trigger.DEACTIVATED
    assert count(world, stale_accounts) == 0


def leaves(world: World, ada: str) -> None:
    world.bench.leave(ada)


def is_shared(world: World, ada: str) -> None:
    share(world)


def is_linked_to_another(world: World, ada: str) -> None:
    with world.bench.database.write() as tx:
        accounts.link(tx, world.bench.account(ada).id, AccountRef("native-other", "other"), world.bench.clock())


def is_asked_about_again(world: World, ada: str) -> None:
    with world.bench.database.write() as tx:
        end_another_run(world, tx)


def end_another_run(world: World, tx: Connection) -> None:
    """A later run of the target is completed."""
    now = world.bench.clock()
    run, _ = reconciliations.ask(tx, "crm", by="otto", unused_for=None, now=now)
    reconciliations.begin(tx, run.id, "turn", lease_until=now, now=now)
    begun = reconciliations.run_by_id(tx, run.id)
    reconciliations.end(tx, begun, RunOutcome.COMPLETE, reason="", counts={}, now=now)


@pytest.mark.parametrize("change", [leaves, is_shared, is_linked_to_another, is_asked_about_again])
def test_what_changes_after_the_look_counts(
    database: Database, clock: FakeClock, change: Callable[[World, str], None]
) -> None:
    world = a_world(database, clock, a_rule(when=STALE))
    ada, _ = people(world)
    signs_in(world, "bob")
    world.reconcile()
    taking = world.bench.stale_accounts._take

    def take(*said: Any) -> bool:
        change(world, ada)
        return taking(*said)

    vars(world.bench.stale_accounts)["_take"] = take
    world.bench.stale_accounts.run(world.bench.clock())

    assert world.bench.cases(ada) == []


def test_who_is_asked_to_leave_altogether_gets_no_further_reason(database: Database, clock: FakeClock) -> None:
    world = a_world(database, clock, a_rule(a_stage("30d"), when=STALE | {Trigger.REQUESTED}))
    people(world)
    leaver = Leaver(line=1, user_name="ada", reason="left")
    world.bench.requesting.request([leaver], Asked(by="ops"), world.bench.clock())
    known = count(world, facts)

    reconcile(world)

    assert (count(world, facts), count(world, stale_accounts)) == (known, 0)


def test_while_access_is_given_back_nobody_takes_it_away_again(database: Database, clock: FakeClock) -> None:
    gone = a_rule(a_stage("0s", Action.REMOVE_FROM_GROUPS), restore=Restore.MANUAL, when={Trigger.DEACTIVATED})
    actions = (*FEW_ACTIONS, Action.REMOVE_FROM_GROUPS, Action.ADD_TO_GROUPS)
    world = a_world(database, clock, gone, a_rule(when=STALE), actions=actions)
    ada, _ = people(world)
    world.crm.account("ada")["groups"] = [world.crm.offer("sales")]
    world.bench.leave(ada)
    world.bench.run()
    clock.advance("200d")
    world.bench.come_back(ada)
    assert world.bench.open_case(ada).kind is CaseKind.RESTORE

    reconcile(world)

    assert count(world, stale_accounts) == 0
    assert not world.crm.is_suspended("ada")


def test_what_another_reason_takes_anyway_gets_no_second_one(database: Database, clock: FakeClock) -> None:
    rule = a_rule(a_stage("7d"), when=STALE | {Trigger.UNASSIGNED})
    world = a_world(database, clock, rule, granted_by={"crm": ["Sales"]})
    ada, bob = people(world)
    world.bench.change_group(world.bench.group("Sales", ada, bob), remove=[ada])
    known = count(world, facts)

    reconcile(world)

    assert (count(world, facts), count(world, stale_accounts)) == (known, 0)


def test_a_second_run_opens_nothing_twice(world: World) -> None:
    ada, _ = people(world)
    reconcile(world)
    known = count(world, facts)
    world.bench.clock.advance("1d")

    reconcile(world)

    assert next(task.due_at for task in world.bench.tasks(world.bench.case(ada))) == world.bench.at("6d")
    assert count(world, facts) == known


def test_what_a_sweeper_did_not_get_through_another_one_goes_on_with(world: World) -> None:
    ada, _ = people(world)
    eve = world.bench.join("eve")
    world.bench.run()
    signs_in(world, "eve", LONG_AGO)
    world.reconcile()
    accepted = world.bench.planner.take

    def die(*_: object, **__: object) -> Any:
        vars(world.bench.planner).pop("take")
        raise KeyboardInterrupt

    vars(world.bench.planner)["take"] = lambda *said: (vars(world.bench.planner).update(take=die), accepted(*said))[1]
    with pytest.raises(KeyboardInterrupt):
        world.bench.stale_accounts.run(world.bench.clock())
    assert sorted(len(world.bench.cases(each)) for each in (ada, eve)) == [0, 1]

    world.bench.stale_accounts.run(world.bench.clock())
    world.bench.stale_accounts.run(world.bench.clock())

    assert [len(world.bench.cases(each)) for each in (ada, eve)] == [1, 1]
    assert count(world, stale_accounts) == 2


@pytest.mark.parametrize(("error", "again"), [(StoreBusyError("locked"), 1), (ValueError("unreadable"), 0)])
def test_whoever_cannot_be_seen_to_keeps_nobody_else_waiting(world: World, error: Exception, again: int) -> None:
    ada, _ = people(world)
    eve = world.bench.join("eve")
    world.bench.run()
    signs_in(world, "eve", LONG_AGO)
    take = world.bench.planner.take

    def fail_once(*said: Any) -> Any:
        vars(world.bench.planner)["take"] = take
        raise error

    vars(world.bench.planner)["take"] = fail_once
    reconcile(world)
    assert sum(len(world.bench.cases(each)) for each in (ada, eve)) == 1

    # What was locked is tried once more.
    assert world.bench.stale_accounts.run(world.bench.clock()) == again


def test_where_several_are_locked_nobody_waits_for_each_of_the_others(world: World) -> None:
    people(world)
    names = [f"eve{each}" for each in range(4)]
    for name in names:
        world.bench.join(name)
    world.bench.run()
    for name in names:
        signs_in(world, name, LONG_AGO)
    tries: list[object] = []

    def fail(*said: Any) -> Any:
        tries.append(said)
        raise StoreBusyError("locked")

    vars(world.bench.planner)["take"] = fail
    reconcile(world)
    assert len(tries) == 3

    del world.bench.planner.take
    assert world.bench.stale_accounts.run(world.bench.clock()) == 5


# -- which runs count


def test_who_asks_about_another_time_only_asks(world: World) -> None:
    ada, bob = people(world)

    reconcile(world, unused_for=timedelta(days=30))
    assert world.bench.cases(ada) == []

    reconcile(world)
    case = world.bench.case(ada)
    # And calls nothing off: by that question, she does use it.
    reconcile(world, unused_for=timedelta(days=365))
    assert world.bench.case(ada) == case
    assert world.bench.cases(bob) == []


def test_a_target_that_has_stopped_noting_sign_ins_is_not_believed(world: World) -> None:
    ada, bob = people(world)
    signs_in(world, "bob", world.bench.clock() - timedelta(days=31))
    world.reconcile()

    world.bench.stale_accounts.run(world.bench.clock())

    assert world.bench.cases(ada) == []
    assert "it seems to have stopped noting it" in world.history("sign-ins not believed")[0]
    # Nor does a sign-in count that is yet to come.
    signs_in(world, "bob", world.bench.at("1d"))
    world.reconcile()
    world.bench.stale_accounts.run(world.bench.clock())
    assert world.bench.cases(ada) == []
    signs_in(world, "bob", world.bench.clock() - timedelta(days=29))
    world.reconcile()
    world.bench.stale_accounts.run(world.bench.clock())
    assert world.bench.case(ada).state is CaseState.OPEN
    assert world.bench.cases(bob) == []


def test_a_run_that_broke_off_and_one_that_a_later_one_replaces_lead_to_nothing(world: World) -> None:
    ada, _ = people(world)
    world.before_page(2, lambda: world.bench.fail(RetryableError("the target does not answer")))
    world.reconcile()
    world.bench.stale_accounts.run(world.bench.clock())
    assert world.bench.cases(ada) == []

    del world.crm.listed
    signs_in(world, "bob")
    world.reconcile()
    signs_in(world, "ada")
    world.reconcile()
    world.bench.stale_accounts.run(world.bench.clock())
    assert world.bench.cases(ada) == []
    with world.bench.database.read() as tx:
        assert tx.execute(select(run_rows.c.id).where(run_rows.c.taken_at.is_(None))).all() == []
        assert reconciliations.untaken(tx) == []


# -- what calls it off


def test_who_signs_in_before_anything_was_done_keeps_the_account(world: World) -> None:
    ada, _ = people(world)
    reconcile(world)
    world.bench.clock.advance("1d")
    signs_in(world, "ada")

    world.bench.run("6d")

    case = world.bench.case(ada)
    assert case.state is CaseState.CANCELED
    assert case.reason == "somebody has signed in with the account at crm: 2026-03-03 09:00 UTC, says the target"
    assert set(world.bench.states(case).values()) == {TaskState.CANCELED}
    assert world.crm.writes == []
    assert "ada has not signed in at crm for long" in story(world, case)


def test_a_later_run_that_does_not_find_it_any_more_calls_off_what_was_not_begun(world: World) -> None:
    ada, _ = people(world)
    reconcile(world)
    world.bench.clock.advance("1d")
    signs_in(world, "ada")

    reconcile(world)

    case = world.bench.case(ada)
    assert (case.state, case.reason) == (
        CaseState.CANCELED,
        "a later reconciliation does not find any more that nobody uses the account",
    )
    world.bench.run("60d")
    assert world.crm.writes == []


def test_a_run_that_was_replaced_calls_nothing_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it had found is forgotten then, and seems not to have been found."""
    ada, _ = people(world)
    reconcile(world)

    def has(tx: Connection, *_: object) -> bool:
        end_another_run(world, tx)
        return False

    monkeypatch.setattr(findings, "has", has)
    world.bench.clock.advance("1d")
    reconcile(world)

    assert world.bench.case(ada).state is CaseState.OPEN


def test_what_is_spared_for_a_time_is_not_taken_for_used(world: World) -> None:
    ada, _ = people(world)
    reconcile(world)
    exclude_account(world)
    world.bench.clock.advance("1d")

    reconcile(world)

    assert world.bench.case(ada).state is CaseState.OPEN


def test_what_the_bridge_has_suspended_itself_is_not_found_and_goes_on(world: World) -> None:
    ada, _ = people(world)
    reconcile(world)
    world.bench.run("7d")
    world.bench.clock.advance("1d")

    reconcile(world)

    assert world.bench.case(ada).state is CaseState.OPEN
    assert count(world, stale_accounts) == 1


@pytest.mark.parametrize("restore", Restore)
def test_who_signs_in_after_all_before_the_point_of_no_return_gets_the_account_back(
    database: Database, clock: FakeClock, restore: Restore
) -> None:
    strip = a_stage("7d", Action.REMOVE_FROM_GROUPS)
    rule = a_rule(strip, a_stage("37d", Action.DELETE), when=STALE, restore=restore)
    world = a_world(database, clock, rule, actions=(*FEW_ACTIONS, Action.REMOVE_FROM_GROUPS, Action.ADD_TO_GROUPS))
    bench = world.bench
    ada, _ = people(world)
    world.crm.account("ada")["groups"] = [world.crm.offer("sales")]
    reconcile(world)
    bench.run("7d")
    assert world.crm.names("ada", "groups") == []
    signs_in(world, "ada")

    bench.run("30d")

    leave, back = bench.cases(ada)
    assert (leave.state, back.kind) == (CaseState.COMPLETED, CaseKind.RESTORE)
    assert bench.states(leave)["delete@crm"] is TaskState.CANCELED
    assert "native-ada" in world.crm.accounts
    reason, actor = world.history("restore opened")
    assert actor == "scimbridge"
    assert reason.startswith("somebody has signed in with the account at crm")
    if restore is Restore.AUTO:
        assert world.crm.names("ada", "groups") == ["sales"]
    else:
        assert reason.endswith("; waits for an operator")
        assert world.crm.names("ada", "groups") == []


def test_each_irreversible_step_asks_once_more(database: Database, clock: FakeClock) -> None:
    """Somebody lets ada in again at the target, and she signs in a moment before her account would be deleted."""
    world = a_world(database, clock)
    people(world)
    reconcile(world)
    world.bench.run("7d")
    assert world.crm.is_suspended("ada")

    def back_at_work() -> None:
        world.crm.before_read = lambda: None
        world.crm.account("ada")["suspended"] = False
        signs_in(world, "ada")

    world.bench.clock.advance("30d")
    world.crm.before_read = back_at_work
    world.bench.run()

    assert "native-ada" in world.crm.accounts
    assert not world.crm.is_suspended("ada")


def test_the_time_begins_anew_where_a_case_about_the_account_has_ended(world: World) -> None:
    ada, _ = people(world)
    reconcile(world)
    world.bench.operating.cancel(world.bench.case(ada).id, reason="on leave", by="ops", now=world.bench.clock())

    for _ in range(3):
        world.bench.clock.advance("29d")
        reconcile(world)
    assert len(world.bench.cases(ada)) == 1

    world.bench.clock.advance("4d")
    reconcile(world)
    assert [case.state for case in world.bench.cases(ada)] == [CaseState.CANCELED, CaseState.OPEN]


def test_a_case_elsewhere_that_has_ended_changes_nothing(database: Database, clock: FakeClock) -> None:
    rule = a_rule(a_stage(), when=STALE)
    world = a_world(database, clock, rule, systems={"crm": MemoryTarget(), "dir": MemoryTarget()})
    ada, _ = people(world)
    reconcile(world)
    world.bench.run()
    assert world.bench.case(ada).state is CaseState.COMPLETED
    clock.advance("1h")
    signs_in(world, "bob", target="dir")
    run = world.runs.ask("dir", by="olga", now=world.bench.clock())
    world.worker.work(run.id)

    world.bench.stale_accounts.run(world.bench.clock())

    assert [sorted(world.bench.states(case)) for case in world.bench.cases(ada)] == [["suspend@crm"], ["suspend@dir"]]


# -- what the target does not tell any more


def falls_silent(world: World) -> None:
    world.crm.account("ada")["signed_in_at"] = ""


def approve(world: World, case: Case, by: str = "ops") -> None:
    now = world.bench.clock()
    world.bench.approving.approve(world.bench.approving.propose(case.id, None, now), by=by, now=now)


def test_a_target_that_does_not_tell_any_more_is_asked_about_as_a_person(world: World) -> None:
    ada, _ = people(world)
    reconcile(world)
    falls_silent(world)

    world.bench.run("7d")

    (task, _) = world.bench.tasks(world.bench.case(ada))
    assert task.needs_person
    assert task.reason == (
        "not told: crm does not tell any more whether anybody has signed in; "
        "approving its stage lets exactly this state through"
    )
    bench = world.bench
    why, *_ = waiting_for(Stories(bench.database, bench.fleet, bench.timing).of(task.case_id, bench.clock()))
    assert f"`scimbridge cases approve {task.case_id} --stage 1`" in why.step
    assert world.crm.writes == []
    approve(world, world.bench.case(ada))
    world.bench.run()
    assert world.crm.is_suspended("ada")


def test_an_approval_from_when_the_target_still_told_stands_for_nothing(database: Database, clock: FakeClock) -> None:
    rule = a_rule(a_stage("7d", Action.DELETE, terms=Terms(approvers=1)), when=STALE)
    world = a_world(database, clock, rule)
    ada, _ = people(world)
    reconcile(world)
    approve(world, world.bench.case(ada))
    falls_silent(world)

    world.bench.run("7d")

    (task,) = world.bench.tasks(world.bench.case(ada))
    assert task.state is TaskState.PLANNED
    assert "does not tell any more whether anybody has signed in" in task.reason
    approve(world, world.bench.case(ada))
    world.bench.run()
    assert "native-ada" not in world.crm.accounts


def test_an_account_that_somebody_has_deleted_meanwhile_is_not_asked_about(
    database: Database, clock: FakeClock
) -> None:
    rule = a_rule(a_stage("7d", Action.DELETE, terms=Terms(approvers=1)), when=STALE)
    world = a_world(database, clock, rule)
    ada, _ = people(world)
    reconcile(world)
    approve(world, world.bench.case(ada))
    world.crm.remove("native-ada")

    world.bench.run("7d")

    (task,) = world.bench.tasks(world.bench.case(ada))
    assert (task.state, task.reason) == (TaskState.DONE, "the account is gone")
    with database.read() as tx:
        assert tx.execute(select(stale_accounts.c.untold_at)).scalars().all() == [None]


def test_who_takes_it_back_at_the_last_moment_keeps_the_account(database: Database, clock: FakeClock) -> None:
    world = a_world(database, clock, a_rule(a_stage("7d", Action.DELETE), when=STALE))
    ada, _ = people(world)
    reconcile(world)
    falls_silent(world)
    world.bench.run("7d")
    approve(world, world.bench.case(ada))
    accept_read = world.bench.claiming.accept_read

    def accept_then_withdraw(*said: Any) -> Any:
        accepted = accept_read(*said)
        world.bench.approving.withdraw(
            world.bench.case(ada).id, None, reason="asked her", by="ops", now=world.bench.clock()
        )
        return accepted

    vars(world.bench.claiming)["accept_read"] = accept_then_withdraw
    world.bench.run()

    assert "native-ada" in world.crm.accounts


def test_a_target_that_tells_again_is_believed_again(world: World) -> None:
    ada, _ = people(world)
    reconcile(world)
    falls_silent(world)
    world.bench.run("7d")
    signs_in(world, "ada", LONG_AGO)

    world.bench.operating.retry(world.bench.case(ada).id, by="ops", now=world.bench.clock())
    world.bench.run()

    assert world.crm.is_suspended("ada")


# -- beside other reasons


@pytest.mark.parametrize("is_looked_at_again", [True, False])
def test_a_fact_about_all_targets_takes_the_case_over(
    database: Database, clock: FakeClock, is_looked_at_again: bool
) -> None:
    world = a_world(database, clock, a_rule(a_stage("7d"), when=STALE | {Trigger.DEACTIVATED}))
    ada, _ = people(world)
    reconcile(world)
    world.bench.leave(ada)
    signs_in(world, "ada")
    if is_looked_at_again:
        reconcile(world)

    world.bench.run("7d")

    assert world.bench.case(ada).trigger is Trigger.DEACTIVATED
    assert world.crm.is_suspended("ada")


@pytest.mark.parametrize("is_looked_at_again", [True, False])
def test_who_is_unassigned_as_well_may_sign_in_as_they_like(
    database: Database, clock: FakeClock, is_looked_at_again: bool
) -> None:
    rule = a_rule(a_stage("7d"), when=STALE | {Trigger.UNASSIGNED})
    world = a_world(database, clock, rule, granted_by={"crm": ["Sales"]})
    ada, bob = people(world)
    group = world.bench.group("Sales", ada, bob)
    reconcile(world)
    world.bench.change_group(group, remove=[ada])
    signs_in(world, "ada")
    if is_looked_at_again:
        reconcile(world)

    world.bench.run("7d")

    assert world.crm.is_suspended("ada")
    assert world.bench.case(ada).state is CaseState.COMPLETED


def test_two_targets_of_one_person_are_one_case_with_a_reason_each(database: Database, clock: FakeClock) -> None:
    rule = a_rule(a_stage("7d"), when=STALE)
    world = a_world(database, clock, rule, systems={"crm": MemoryTarget(), "dir": MemoryTarget()})
    ada, _ = people(world)
    reconcile(world)
    world.bench.clock.advance("1d")
    signs_in(world, "bob", target="dir")
    world.worker.work(world.runs.ask("dir", by="olga", now=world.bench.clock()).id)
    world.bench.stale_accounts.run(world.bench.clock())
    case = world.bench.case(ada)
    assert sorted(world.bench.states(case)) == ["suspend@crm", "suspend@dir"]
    signs_in(world, "ada")

    world.bench.run("8d")

    assert world.bench.states(case) == {"suspend@crm": TaskState.CANCELED, "suspend@dir": TaskState.DONE}
    assert world.bench.systems["dir"].is_suspended("ada")
    assert not world.crm.is_suspended("ada")
    with database.read() as tx:
        assert list(stale_rows.of_case(tx, case.id)) == ["dir"]


def test_when_somebody_had_signed_in_is_forgotten_with_them(world: World) -> None:
    ada, _ = people(world)
    reconcile(world)
    world.bench.run("7d")
    world.bench.delete(ada)
    world.bench.operating.cancel(world.bench.case(ada).id, reason="over", by="ops", now=world.bench.clock())

    Erasing(world.bench.database).erase(ada, reason="asked for it", by="ops", now=world.bench.at("1s"))

    with world.bench.database.read() as tx:
        assert tx.execute(select(stale_accounts.c.signed_in_at)).scalars().all() == [None]


# -- what holds it


def test_the_guard_holds_a_flood_of_them(database: Database, clock: FakeClock) -> None:
    limit = Limit(scope=GuardScope.OVERALL, subject="", guard_class=GuardClass.ALL, window=timedelta(days=1), count=1)
    world = a_world(database, clock, a_rule(when=STALE), guard=Guard(limits=(limit,)))
    ada, _ = people(world)
    eve = world.bench.join("eve")
    world.bench.run()
    signs_in(world, "eve", LONG_AGO)

    reconcile(world)
    world.bench.run()

    assert sum(world.crm.is_suspended(name) for name in ("ada", "eve")) <= 1
    assert {world.bench.case(each).state for each in (ada, eve)} >= {CaseState.OPEN}


def test_holds_and_observe_mode_hold_for_them(database: Database, clock: FakeClock) -> None:
    systems = {"crm": MemoryTarget(), "dir": MemoryTarget()}
    world = a_world(database, clock, a_rule(when=STALE), systems=systems, modes={"dir": Mode.OBSERVE})
    ada, _ = people(world)
    world.bench.holding.place(Scope.TARGET, "crm", reason="audit", by="ops", now=world.bench.clock())
    reconcile(world)
    signs_in(world, "bob", target="dir")
    world.worker.work(world.runs.ask("dir", by="olga", now=world.bench.clock()).id)
    world.bench.stale_accounts.run(world.bench.clock())

    world.bench.run()

    assert world.bench.states(world.bench.case(ada)) == {
        "suspend@crm": TaskState.PLANNED,
        "suspend@dir": TaskState.SKIPPED,
    }
    assert [system.writes for system in systems.values()] == [[], []]


def test_whose_account_is_not_told_about_is_found_by_nobody(world: World) -> None:
    ada, _ = people(world)
    reconcile(world)
    unlink(world)
    world.bench.run("7d")

    assert world.crm.account("ada")["suspended"], "an account is known by its id, whatever it is called"
    assert world.bench.case(ada).state is CaseState.OPEN
