"""Approvals: what cannot be undone waits for a person, and for exactly what that person saw. On both stores."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.hold import Scope
from scimbridge.domain.rule import Rule, Ruleset, Stage, Terms
from scimbridge.domain.task import TaskState
from scimbridge.errors import ApprovalRefusedError, CaseClosedError, NotFoundError
from scimbridge.sdk import AccountState, Entitlement, RetryableError
from scimbridge.services.approving import Approved
from scimbridge.store import journal
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import FEW_ACTIONS, Bench, MemoryConnector, a_rule, a_stage

ADMINS = Entitlement("g1", "Domain Admins", is_privileged=True)
ROADMAP = Entitlement("d1", "Roadmap")

Shown = dict[str, dict[str, Any]]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """What accounts show beside what the targets in memory know, by native id."""
    more: Shown = {}
    read = MemoryConnector.read

    def read_more(connector: MemoryConnector, account_id: str) -> AccountState:
        state = read(connector, account_id)
        return replace(state, **more.get(state.id, {}))

    monkeypatch.setattr(MemoryConnector, "read", read_more)
    return more


def approved(stage: Stage, approvers: int = 1, **terms: Any) -> Stage:
    return replace(stage, terms=Terms(approvers=approvers, **terms))


def deleting(approvers: int = 1) -> Rule:
    return a_rule(a_stage("1d"), approved(a_stage("30d", Action.DELETE), approvers), version="1")


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock, Ruleset((deleting(),)), actions=FEW_ACTIONS)


def approve(bench: Bench, user: str, by: str = "eve", stage: int | None = None) -> Approved:
    proposal = bench.approving.propose(bench.open_case(user).id, stage, bench.clock())
    return bench.approving.approve(proposal, by=by, now=bench.clock())


def is_deleted(bench: Bench, name: str = "ada") -> bool:
    return f"native-{name}" not in bench.systems["crm"].accounts


def blocked(bench: Bench, user: str) -> Any:
    """The first task that has not ended: groups are left before an account is deleted."""
    return next(task for task in bench.tasks(bench.case(user)) if not task.is_finished)


def delete_task(bench: Bench, user: str) -> Any:
    (task,) = (task for task in bench.tasks(bench.case(user)) if task.action is Action.DELETE)
    return task


def test_what_cannot_be_undone_waits_for_its_approval(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)

    bench.run("1d")
    bench.run("200d")

    assert not is_deleted(bench)
    assert delete_task(bench, ada).state is TaskState.PLANNED


def test_it_is_done_once_approved(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run("1d")
    bench.run("40d")

    came = approve(bench, ada)
    bench.run()

    assert (came.given, came.wanted) == (1, 1)
    assert is_deleted(bench)
    assert "stage approved" in bench.events(bench.case(ada))


def test_an_early_approval_does_not_shorten_the_grace(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    approve(bench, ada, stage=2)

    bench.run("1d")
    bench.run("28d")

    assert not is_deleted(bench)


def test_an_early_approval_outlives_what_the_bridge_itself_does_meanwhile(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    approve(bench, ada)

    bench.run("1d")
    bench.run("29d")

    assert is_deleted(bench)


def test_somebody_elses_change_after_the_bridges_own_lets_it_lapse(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    approve(bench, ada)
    bench.run("1d")
    bench.systems["crm"].accounts["native-ada"]["suspended"] = False

    bench.run("29d")

    assert not is_deleted(bench)
    assert "has lapsed: the account at crm has changed (enabled)" in blocked(bench, ada).reason


def test_somebody_elses_change_before_the_bridges_own_does_not_hide_behind_it(bench: Bench, shown: Shown) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    approve(bench, ada)
    shown["native-ada"] = {"container": "board"}

    bench.run("1d")

    assert bench.systems["crm"].is_suspended("ada")
    assert bench.approving.stages(bench.case(ada).id)[1].approved_by == ()


@pytest.mark.parametrize(
    ("part", "now"),
    [
        ("container", {"container": "board"}),
        ("privileged", {"groups": (ADMINS,)}),
        ("protected", {"protected": "the last owner of Roadmap"}),
        ("owns", {"owns": (ROADMAP,)}),
    ],
)
def test_each_decisive_part_lets_the_approval_lapse(bench: Bench, shown: Shown, part: str, now: dict[str, Any]) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run("1d")
    bench.clock.advance("40d")
    approve(bench, ada)
    shown["native-ada"] = now

    bench.run()

    task = blocked(bench, ada)
    assert not is_deleted(bench)
    assert (task.state, task.attempts) == (TaskState.PLANNED, 0)
    assert part in task.reason
    assert {"approval lapsed", "task postponed"} <= set(bench.events(bench.case(ada)))


def test_what_has_lapsed_can_be_approved_anew(bench: Bench, shown: Shown) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run("1d")
    bench.clock.advance("40d")
    approve(bench, ada)
    shown["native-ada"] = {"container": "board"}
    bench.run()

    approve(bench, ada)
    bench.run()

    assert is_deleted(bench)


def test_a_harmless_change_lets_nothing_lapse(bench: Bench, shown: Shown) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run("1d")
    bench.clock.advance("40d")
    approve(bench, ada)
    shown["native-ada"] = {"hidden": True, "name": "ada (left)"}

    bench.run()

    assert is_deleted(bench)


def test_a_rule_that_was_changed_since_lets_it_lapse(database: Database, clock: FakeClock) -> None:
    before = Bench(database, clock, Ruleset((deleting(),)), actions=FEW_ACTIONS)
    ada = before.join("ada")
    before.leave(ada)
    before.run("1d")
    clock.advance("40d")
    approve(before, ada)
    after = Bench(database, clock, Ruleset((replace(deleting(), version="2"),)), before.systems, actions=FEW_ACTIONS)

    after.run()

    assert not is_deleted(after)
    assert "rule 'leavers' was changed" in blocked(after, ada).reason


def test_another_manager_lets_it_lapse_where_the_manager_gets_something(database: Database, clock: FakeClock) -> None:
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    stage = approved(a_stage("30d", Action.TRANSFER_OWNERSHIP), successor="manager")
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("1d"), stage, version="1"),)))
    grace, bob = bench.join("grace"), bench.join("bob")
    before: dict[str, Any] = {enterprise: {"manager": {"value": grace}}}
    after: dict[str, Any] = {enterprise: {"manager": {"value": bob}}}
    ada = bench.join("ada", **before)
    bench.systems["crm"].account("ada")["owns"] = [bench.systems["crm"].offer("Roadmap")]
    bench.leave(ada)
    approve(bench, ada)
    bench.say(ada, **after)

    bench.run("1d")
    bench.run("30d")

    assert bench.systems["crm"].names("ada", "owns") == ["Roadmap"]
    assert bench.approving.stages(bench.case(ada).id)[1].approved_by == ()


def test_an_approval_that_is_taken_back_stops_what_was_released(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run("1d")
    bench.clock.advance("40d")
    approve(bench, ada)
    bench.sweep()
    assert blocked(bench, ada).state is TaskState.READY

    bench.approving.withdraw(bench.case(ada).id, None, reason="not yet", by="bob", now=bench.clock())
    assert blocked(bench, ada).state is TaskState.PLANNED
    bench.run()

    assert not is_deleted(bench)
    assert "approval withdrawn" in bench.events(bench.case(ada))


def test_an_approval_that_is_taken_back_at_the_last_moment_stops_the_request(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run("1d")
    bench.clock.advance("40d")
    approve(bench, ada)
    bench.sweep()
    confirm = bench.claiming.confirm

    def withdraw_first(claim: Any, now: Any, state: Any = None) -> None:
        bench.approving.withdraw(bench.case(ada).id, 2, reason="wait", by="bob", now=now)
        confirm(claim, now, state)

    bench.claiming.confirm = withdraw_first  # type: ignore[method-assign]
    bench.run()

    assert not is_deleted(bench)
    assert delete_task(bench, ada).state is TaskState.PLANNED


def test_what_was_released_before_its_approval_went_waits_again_at_claim(bench: Bench) -> None:
    from scimbridge.store import approvals

    ada = bench.join("ada")
    bench.leave(ada)
    bench.run("1d")
    bench.clock.advance("40d")
    approve(bench, ada)
    bench.sweep()
    with bench.database.write() as tx:
        approvals.lapse(tx, blocked(bench, ada).stage_id, "by another process", bench.clock())

    bench.work()

    assert not is_deleted(bench)
    assert blocked(bench, ada).reason == "waits for the approval of its stage"


def test_who_took_it_back_too_late_is_told(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run("1d")
    bench.clock.advance("40d")
    approve(bench, ada)
    late: list[int] = []

    def withdraw() -> None:
        found = bench.approving.withdraw(bench.case(ada).id, 2, reason="wait", by="bob", now=bench.clock())
        late.append(len(found.too_late_for))

    bench.systems["crm"].before_write = withdraw
    bench.run()

    assert late == [1]


# -- four eyes


@pytest.fixture
def strict(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock, Ruleset((deleting(approvers=2),)))


def test_four_eyes_are_two_operators(strict: Bench) -> None:
    ada = strict.join("ada")
    strict.leave(ada)
    strict.run("1d")
    strict.clock.advance("40d")

    first = approve(strict, ada, "eve")
    strict.run()
    assert not is_deleted(strict)
    second = approve(strict, ada, "bob")
    strict.run()

    assert (first.given, second.given) == (1, 2)
    assert is_deleted(strict)


@pytest.mark.parametrize(
    ("first", "second", "given"),
    [
        ("ada", "grace@example.com (oidc)", 1),
        ("grace@example.com (oidc)", "ada", 1),
        ("ada", "ada (oidc)", 1),
        ("Ada (oidc)", "ada", 1),
        ("ada (oidc)", "grace (oidc)", 2),
    ],
)
def test_nobody_is_two_by_signing_in_in_two_ways(strict: Bench, first: str, second: str, given: int) -> None:
    ada = strict.join("ada")
    strict.leave(ada)
    approve(strict, ada, first)

    if given == 2:
        assert approve(strict, ada, second).given == 2
        return
    with pytest.raises(ApprovalRefusedError, match=r"may be one person|has approved"):
        approve(strict, ada, second)


@pytest.mark.parametrize("again", ["eve", "EVE", " eve "])
def test_nobody_is_two_operators(strict: Bench, again: str) -> None:
    ada = strict.join("ada")
    strict.leave(ada)
    approve(strict, ada, "eve")

    with pytest.raises(ApprovalRefusedError, match="already; it takes 1 more operator"):
        approve(strict, ada, again)


def test_who_asked_for_a_case_does_not_approve_it(strict: Bench, database: Database) -> None:
    from sqlalchemy import update

    from scimbridge.store.schema import cases

    ada = strict.join("ada")
    strict.leave(ada)
    with database.write() as tx:
        tx.execute(update(cases).values(opened_by="mallory"))

    with pytest.raises(ApprovalRefusedError, match="asked for this case"):
        approve(strict, ada, "Mallory")
    approve(strict, ada, "eve")

    assert strict.approving.stages(strict.case(ada).id)[1].missing == 1


def test_a_second_operator_who_sees_something_else_ends_the_firsts_approval(strict: Bench, shown: Shown) -> None:
    ada = strict.join("ada")
    strict.leave(ada)
    approve(strict, ada, "eve")
    shown["native-ada"] = {"owns": (ROADMAP,)}

    came = approve(strict, ada, "bob")

    assert (came.given, came.wanted) == (1, 2)
    assert "owns" in came.lapsed
    assert strict.approving.stages(strict.case(ada).id)[1].approved_by == ("bob",)


def test_one_lapse_takes_both_approvals(strict: Bench, shown: Shown) -> None:
    ada = strict.join("ada")
    strict.leave(ada)
    strict.run("1d")
    strict.clock.advance("40d")
    approve(strict, ada, "eve")
    approve(strict, ada, "bob")
    shown["native-ada"] = {"container": "board"}

    strict.run()

    assert strict.approving.stages(strict.case(ada).id)[1].missing == 2


@pytest.mark.parametrize(("names", "given"), [(("eve", "bob"), 2), (("eve", "Eve"), 1)])
def test_two_at_the_same_moment_are_counted_right(strict: Bench, names: tuple[str, str], given: int) -> None:
    ada = strict.join("ada")
    strict.leave(ada)
    proposal = strict.approving.propose(strict.case(ada).id, None, strict.clock())
    together = threading.Barrier(2)
    refused: list[ApprovalRefusedError] = []

    def say_yes(name: str) -> None:
        together.wait()
        try:
            strict.approving.approve(proposal, by=name, now=strict.clock())
        except ApprovalRefusedError as error:
            refused.append(error)

    threads = [threading.Thread(target=say_yes, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(strict.approving.stages(strict.case(ada).id)[1].approved_by) == given
    assert len(refused) == 2 - given


# -- what an operator is shown, and refused


def test_a_proposal_shows_the_accounts_as_they_are_now_and_writes_nothing(bench: Bench, shown: Shown) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    shown["native-ada"] = {"groups": (ADMINS,)}
    events = bench.events(bench.case(ada))

    proposal = bench.approving.propose(bench.case(ada).id, None, bench.clock())

    (seen,) = proposal.seen
    assert (proposal.stage.number, seen.target) == (2, "crm")
    assert isinstance(seen.state, AccountState)
    assert seen.state.groups == (ADMINS,)
    assert seen.subject.decisive is not None
    assert seen.subject.decisive["privileged"] == ["g1"]
    assert bench.events(bench.case(ada)) == events
    assert bench.systems["crm"].writes == []


def test_no_transaction_is_open_while_accounts_are_read(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    seen: list[bool] = []
    bench.systems["crm"].before_read = lambda: seen.append(bench.database.is_writing)

    approve(bench, ada)

    assert seen == [False]


def test_an_account_that_was_never_linked_is_found_for_it(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((deleting(),)))
    ada = bench.join("ada")
    bench.leave(ada)

    proposal = bench.approving.propose(bench.case(ada).id, None, clock())

    assert proposal.seen[0].subject.native_id == "native-ada"
    assert bench.account(ada).native_id is None


def test_somebody_without_an_account_can_be_approved_and_nothing_is_done(bench: Bench) -> None:
    ada = bench.join("ada", everywhere=False)
    bench.leave(ada)

    came = approve(bench, ada)
    bench.run("1d")
    bench.run("40d")

    assert came.given == 1
    assert delete_task(bench, ada).state is TaskState.SKIPPED


def test_an_account_that_appears_after_the_approval_was_not_approved(bench: Bench) -> None:
    ada = bench.join("ada", everywhere=False)
    bench.leave(ada)
    approve(bench, ada)
    bench.run("1d")
    bench.systems["crm"].add("ada")

    bench.run("40d")

    assert not is_deleted(bench)
    assert delete_task(bench, ada).state is TaskState.PLANNED


def test_what_cannot_be_read_cannot_be_approved(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    bench.fail(RetryableError("503"))

    with pytest.raises(ApprovalRefusedError, match="the account at crm cannot be read: 503"):
        approve(bench, ada)


def test_a_stage_that_needs_none_is_not_approved(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)

    with pytest.raises(ApprovalRefusedError, match="needs no approval"):
        approve(bench, ada, stage=1)


@pytest.mark.parametrize("number", [0, 3])
def test_a_stage_that_is_not_there_is_said_so(bench: Bench, number: int) -> None:
    ada = bench.join("ada")
    bench.leave(ada)

    with pytest.raises(NotFoundError, match="no stage of case"):
        approve(bench, ada, stage=number)


def test_nothing_to_approve_is_said_so(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("1d")),)))
    ada = bench.join("ada")
    bench.leave(ada)

    with pytest.raises(ApprovalRefusedError, match="waits for an approval"):
        approve(bench, ada)


def test_a_case_that_ends_while_somebody_reads_is_not_approved(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    proposal = bench.approving.propose(bench.case(ada).id, None, bench.clock())
    bench.come_back(ada)

    with pytest.raises(CaseClosedError):
        bench.approving.approve(proposal, by="eve", now=bench.clock())


def test_an_approval_does_not_lift_a_hold(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run("1d")
    bench.clock.advance("40d")
    proposal = bench.approving.propose(bench.case(ada).id, None, bench.clock())
    bench.holding.place(Scope.CASE, bench.case(ada).id, reason="litigation", by="legal", now=bench.clock())

    bench.approving.approve(proposal, by="eve", now=bench.clock())
    bench.run()

    assert not is_deleted(bench)


def test_an_approval_outlives_the_process_that_acts_on_it(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run("1d")
    bench.clock.advance("40d")
    approve(bench, ada)
    bench.sweep()

    class Killed(BaseException):
        pass

    def die() -> None:
        bench.systems["crm"].before_write = lambda: None
        raise Killed

    bench.systems["crm"].before_write = die
    with pytest.raises(Killed):
        bench.run()
    bench.run("1m")

    assert is_deleted(bench)


def test_a_suspension_that_nobody_saw_end_is_no_reason_to_ask_again(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    approve(bench, ada)

    class Killed(BaseException):
        pass

    def die() -> None:
        bench.systems["crm"].after_write = lambda: None
        raise Killed

    bench.systems["crm"].after_write = die
    with pytest.raises(Killed):
        bench.run("1d")
    bench.run("1m")
    bench.run("40d")

    assert is_deleted(bench)


def test_a_stage_of_several_actions_is_one_approval(database: Database, clock: FakeClock) -> None:
    both = approved(a_stage("1d", Action.SUSPEND))
    bench = Bench(database, clock, Ruleset((a_rule(both, approved(a_stage("2d", Action.DELETE))),)))
    ada = bench.join("ada")
    bench.leave(ada)

    bench.run("1d")
    assert not bench.systems["crm"].is_suspended("ada")
    approve(bench, ada)
    bench.run()

    assert bench.systems["crm"].is_suspended("ada")
    assert not is_deleted(bench)


# -- protected accounts


@pytest.fixture
def quick(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock, Ruleset((a_rule(),)))


PROTECTED: list[dict[str, Any]] = [{"groups": (ADMINS,)}, {"protected": "the last owner of Roadmap"}]


@pytest.mark.parametrize("now", PROTECTED)
def test_a_protected_account_waits_for_a_person(quick: Bench, shown: Shown, now: dict[str, Any]) -> None:
    ada = quick.join("ada")
    shown["native-ada"] = now
    quick.leave(ada)

    quick.run()

    (task,) = quick.tasks(quick.case(ada))
    assert task.needs_person
    assert not quick.systems["crm"].is_suspended("ada")
    assert task.reason.startswith("protected: ")
    assert task.reason.endswith("; approving its stage lets exactly this state through")


def test_the_last_owner_waits_for_a_person_and_one_of_several_does_not(quick: Bench) -> None:
    crm = quick.systems["crm"]
    team = crm.offer("Team", is_privileged=True)
    ada, bob = quick.join("ada"), quick.join("bob")
    for name in ("ada", "bob"):
        crm.account(name)["owns"] = [team]

    quick.leave(ada)
    quick.run()
    quick.leave(bob)
    quick.run()

    (task,) = quick.tasks(quick.case(bob))
    assert crm.is_suspended("ada")
    assert not crm.is_suspended("bob")
    assert task.needs_person
    assert task.reason.startswith("protected: the last owner of Team; ")


def test_retrying_alone_does_not_touch_a_protected_account(quick: Bench, shown: Shown) -> None:
    ada = quick.join("ada")
    shown["native-ada"] = {"groups": (ADMINS,)}
    quick.leave(ada)
    quick.run()

    quick.operating.retry(quick.case(ada).id, by="eve", now=quick.clock())
    quick.run()

    assert not quick.systems["crm"].is_suspended("ada")


@pytest.mark.parametrize("now", PROTECTED)
def test_an_approval_lets_exactly_this_state_through(quick: Bench, shown: Shown, now: dict[str, Any]) -> None:
    ada = quick.join("ada")
    shown["native-ada"] = now
    quick.leave(ada)
    quick.run()

    came = approve(quick, ada)
    quick.run()

    assert (came.given, came.wanted, len(came.retried)) == (1, 1, 1)
    assert quick.systems["crm"].is_suspended("ada")


def test_a_protected_account_that_has_changed_since_is_asked_about_again(quick: Bench, shown: Shown) -> None:
    ada = quick.join("ada")
    shown["native-ada"] = {"groups": (ADMINS,)}
    quick.leave(ada)
    quick.run()
    approve(quick, ada)
    shown["native-ada"] = {"groups": (ADMINS, Entitlement("g2", "Owners", is_privileged=True))}

    quick.run()

    (task,) = quick.tasks(quick.case(ada))
    assert task.needs_person
    assert not quick.systems["crm"].is_suspended("ada")


def test_an_approval_of_a_protected_account_that_is_taken_back_at_the_last_moment_stops_the_request(
    database: Database, clock: FakeClock
) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("0s", Action.DELETE)),)), actions=FEW_ACTIONS)
    ada = bench.join("ada")
    bench.systems["crm"].account("ada")["owns"] = [bench.systems["crm"].offer("Roadmap", is_privileged=True)]
    bench.leave(ada)
    bench.run()
    approve(bench, ada)
    confirm = bench.claiming.confirm

    def withdraw_first(claim: Any, now: Any, state: Any = None) -> None:
        bench.approving.withdraw(bench.case(ada).id, 1, reason="wait", by="bob", now=now)
        confirm(claim, now, state)

    bench.claiming.confirm = withdraw_first  # type: ignore[method-assign]
    bench.run()

    assert not is_deleted(bench)
    assert delete_task(bench, ada).needs_person


def test_a_protected_account_that_is_so_already_needs_nobody(quick: Bench, shown: Shown) -> None:
    ada = quick.join("ada")
    quick.systems["crm"].accounts["native-ada"]["suspended"] = True
    shown["native-ada"] = {"groups": (ADMINS,)}

    quick.leave(ada)
    quick.run()

    assert quick.states(quick.case(ada)) == {"suspend@crm": TaskState.DONE}


def test_an_ordinary_group_protects_nobody(quick: Bench, shown: Shown) -> None:
    ada = quick.join("ada")
    shown["native-ada"] = {"groups": (Entitlement("g3", "Sales"),)}

    quick.leave(ada)
    quick.run()

    assert quick.systems["crm"].is_suspended("ada")


def test_the_digest_in_the_history_is_that_of_the_document(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)

    came = approve(bench, ada)

    with bench.database.read() as tx:
        (entry,) = (e for e in journal.entries_of_case(tx, bench.case(ada).id) if e["event"] == "stage approved")
    assert entry["details"]["digest"] == came.approval.digest
    assert entry["actor"] == "eve"
    assert entry["reason"] == "stage 2, 1 of 1"
