"""The life of a leaver, on both stores."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.hold import Scope
from scimbridge.domain.rule import Restore, Ruleset
from scimbridge.domain.task import TaskState
from scimbridge.domain.trigger import Trigger
from scimbridge.sdk import Mode, NativeState, RejectedError, RetryableError, TargetUnusableError
from scimbridge.services.claiming import Claim
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import FEW_ACTIONS, Bench, MemoryTarget, a_rule, a_stage, an_exclusion

SUSPEND_THEN_DELETE = (a_stage("7d"), a_stage("30d", Action.DELETE))


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock)


def test_a_leaver_without_grace_is_suspended_without_the_sweeper(bench: Bench) -> None:
    ada = bench.join("ada")

    bench.leave(ada)
    bench.work()

    assert bench.systems["crm"].is_suspended("ada")
    assert bench.case(ada).state is CaseState.COMPLETED
    assert bench.states(bench.case(ada)) == {"suspend@crm": TaskState.DONE}


def test_nothing_happens_before_the_grace_is_over(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(*SUSPEND_THEN_DELETE),)))
    ada = bench.join("ada")
    bench.leave(ada)

    bench.run(timedelta(days=7) - timedelta(microseconds=1))

    assert not bench.systems["crm"].is_suspended("ada")
    assert set(bench.states(bench.case(ada)).values()) == {TaskState.PLANNED}


def test_a_grace_that_is_reached_to_the_microsecond_is_over(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(*SUSPEND_THEN_DELETE),)))
    ada = bench.join("ada")
    bench.leave(ada)

    bench.run("7d")

    assert bench.systems["crm"].is_suspended("ada")


def test_all_stages_run_in_order_and_the_case_completes(database: Database, clock: FakeClock) -> None:
    bench = Bench(
        database, clock, Ruleset((a_rule(*SUSPEND_THEN_DELETE),)), {"crm": MemoryTarget(), "dir": MemoryTarget()}
    )
    ada = bench.join("ada")
    bench.leave(ada)

    bench.run("7d")
    bench.run("23d")

    for system in bench.systems.values():
        assert [what for what, _ in system.writes] == ["suspend", "delete"]
    assert bench.case(ada).state is CaseState.COMPLETED


def test_the_second_deactivation_changes_nothing(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    bench.leave(ada)

    bench.run()

    assert bench.systems["crm"].writes == [("suspend", "native-ada")]
    assert len(bench.cases(ada)) == 1


def test_somebody_excluded_is_not_touched_and_it_is_said_why(database: Database, clock: FakeClock) -> None:
    rules = Ruleset((a_rule(),), (an_exclusion('userType eq "Service"', "owned by platform"),))
    bench = Bench(database, clock, rules)
    robot = bench.join("robot", userType="Service")

    bench.leave(robot)
    bench.run("1d")

    assert not bench.systems["crm"].is_suspended("robot")
    assert bench.cases(robot) == []
    assert bench.facts(robot) == ["excluded: owned by platform"]


def test_an_exclusion_made_during_grace_is_honored_at_claim(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("7d")),)))
    ada = bench.join("ada")
    bench.leave(ada)
    bench.holding.exclude(an_exclusion('userName eq "ada"', "needed"), by="ops", now=clock())

    bench.run("7d")

    assert bench.systems["crm"].writes == []
    assert bench.states(bench.case(ada)) == {"suspend@crm": TaskState.SKIPPED}


def test_groups_left_just_before_leaving_still_exclude(database: Database, clock: FakeClock) -> None:
    from scimbridge.domain.resource import MemberChange, MemberVerb

    bench = Bench(database, clock, Ruleset((a_rule(),), (an_exclusion('groups.display eq "Break Glass"'),)))
    ada = bench.join("ada")
    group = bench.group_intake.create_group({"displayName": "Break Glass"}, [ada], bench.received("POST"), clock())
    gone = MemberChange.of(MemberVerb.REMOVE, [ada])
    bench.group_intake.change_group(group.id, dict, [gone], bench.received(), clock.advance("1h"))

    bench.leave(ada)
    bench.run()

    assert bench.systems["crm"].writes == []


def test_a_fact_that_no_rule_matches_is_kept(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(match='userType eq "Employee"'),)))
    ada = bench.join("ada", userType="Contractor")

    bench.leave(ada)
    bench.run()

    assert bench.facts(ada) == ["no rule matches"]
    assert bench.systems["crm"].writes == []


def test_the_first_matching_rule_plans(database: Database, clock: FakeClock) -> None:
    rules = (a_rule(name="staff", match='userType eq "Employee"'), a_rule(a_stage("7d"), name="others"))
    bench = Bench(database, clock, Ruleset(rules))
    ada = bench.join("ada", userType="Contractor")

    bench.leave(ada)

    assert bench.case(ada).rule == "others"


def test_excluded_targets_have_no_task(database: Database, clock: FakeClock) -> None:
    rules = Ruleset((a_rule(exclude_targets=frozenset({"archive"})),))
    bench = Bench(database, clock, rules, {"crm": MemoryTarget(), "archive": MemoryTarget()})
    ada = bench.join("ada")

    bench.leave(ada)
    bench.run()

    assert bench.states(bench.case(ada)) == {"suspend@crm": TaskState.DONE}
    assert not bench.systems["archive"].is_suspended("ada")


def test_a_later_deletion_joins_the_open_case_and_clocks_do_not_restart(database: Database, clock: FakeClock) -> None:
    when_deleted = a_rule(a_stage("30d", Action.DELETE), name="purge", when=frozenset({Trigger.DELETED}))
    when_disabled = a_rule(a_stage("7d"), name="disable", when=frozenset({Trigger.DEACTIVATED}))
    bench = Bench(database, clock, Ruleset((when_disabled, when_deleted)), actions=FEW_ACTIONS)
    ada = bench.join("ada")
    bench.leave(ada)
    due_at = bench.tasks(bench.case(ada))[0].due_at

    clock.advance("1d")
    bench.delete(ada)

    planned = {task.action: task.due_at for task in bench.tasks(bench.case(ada))}
    assert planned == {Action.SUSPEND: due_at, Action.DELETE: bench.at("30d")}


def test_a_later_fact_brings_due_dates_forward(database: Database, clock: FakeClock) -> None:
    later = a_rule(a_stage("30d"), name="disable", when=frozenset({Trigger.DEACTIVATED}))
    sooner = a_rule(a_stage("1d"), name="delete", when=frozenset({Trigger.DELETED}))
    bench = Bench(database, clock, Ruleset((later, sooner)))
    ada = bench.join("ada")
    bench.leave(ada)

    bench.delete(ada)

    (task,) = bench.tasks(bench.case(ada))
    assert task.due_at == bench.at("1d")


def test_coming_back_during_grace_cancels_everything(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(*SUSPEND_THEN_DELETE),)))
    ada = bench.join("ada")
    bench.leave(ada)
    clock.advance("6d")

    bench.come_back(ada)
    bench.run("60d")

    assert bench.systems["crm"].writes == []
    assert bench.case(ada).state is CaseState.CANCELED


def test_coming_back_after_suspension_gives_access_back(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(*SUSPEND_THEN_DELETE),)))
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run("7d")

    bench.come_back(ada)
    bench.run("60d")

    assert [what for what, _ in bench.systems["crm"].writes] == ["suspend", "restore"]
    assert [case.state for case in bench.cases(ada)] == [CaseState.CANCELED, CaseState.COMPLETED]


def test_leaving_again_after_a_return_takes_a_new_snapshot(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run()
    bench.come_back(ada)
    bench.run()

    bench.leave(ada)
    bench.run()
    bench.come_back(ada)
    bench.run()

    assert [what for what, _ in bench.systems["crm"].writes] == ["suspend", "restore"] * 2


def test_an_account_that_was_suspended_before_us_is_not_revived(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.systems["crm"].accounts["native-ada"]["suspended"] = True
    bench.leave(ada)
    bench.run()

    bench.come_back(ada)
    bench.run()

    assert bench.systems["crm"].writes == []


def test_with_manual_restore_giving_back_waits_for_an_operator(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(restore=Restore.MANUAL),)))
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run()
    bench.come_back(ada)
    bench.run("30d")
    assert bench.systems["crm"].is_suspended("ada")

    bench.operating.retry(bench.open_case(ada).id, by="ops", now=clock())
    bench.run()

    assert not bench.systems["crm"].is_suspended("ada")


def test_a_new_user_of_a_deleted_name_is_spared_and_has_a_new_id(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(*SUSPEND_THEN_DELETE),)))
    ada = bench.join("ada")
    bench.delete(ada)
    bench.run("7d")

    again = bench.join("ada", everywhere=False)
    bench.run("60d")

    assert again != ada
    assert [what for what, _ in bench.systems["crm"].writes] == ["suspend", "restore"]


def test_somebody_else_with_the_same_name_gets_nothing_until_confirmed(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(*SUSPEND_THEN_DELETE),)))
    ada = bench.join("ada")
    bench.delete(ada)
    bench.run("7d")

    again = bench.join("ada", everywhere=False, externalId="another person")
    bench.run("60d")

    assert [what for what, _ in bench.systems["crm"].writes] == ["suspend"]
    assert bench.tasks(bench.open_case(again))[0].needs_person
    assert bench.case(ada).state is CaseState.CANCELED


def test_an_account_that_another_active_identity_owns_is_contested(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.join("ada", source="other-idp", everywhere=False)

    bench.leave(ada)
    bench.run()

    assert bench.systems["crm"].writes == []
    (task,) = bench.tasks(bench.case(ada))
    assert task.needs_person
    assert "contested" in task.reason


def test_an_unlinked_account_of_another_identity_is_found_by_matching_back(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.run()
    bench.say(ada, userName="ada.lovelace")
    bench.join("ada", source="other-idp", everywhere=False)

    bench.leave(ada)
    bench.work()

    assert bench.systems["crm"].writes == []


def test_whoever_comes_between_the_read_and_a_deletion_keeps_the_account(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("0s", Action.DELETE)),)), actions=FEW_ACTIONS)
    ada = bench.join("ada")
    accept_read = bench.claiming.accept_read

    def accept_then_join(claim: Claim, state: NativeState, now: datetime) -> NativeState:
        accepted = accept_read(claim, state, now)
        bench.join("ada", source="other-idp", everywhere=False)
        return accepted

    bench.claiming.accept_read = accept_then_join  # type: ignore[method-assign]
    bench.leave(ada)
    bench.run()

    assert bench.systems["crm"].writes == []
    (task,) = bench.tasks(bench.case(ada))
    assert task.needs_person
    assert "contested" in task.reason


def test_a_leaver_who_was_renamed_is_still_found(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.run()

    bench.say(ada, userName="ada.lovelace")
    bench.leave(ada)
    bench.run()

    assert bench.systems["crm"].is_suspended("ada")


def test_without_an_account_the_task_is_skipped_and_says_so(bench: Bench) -> None:
    ada = bench.join("ada", everywhere=False)

    bench.leave(ada)
    bench.run()

    (task,) = bench.tasks(bench.case(ada))
    assert (task.state, task.reason) == (TaskState.SKIPPED, "no account there")


def test_a_linked_account_that_is_gone_counts_as_done(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.run()
    del bench.systems["crm"].accounts["native-ada"]

    bench.leave(ada)
    bench.run()

    (task,) = bench.tasks(bench.case(ada))
    assert (task.state, task.reason) == (TaskState.DONE, "the account is gone")


def test_a_target_that_lies_is_not_believed(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.systems["crm"].is_lying = True

    bench.leave(ada)
    bench.work()

    (task,) = bench.tasks(bench.case(ada))
    assert task.state is TaskState.WAITING
    assert "unchanged" in task.reason


def test_two_targets_one_dead_for_an_hour(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, systems={"crm": MemoryTarget(), "dir": MemoryTarget()})
    ada = bench.join("ada")
    bench.run()
    bench.fail(*[RetryableError("no route")] * 1000)

    bench.leave(ada)
    for _ in range(12):
        bench.run("5m")

    assert bench.systems["dir"].is_suspended("ada")
    assert not bench.systems["crm"].is_suspended("ada")
    bench.systems["crm"].fails.clear()
    bench.run("10m")
    assert bench.systems["crm"].is_suspended("ada")


def test_retry_after_is_honored(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.run()
    bench.fail(RetryableError("429", retry_after=timedelta(minutes=30)))

    bench.leave(ada)
    bench.work()
    bench.run("29m")
    assert not bench.systems["crm"].is_suspended("ada")

    bench.run("1m")
    assert bench.systems["crm"].is_suspended("ada")


def test_retrying_ends_after_a_week_and_asks_for_a_person(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.run()
    bench.leave(ada)
    bench.fail(*[RetryableError("down")] * 2000)

    for _ in range(8 * 8):
        bench.run("3h")

    (task,) = bench.tasks(bench.case(ada))
    assert task.state is TaskState.FAILED
    assert bench.case(ada).state is CaseState.OPEN


def test_a_rejected_task_fails_and_a_retry_starts_over(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.run()
    bench.fail(RejectedError("the right to write is missing"))
    bench.leave(ada)
    bench.run()
    assert bench.tasks(bench.case(ada))[0].state is TaskState.FAILED

    bench.operating.retry(bench.case(ada).id, by="ops", now=bench.clock())
    bench.run()

    assert bench.systems["crm"].is_suspended("ada")


def test_an_unusable_target_is_paused_with_one_alarm_and_burns_no_attempts(bench: Bench) -> None:
    people = [bench.join(f"p{number}") for number in range(3)]
    bench.run()
    bench.fail(TargetUnusableError("wrong password"))
    for person in people:
        bench.leave(person)

    bench.run("1h")
    assert bench.systems["crm"].writes == []
    assert bench.alarms == [("crm", "wrong password")]
    assert {bench.tasks(bench.case(person))[0].attempts for person in people} == {0}

    bench.operating.resume("crm", by="ops", now=bench.clock())
    bench.run()
    assert len(bench.systems["crm"].writes) == 3


def test_observe_mode_reads_and_writes_nothing(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, modes={"crm": Mode.OBSERVE})
    ada, bob = bench.join("ada"), bench.join("bob")
    bench.systems["crm"].account("bob")["suspended"] = True

    bench.leave(ada)
    bench.leave(bob)
    bench.run()

    assert bench.systems["crm"].writes == []
    (task,), (nothing_to_do,) = (bench.tasks(bench.case(person)) for person in (ada, bob))
    assert (task.state, task.reason) == (TaskState.SKIPPED, "observe mode: would suspend")
    assert (nothing_to_do.state, nothing_to_do.reason) == (TaskState.DONE, "was already so; nothing was written")


def test_a_long_hold_keeps_suspension_and_deletion_apart(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(*SUSPEND_THEN_DELETE),)))
    ada = bench.join("ada")
    bench.leave(ada)
    hold = bench.holding.place(Scope.IDENTITY, ada, reason="litigation", by="legal", now=clock()).hold
    bench.run("60d")
    assert bench.systems["crm"].writes == []

    bench.holding.lift(hold.id, by="legal", now=clock())
    bench.run()
    bench.run(timedelta(days=23) - timedelta(seconds=1))
    assert [what for what, _ in bench.systems["crm"].writes] == ["suspend"]

    bench.run("1s")
    assert [what for what, _ in bench.systems["crm"].writes] == ["suspend", "delete"]


def test_a_deletion_at_one_target_does_not_postpone_the_one_at_another(database: Database, clock: FakeClock) -> None:
    systems = {"crm": MemoryTarget(), "directory": MemoryTarget()}
    bench = Bench(database, clock, Ruleset((a_rule(*SUSPEND_THEN_DELETE),)), systems, actions=FEW_ACTIONS)
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run("7d")
    hold = bench.holding.place(Scope.TARGET, "directory", reason="audit", by="ops", now=clock()).hold
    bench.run("23d")
    assert (systems["crm"].accounts, len(systems["directory"].accounts)) == ({}, 1)

    bench.holding.lift(hold.id, by="ops", now=clock())
    bench.run("1d")

    assert systems["directory"].accounts == {}


def test_nothing_is_deleted_while_the_suspension_has_failed(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(*SUSPEND_THEN_DELETE),)))
    ada = bench.join("ada")
    bench.run()
    bench.leave(ada)
    bench.fail(RejectedError("no right"))
    bench.run("7d")

    bench.run("90d")

    assert bench.systems["crm"].writes == []
    assert bench.states(bench.case(ada))["delete@crm"] is TaskState.PLANNED


def test_first_seen_inactive_starts_no_case(bench: Bench) -> None:
    ada = bench.join("ada", active=False)

    bench.run("1d")

    assert bench.cases(ada) == []
    assert bench.systems["crm"].writes == []
