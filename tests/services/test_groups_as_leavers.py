"""What makes groups at targets different from people when they are given up.

The engine is the same, and is tested on both stores elsewhere; this is one store's worth of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from scimbridge.domain.action import Action, GuardClass
from scimbridge.domain.case import CaseKind
from scimbridge.domain.exclusion import Exclusion, Spared
from scimbridge.domain.hold import Scope
from scimbridge.domain.leavers import Leaver
from scimbridge.domain.request import Asked, Outcome
from scimbridge.domain.rule import Ruleset, Terms
from scimbridge.domain.task import TaskState
from scimbridge.domain.trigger import Trigger
from scimbridge.errors import ApprovalRefusedError
from scimbridge.sdk import Mode, RejectedError, RetryableError
from scimbridge.services.rehearsal.replay import judged
from scimbridge.services.stale_groups import StaleGroups
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.emptying import OnSqlite
from tests.notices.post_office import post_office
from tests.services.bench import Bench, MemoryConnector, MemoryTarget, a_rule, a_stage
from tests.services.retired import (
    a_bench,
    a_group_rule,
    a_limit,
    approve,
    ask,
    asks,
    case,
    form,
    give_up,
    states,
)
from tests.services.test_telling import mail_to


@pytest.fixture
def database(on_sqlite: OnSqlite) -> Iterator[Database]:
    on_sqlite.empty()
    yield on_sqlite.database
    on_sqlite.database.close()


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return a_bench(database, clock)


@pytest.fixture
def crm(bench: Bench) -> MemoryTarget:
    return bench.systems["crm"]


# -- who is meant


def test_a_name_that_two_groups_have_is_left_to_a_person(bench: Bench, crm: MemoryTarget) -> None:
    crm.forms |= {"a": {"id": "a", "name": "Fair"}, "b": {"id": "b", "name": "Fair"}}

    findings = ask(bench, "Fair", "a", "Nobody", partial=True)

    assert [finding.outcome for finding in findings] == [Outcome.AMBIGUOUS, Outcome.OPENED, Outcome.UNKNOWN]
    assert "a, b" in findings[0].why


def test_one_line_that_cannot_be_leaves_all_groups_alone(bench: Bench, crm: MemoryTarget) -> None:
    form(bench)

    findings = ask(bench, "Fair 2019", "Nobody")
    bench.run()

    assert [finding.outcome for finding in findings] == [Outcome.OPENED, Outcome.UNKNOWN]
    assert findings[0].case_id is None
    assert crm.writes == []


def test_asking_twice_does_nothing_twice(bench: Bench, crm: MemoryTarget) -> None:
    form(bench)

    twice = ask(bench, "Fair 2019", "id-Fair 2019")
    bench.run()
    (later,) = ask(bench, "Fair 2019")

    assert [finding.outcome for finding in twice] == [Outcome.OPENED, Outcome.REPEATED]
    assert (later.outcome, later.case_id) == (Outcome.ALREADY, twice[0].case_id)
    assert len(crm.writes) == 1


def test_a_group_with_two_lives_has_two_cases(bench: Bench, crm: MemoryTarget) -> None:
    """What is given back can go later all the same, and is looked at anew then."""
    form(bench, "Fair 2019", "ada")
    first = give_up(bench)
    bench.giving_back.restore(first.id, reason="needed", by="eve", now=bench.clock())
    bench.run()
    join(bench)

    second = give_up(bench)

    assert second.id != first.id
    assert asks(bench, second) == []
    assert states(bench, second)["stamp_group"] is TaskState.DONE


def test_a_file_is_as_long_as_it_likes_and_a_rule_for_people_is_for_no_group(
    database: Database, clock: FakeClock
) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(),)))
    form(bench)

    (finding,) = ask(bench, "Fair 2019", partial=True)

    assert finding.outcome is Outcome.LEFT_ALONE
    assert "no rule" in finding.why


def test_a_rule_for_groups_is_for_nobody(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_group_rule(when=frozenset(Trigger)),)))
    ada = bench.join("ada")

    bench.leave(ada)

    assert bench.cases(ada) == []


def test_a_person_of_the_groups_name_is_somebody_else(bench: Bench, crm: MemoryTarget) -> None:
    form(bench, "ada", "ben")
    give_up(bench, "ada")
    ada = bench.join("ada")

    bench.leave(ada)
    bench.run()

    assert crm.is_suspended("ada")
    assert len(bench.cases(ada)) == 1
    assert crm.members("ada") == ["ben"]


# -- what has changed since


def rename(bench: Bench) -> None:
    bench.systems["crm"].forms["id-Fair 2019"]["name"] = "Fair 2031"


def join(bench: Bench) -> None:
    bench.systems["crm"].add("cid", groups=["Fair 2019"])


def move_elsewhere(bench: Bench) -> None:
    bench.systems["crm"].forms["id-Fair 2019"]["container"] = "people"


def take_stamp_off(bench: Bench) -> None:
    bench.systems["crm"].forms["id-Fair 2019"]["note"] = "needed!"


def let_open(bench: Bench) -> None:
    bench.systems["crm"].forms["id-Fair 2019"]["opens"] = [["s1", "Stands"], ["s2", "Catalog"]]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (let_open, "it opens Stands, Catalog now"),
        (rename, "'Fair 2031' now"),
        (join, "a member has come"),
        (take_stamp_off, "stamp was taken"),
        (move_elsewhere, "moved to people"),
    ],
)
def test_a_group_that_somebody_needs_again_asks(bench: Bench, crm: MemoryTarget, change: Any, why: str) -> None:
    form(bench, "Fair 2019", "ada")
    retired = give_up(bench)
    crm.writes.clear()

    change(bench)
    bench.run("30d")

    assert crm.writes == []
    assert why in asks(bench, retired)[0]
    assert "approving its stage lets exactly this state through" in asks(bench, retired)[0]


def test_all_that_somebody_did_to_a_group_is_said_at_once(bench: Bench) -> None:
    form(bench, "Fair 2019", "ada")
    retired = give_up(bench)

    for change in (rename, join, take_stamp_off):
        change(bench)
    bench.run("30d")

    said = "it is called 'Fair 2031' now, and was 'Fair 2019', a member has come, its stamp was taken off"
    assert said in asks(bench, retired)[0]


def test_a_group_that_somebody_lets_open_things_again_asks(bench: Bench, crm: MemoryTarget) -> None:
    group_id = form(bench, "Fair 2019", "ada")
    retired = give_up(bench)
    bench.run("30d")
    crm.forms[group_id]["disabled"] = False

    bench.run("60d")

    assert crm.members("Fair 2019") == ["ada"]
    assert "it opens things again" in asks(bench, retired)[0]


def test_who_has_seen_what_has_changed_lets_it_go_on(bench: Bench, crm: MemoryTarget) -> None:
    group_id = form(bench, "Fair 2019", "ada")
    retired = give_up(bench)
    join(bench)
    bench.run("30d")

    proposal = approve(bench, retired)
    bench.run("60d")

    assert proposal.stage.number == 2
    assert crm.forms[group_id]["disabled"]
    assert crm.members("Fair 2019") == []
    assert asks(bench, retired) == []


def test_what_changes_after_that_asks_once_more(bench: Bench, crm: MemoryTarget) -> None:
    form(bench, "Fair 2019", "ada")
    retired = give_up(bench)
    join(bench)
    bench.run("30d")
    approve(bench, retired)
    crm.add("dora", groups=["Fair 2019"])

    bench.run("60d")

    assert "2 members have come" in asks(bench, retired)[0]
    assert crm.members("Fair 2019") == ["ada", "cid", "dora"]


def test_between_the_request_and_the_first_stage_counts_too(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_stage("7d", Action.EMPTY_GROUP))
    form(bench, "Fair 2019")
    (finding,) = ask(bench, "Fair 2019")
    join(bench)

    bench.run("7d")

    assert bench.systems["crm"].members("Fair 2019") == ["cid"]
    assert "a member has come" in asks(bench, case(bench, str(finding.case_id)))[0]


def test_members_who_leave_by_themselves_are_no_sign_of_life(bench: Bench, crm: MemoryTarget) -> None:
    group_id = form(bench, "Fair 2019", "ada", "ben")
    give_up(bench)
    crm.account("ada")["groups"] = []

    bench.run("30d")

    assert crm.forms[group_id]["disabled"]


def test_the_bridges_own_unfinished_work_is_no_sign_of_life(bench: Bench, crm: MemoryTarget) -> None:
    """A worker dies after the write and before it is stored."""
    group_id = form(bench, "Fair 2019", "ada")
    retired = give_up(bench)

    def die() -> None:
        crm.after_write = lambda: None
        raise RetryableError("the connection broke")

    crm.after_write = die
    bench.run("30d")
    bench.run("1h")

    assert asks(bench, retired) == []
    assert (crm.forms[group_id]["disabled"], crm.forms[group_id]["container"]) == (True, "old groups")


def test_an_approval_to_delete_lapses_when_a_member_comes(bench: Bench, crm: MemoryTarget) -> None:
    group_id = form(bench, "Fair 2019")
    retired = give_up(bench)
    for span in ("30d", "60d"):
        bench.run(span)
    approve(bench, retired, 4)
    join(bench)

    bench.run("275d")

    assert group_id in crm.forms
    (task,) = (task for task in bench.tasks(retired) if task.action is Action.DELETE_GROUP)
    assert "the approval of its stage has lapsed: the group at crm has changed (members)" in task.reason


def test_a_stage_that_asks_for_nothing_takes_no_approval(bench: Bench) -> None:
    form(bench)
    retired = give_up(bench)

    with pytest.raises(ApprovalRefusedError, match="needs no approval"):
        bench.approving.propose(retired.id, 2, bench.clock())


# -- what spares and stops


@pytest.mark.parametrize("at_run_time", [False, True])
def test_an_excluded_group_is_left_alone(database: Database, clock: FakeClock, at_run_time: bool) -> None:
    exclusion = Exclusion(
        reason="the board's",
        spared=Spared.GROUP,
        subject="fair 2019",
        target="crm",
        until=clock() + timedelta(days=31),
    )
    bench = a_bench(database, clock, exclusions=() if at_run_time else (exclusion,))
    group_id = form(bench)
    if not at_run_time:
        (finding,) = ask(bench, "Fair 2019", partial=True)
        assert (finding.outcome, finding.why) == (Outcome.LEFT_ALONE, "excluded: the board's")
        return
    retired = give_up(bench)
    from scimbridge.store import holds

    with bench.database.write() as tx:
        holds.add_exclusion(tx, exclusion, by="ops", now=bench.clock())

    bench.run("30d")

    assert states(bench, retired)["disable_group"] is TaskState.SKIPPED
    assert not bench.systems["crm"].forms[group_id]["disabled"]


@pytest.mark.parametrize("scope", [Scope.EVERYTHING, Scope.TARGET, Scope.CASE, Scope.IDENTITY])
def test_a_hold_stops_a_group_like_anybody(bench: Bench, crm: MemoryTarget, scope: Scope) -> None:
    form(bench)
    retired = give_up(bench)
    subjects = {Scope.TARGET: "crm", Scope.CASE: retired.id, Scope.IDENTITY: retired.identity_id}
    crm.writes.clear()
    bench.holding.place(scope, subjects.get(scope, ""), reason="audit", by="eve", now=bench.clock())

    bench.run("30d")

    assert crm.writes == []


def test_observed_groups_are_read_and_not_written(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, modes={"crm": Mode.OBSERVE})
    form(bench)

    retired = give_up(bench)

    assert bench.systems["crm"].writes == []
    assert states(bench, retired)["stamp_group"] is TaskState.SKIPPED


def test_people_and_groups_do_not_count_for_each_others_limits(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, guard=a_limit(1, GuardClass.ALL))
    for name in ("Fair 2011", "Fair 2012", "Fair 2013"):
        form(bench, name)

    ask(bench, "Fair 2011", "Fair 2012", "Fair 2013")
    bench.leave(bench.join("ada"))
    bench.run()

    assert bench.flooding.standing() == []


# -- trouble and the way back


def test_a_target_that_lies_about_a_group_is_not_believed(bench: Bench, crm: MemoryTarget) -> None:
    form(bench)
    crm.is_lying = True

    retired = give_up(bench)

    (task,) = (task for task in bench.tasks(retired) if task.action is Action.STAMP_GROUP)
    assert task.state is TaskState.WAITING
    assert "the group is unchanged" in task.reason


def test_a_group_that_is_gone_is_done(bench: Bench, crm: MemoryTarget) -> None:
    group_id = form(bench)
    retired = give_up(bench)
    del crm.forms[group_id]

    bench.run("30d")

    assert states(bench, retired)["disable_group"] is TaskState.DONE
    assert "the group is gone" in [task.reason for task in bench.tasks(retired)]


def test_a_refusal_of_the_target_needs_a_person_and_a_retry_goes_on(bench: Bench, crm: MemoryTarget) -> None:
    group_id = form(bench)
    (finding,) = ask(bench, "Fair 2019")
    bench.fail(RejectedError("insufficient access"))
    bench.run()
    retired = case(bench, str(finding.case_id))
    assert states(bench, retired)["stamp_group"] is TaskState.FAILED

    bench.operating.retry(retired.id, by="eve", now=bench.clock())
    bench.run()

    assert "[To Be Deleted" in crm.forms[group_id]["note"]


def test_what_was_so_before_stays_so_when_a_group_is_given_back(bench: Bench, crm: MemoryTarget) -> None:
    group_id = form(bench, "Fair 2019", "ada", disabled=True)
    retired = give_up(bench)
    bench.run("30d")

    bench.giving_back.restore(retired.id, reason="needed", by="eve", now=bench.clock())
    bench.run()

    group = crm.group(group_id)
    assert group is not None
    assert (group.disabled, group.container, group.note) == (True, "groups", "Made for the fair")


def test_members_who_are_gone_are_told_when_a_group_is_given_back(bench: Bench, crm: MemoryTarget) -> None:
    form(bench, "Fair 2019", "ada", "ben")
    retired = give_up(bench)
    bench.run("30d")
    bench.run("60d")
    del crm.accounts["native-ben"]

    restored = bench.giving_back.restore(retired.id, reason="needed", by="eve", now=bench.clock())
    bench.run()

    (task,) = (task for task in bench.tasks(restored.case) if task.action is Action.REFILL_GROUP)
    assert "the account ben is gone" in task.reason
    assert crm.members("Fair 2019") == ["ada"]


def test_a_group_that_was_deleted_cannot_come_back_and_that_is_said(bench: Bench) -> None:
    form(bench, "Fair 2019")
    retired = give_up(bench)
    for span in ("30d", "60d", "275d"):
        bench.run(span)
    approve(bench, retired)

    restored = bench.giving_back.restore(retired.id, reason="needed", by="eve", now=bench.clock())
    bench.run()

    assert ("crm", "a group that was deleted") in restored.lost
    assert any("the group is gone from the target" in reason for reason in asks(bench, restored.case))


def test_a_group_that_is_asked_for_again_while_it_is_given_back_goes_after_all(bench: Bench, crm: MemoryTarget) -> None:
    group_id = form(bench, "Fair 2019", "ada")
    retired = give_up(bench)
    bench.run("30d")
    bench.fail(*[RetryableError("down")] * 10)
    restored = bench.giving_back.restore(retired.id, reason="needed", by="eve", now=bench.clock())
    bench.run()
    crm.fails.clear()

    (finding,) = ask(bench, "Fair 2019")
    bench.run("1h")

    assert finding.case_id == restored.case.id
    assert case(bench, restored.case.id).kind is CaseKind.LEAVE
    assert "the group is to be given up after all" in [task.reason for task in bench.tasks(restored.case)]
    assert crm.forms[group_id]["container"] == "old groups"


def test_a_crash_between_the_write_and_its_record_is_made_good(bench: Bench, crm: MemoryTarget) -> None:
    """The lease runs out; the next attempt finds it done, and undo still knows the members."""
    group_id = form(bench, "Fair 2019", "ada", "ben")
    retired = give_up(bench)
    bench.run("30d")
    before = replace(crm.group(group_id) or pytest.fail("gone"))

    class PowerCutError(BaseException):
        pass

    def cut() -> None:
        crm.after_write = lambda: None
        raise PowerCutError

    crm.after_write = cut
    bench.clock.advance("60d")
    bench.sweep()
    with pytest.raises(PowerCutError):
        bench.work()
    bench.run("1h")
    bench.run("1h")

    assert crm.members("Fair 2019") == []
    bench.giving_back.restore(retired.id, reason="needed", by="eve", now=bench.clock())
    bench.run()
    assert crm.members("Fair 2019") == [each.name for each in before.members]


# -- who is told, and what is looked at


def test_the_owner_is_told_where_a_source_knows_their_address(database: Database, clock: FakeClock) -> None:
    with post_office() as office:
        told = a_stage("0s", Action.STAMP_GROUP, Action.NOTIFY, terms=Terms(notify=("owner",)))
        bench = a_bench(database, clock, told, channels=mail_to(office))
        bench.join("boss", emails=[{"value": "boss@example.com"}])
        bench.run()
        form(bench, "Fair 2019", owners=[["native-boss", "CN=boss"]])

        give_up(bench)

        (message,) = office.messages
        assert message["To"] == "boss@example.com"
        assert str(message["Subject"]).startswith("Group Fair 2019 is given up")


@pytest.mark.parametrize(
    ("owners", "said"),
    [
        ([["team", "team@example.com"]], "told owner"),
        ([["native-ghost", "CN=ghost"]], "owner is nobody whom the source knows"),
        ([], "owner the target names none"),
    ],
)
def test_an_owner_is_never_guessed(database: Database, clock: FakeClock, owners: list[list[str]], said: str) -> None:
    with post_office() as office:
        told = a_stage("0s", Action.STAMP_GROUP, Action.NOTIFY, terms=Terms(notify=("owner",)))
        bench = a_bench(database, clock, told, channels=mail_to(office))
        form(bench, "Fair 2019", owners=owners)

        retired = give_up(bench)

        (task,) = (task for task in bench.tasks(retired) if task.action is Action.NOTIFY)
        assert said in task.reason


def test_groups_whose_owner_has_left_are_found(bench: Bench) -> None:
    ada, ben = bench.join("ada"), bench.join("ben")
    bench.run()
    form(bench, "Fair 2019", "ben", owners=[["native-ada", "ada"]])
    form(bench, "Sales", "ben", owners=[["native-ada", "ada"], ["native-ben", "ben"]])
    bench.leave(ada)
    stale = StaleGroups(bench.database, bench.fleet)

    found = stale.at("crm", bench.clock(), ownerless=True)

    assert [(each.group.name, each.reasons) for each in found] == [("Fair 2019", ("its owner has left",))]
    assert stale.at("crm", bench.clock()) == []
    bench.leave(ben)
    assert [each.reasons for each in stale.at("crm", bench.clock(), ownerless=True)] == [
        ("its owner has left",),
        ("its owners have left",),
    ]


def test_a_date_that_somebody_moves_later_in_the_stamp_extends(bench: Bench, crm: MemoryTarget) -> None:
    group_id = form(bench)
    retired = give_up(bench)
    for span in ("30d", "60d"):
        bench.run(span)
    approve(bench, retired, 4)
    crm.forms[group_id]["note"] = f"[To Be Deleted {bench.at('300d'):%Y-%m-%dT%H:%M:%SZ}]"

    bench.run("276d")

    assert group_id in crm.forms
    (task,) = (task for task in bench.tasks(retired) if task.action is Action.DELETE_GROUP)
    assert "extended in crm until" in task.reason
    bench.run("30d")
    assert group_id not in crm.forms


def test_facts_about_groups_are_judged_by_rules_for_groups_alone(bench: Bench) -> None:
    form(bench)
    give_up(bench)
    with bench.database.read() as tx:
        (fact,) = judged(
            tx,
            bench.rules,
            Ruleset((a_rule(a_stage("0s", Action.DELETE)),)),
            bench.fleet.capabilities,
            (),
            bench.clock() - timedelta(days=1),
            bench.clock(),
            lambda _done, _all: None,
        )

    assert fact.before.rule == "old groups"
    assert fact.after.rule is None


def test_a_request_that_names_a_person_never_finds_a_group(bench: Bench) -> None:
    form(bench, "ada")
    give_up(bench, "ada")

    report = bench.requesting.look([Leaver(line=1, user_name="ada", reason="left")], Asked(by="eve"), bench.clock())

    assert [finding.outcome for finding in report.findings] == [Outcome.UNKNOWN]


def test_a_way_back_that_broke_off_is_no_sign_of_life(database: Database, clock: FakeClock) -> None:
    """It was moved back, nobody knows, and then it is to go after all: that move was the bridge's own."""
    bench = a_bench(database, clock, a_stage("0s", Action.MOVE_GROUP), a_stage("30d", Action.EMPTY_GROUP))
    crm = bench.systems["crm"]
    group_id = form(bench, "Fair 2019", "ada")
    retired = give_up(bench)

    def break_off() -> None:
        crm.after_write = lambda: None
        raise RetryableError("the connection broke")

    crm.after_write = break_off
    restored = bench.giving_back.restore(retired.id, reason="needed", by="eve", now=bench.clock())
    bench.work()
    assert crm.forms[group_id]["container"] == "groups"

    ask(bench, "Fair 2019")
    bench.run()

    assert asks(bench, restored.case) == []
    assert crm.forms[group_id]["container"] == "old groups"


def test_a_group_with_somebodys_name_is_not_their_account(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.join("ada")
    form(bench, "Fair 2019")
    read = MemoryConnector.read_group
    named = {"name": ("ada",), "external_id": ("ext-ada",)}
    monkeypatch.setattr(MemoryConnector, "read_group", lambda self, key: replace(read(self, key), attributes=named))

    retired = give_up(bench)

    assert states(bench, retired)["stamp_group"] is TaskState.DONE


def test_two_operators_who_ask_at_once_open_one_case(bench: Bench, crm: MemoryTarget) -> None:
    form(bench)
    reads: list[None] = []

    def ask_too() -> None:
        reads.append(None)
        if len(reads) == 2:  # it was looked at, and is about to be taken
            ask(bench, "Fair 2019")

    crm.before_read = ask_too

    (finding,) = ask(bench, "Fair 2019")

    assert finding.outcome is Outcome.ALREADY
    assert bench.events(case(bench, str(finding.case_id))) == ["case opened"]
