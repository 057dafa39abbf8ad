"""What is asked once more, of the account that was really found and read, right before anything happens to it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.exclusion import Exclusion, Spared
from scimbridge.domain.filter import IdentityFilter
from scimbridge.domain.rule import Restore, Ruleset
from scimbridge.domain.source import SourceProfile
from scimbridge.domain.task import TaskState
from scimbridge.sdk import AccountState
from scimbridge.sdk.state import AccountRef
from scimbridge.services.claiming import Claim, LookUp
from scimbridge.services.eligibility import Consequence, ObstacleError
from scimbridge.store import schema
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import FEW_ACTIONS, SOURCE, Bench, MemoryTarget, a_rule, a_stage
from tests.services.kept import rows
from tests.services.test_leases import a_linked_leaver, attempt_rows, let_the_lease_run_out

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock)


def claimed(bench: Bench, user: str) -> tuple[Claim, AccountState]:
    """Claim somebody's next task, and read the account."""
    claim = bench.claiming.claim(bench.account(user).id, bench.clock())
    assert isinstance(claim, Claim)
    return claim, bench.fleet.connector("crm").read("native-ada")


def test_an_attempt_whose_lease_is_over_may_not_go_on(bench: Bench) -> None:
    ada = a_linked_leaver(bench)
    claim, state = claimed(bench, ada)
    let_the_lease_run_out(bench)

    with pytest.raises(ObstacleError, match=r"^the lease has run out; the next attempt looks first$") as raised:
        bench.claiming.accept_read(claim, state, bench.clock())

    assert raised.value.obstacle.consequence is Consequence.HOLD
    (attempt,) = attempt_rows(bench, ada)
    assert (attempt["outcome"], attempt["state_read"], attempt["read_at"]) == ("lapsed", None, None)


def test_an_attempt_whose_lease_is_over_links_nothing(bench: Bench) -> None:
    ada = bench.join("ada")
    look_up = bench.claiming.claim(bench.account(ada).id, bench.clock())
    assert isinstance(look_up, LookUp)
    let_the_lease_run_out(bench)

    assert not bench.claiming.link(look_up, AccountRef(id="native-ada", name="ada"), bench.clock())

    assert bench.account(ada).native_id is None


def test_an_account_that_somebody_new_may_own_is_not_deleted(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("0s", Action.DELETE)),)), actions=FEW_ACTIONS)
    ada = a_linked_leaver(bench)
    bench.sweep()
    claim, state = claimed(bench, ada)
    bench.claiming.accept_read(claim, state, clock())
    bench.claiming.confirm(claim, clock(), state)

    bench.join("ada", source="other", everywhere=False)  # whose account nobody has looked up yet

    with pytest.raises(ObstacleError, match=r"^contested: another active identity owns this account"):
        bench.claiming.confirm(claim, clock(), state)


def test_nobody_is_asked_before_a_protected_account_gets_back_what_was_taken(
    database: Database, clock: FakeClock
) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(restore=Restore.AUTO),)), actions=FEW_ACTIONS)
    ada = a_linked_leaver(bench)
    bench.run()
    bench.systems["crm"].account("ada")["owns"] = [bench.systems["crm"].offer("Roadmap", is_privileged=True)]
    bench.come_back(ada)
    claim, state = claimed(bench, ada)
    assert claim.task.action is Action.RESTORE
    assert state.protection

    bench.claiming.confirm(claim, clock(), bench.claiming.accept_read(claim, state, clock()))


def test_one_claim_ends_everything_on_an_account_that_may_not_be_done(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("0s", Action.SUSPEND, Action.REVOKE_SESSIONS)),)))
    ada = a_linked_leaver(bench)
    vip = Exclusion(reason="vip", match=IdentityFilter('userName eq "ada"'))
    bench.holding.exclude(vip, by="ops", now=clock())

    assert bench.claiming.claim(bench.account(ada).id, clock()) is None

    assert [task.state for task in bench.tasks(bench.case(ada))] == [TaskState.SKIPPED] * 2


@pytest.mark.parametrize(
    ("target", "until", "is_spared"),
    [
        ("crm", None, True),
        ("", None, True),
        ("directory", None, False),
        ("crm", timedelta(minutes=2), True),
        ("crm", timedelta(minutes=1), False),
    ],
)
def test_an_account_that_is_excluded_is_not_even_taken_up(
    database: Database, clock: FakeClock, target: str, until: timedelta | None, is_spared: bool
) -> None:
    bench = Bench(database, clock, systems={"crm": MemoryTarget(), "directory": MemoryTarget()})
    end = clock() + until if until is not None else None
    spared = Exclusion(reason="vip", spared=Spared.ACCOUNT, subject="native-ada", target=target, until=end)
    bench.holding.exclude(spared, by="ops", now=clock())
    ada = bench.join("ada")
    bench.leave(ada)
    clock.advance("1m")

    bench.work()

    (task,) = (task for task in bench.tasks(bench.case(ada)) if task.target == "crm")
    expected = (TaskState.SKIPPED, "excluded: vip") if is_spared else (TaskState.DONE, "done, and read back")
    assert (task.state, task.reason) == expected
    assert bench.account(ada).native_id == (None if is_spared else "native-ada")
    (account,) = (row for row in rows(bench, schema.accounts) if row["target"] == "crm")
    assert account["linked_at"] == (None if is_spared else clock())
    look_ups = [row for row in rows(bench, schema.attempts) if row["task_id"] is None and row["target"] == "crm"]
    assert [row["reason"] for row in look_ups] == (["excluded: vip"] if is_spared else [])


def test_an_account_that_was_spared_is_linked_once_the_exclusion_is_over(bench: Bench) -> None:
    spared = Exclusion(reason="vip", spared=Spared.ACCOUNT, subject="native-ada", target="crm", until=bench.at("23h"))
    bench.holding.exclude(spared, by="ops", now=bench.clock())
    ada = bench.join("ada")

    bench.run()
    account = bench.account(ada)
    assert (account.native_id, account.note, account.link_due_at) == (None, "excluded: vip", bench.at("1d"))

    bench.run("1d")
    account = bench.account(ada)
    assert (account.native_id, account.note, account.link_due_at) == ("native-ada", "", None)


@pytest.mark.parametrize(("until", "kept"), [("2m", ["Board"]), ("1m", [])])
def test_an_excluded_group_keeps_its_members_until_the_exclusion_ends(
    database: Database, clock: FakeClock, until: str, kept: list[str]
) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("0s", Action.REMOVE_FROM_GROUPS)),)))
    bench.systems["crm"].add("ada", groups=["Sales", "Board"])
    ada = bench.join("ada", everywhere=False)
    spared = Exclusion(reason="board", spared=Spared.GROUP, subject="Board", target="crm", until=bench.at(until))
    bench.holding.exclude(spared, by="ops", now=clock())
    bench.leave(ada)
    clock.advance("1m")

    bench.work()

    assert bench.systems["crm"].names("ada", "groups") == kept


def test_what_a_rule_excludes_is_asked_once_more(database: Database, clock: FakeClock) -> None:
    rule = a_rule(exclude=IdentityFilter('title eq "Advisor"'))
    bench = Bench(database, clock, Ruleset((rule,)))
    ada = a_linked_leaver(bench)
    bench.say(ada, title="Advisor")

    bench.work()

    (task,) = bench.tasks(bench.case(ada))
    assert task.state is TaskState.SKIPPED
    assert task.reason.endswith("excluded by rule 'leavers'")


def test_who_has_just_left_a_spared_group_is_spared_at_the_last_look_too(database: Database, clock: FakeClock) -> None:
    spared = a_rule(exclude=IdentityFilter('groups.display eq "Break Glass"'))
    memory = SourceProfile(membership_memory=timedelta(hours=1))
    bench = Bench(database, clock, Ruleset((spared,)), profiles={SOURCE: memory})
    ada = a_linked_leaver(bench)
    claim, state = claimed(bench, ada)
    group = bench.group("Break Glass", ada)
    bench.change_group(group, remove=[ada])

    with pytest.raises(ObstacleError, match=r"excluded by rule"):
        bench.claiming.accept_read(claim, state, clock())


def test_what_is_given_back_is_given_whoever_else_has_the_account(bench: Bench) -> None:
    ada = a_linked_leaver(bench)
    bench.run("1m")
    bench.join("ada", source="other", everywhere=False)

    bench.come_back(ada)
    bench.execution.work(bench.account(ada).id)

    assert not bench.systems["crm"].is_suspended("ada")


def test_an_account_that_is_so_already_has_no_snapshot(bench: Bench) -> None:
    ada = a_linked_leaver(bench)
    bench.systems["crm"].account("ada")["suspended"] = True

    bench.work()

    assert bench.tasks(bench.case(ada))[0].reason == "was already so; nothing was written"
    assert rows(bench, schema.snapshots) == []


def test_other_targets_are_nothing_to_an_accounts_own_work(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, systems={"crm": MemoryTarget(), "directory": MemoryTarget()})
    ada = a_linked_leaver(bench)
    spared = Exclusion(reason="legacy", spared=Spared.TARGET, subject="directory")
    bench.holding.exclude(spared, by="ops", now=clock())

    bench.work()

    states = bench.states(bench.case(ada))
    assert states == {"suspend@crm": TaskState.DONE, "suspend@directory": TaskState.SKIPPED}
