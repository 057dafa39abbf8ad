"""Runs of reconciliation: their findings stand until the next run, and no run that broke off looks whole."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, func, select

from connectors.sample import listing
from scimbridge.domain.reconciliation import Mismatch, Run, RunOutcome, is_doubtful
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.schedule import Schedule
from scimbridge.domain.wakeup import WakeUp, Work
from scimbridge.errors import NotFoundError
from scimbridge.sdk import RejectedError, RetryableError
from scimbridge.sdk.config import TargetConfig
from scimbridge.services import reconciliation_work as module
from scimbridge.services.claiming import Full, places_taken
from scimbridge.services.findings import FindingQuery
from scimbridge.services.fleet import Target
from scimbridge.services.reconciliation_work import LEASE, PATIENCE
from scimbridge.store import reconciliations, targets
from scimbridge.store.database import Database
from scimbridge.store.schema import findings
from tests.clock import FakeClock
from tests.services.bench import Bench, MemoryTarget, a_rule, a_stage
from tests.services.reconciled import World


@pytest.fixture
def world(database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(module, "BATCH", 2)
    monkeypatch.setattr(listing, "PAGE", 2)
    rules = Ruleset((a_rule(a_stage()),))
    return World(Bench(database, clock, rules, {"crm": MemoryTarget()}, concurrency=1))


# -- what stands


def test_findings_are_kept_with_whom_they_are_about_and_since_when(world: World) -> None:
    bench = world.bench
    bench.leave(bench.join())
    bench.run()
    world.crm.account("ada")["suspended"] = False
    world.ghosts(4)

    run = world.reconcile()

    assert (run.outcome, run.accounts, run.asked_by) == (RunOutcome.COMPLETE, 5, "olga")
    assert run.counts == {Mismatch.DRIFTED: 1, Mismatch.ORPHANED: 4}
    assert world.crm_stands.counts == run.counts
    assert len(world.found(FindingQuery(kind=Mismatch.ORPHANED))) == 4
    (drifted,) = world.all(FindingQuery(kind=Mismatch.DRIFTED, target="crm", text="AD"))
    assert [(owner.user_name, owner.linked, owner.is_gone) for owner in drifted.owners] == [("ada", True, True)]
    assert drifted.first_seen_at == bench.clock()
    assert world.findings.one(drifted.id) == drifted
    with pytest.raises(NotFoundError):
        world.findings.listed(FindingQuery(target="nowhere"), limit=1)


def test_a_finding_keeps_its_id_and_its_date_until_a_run_does_not_find_it(world: World) -> None:
    world.ghosts(1)
    world.reconcile()
    (first,) = world.all()
    world.bench.clock.advance("1d")
    world.crm.add("news")
    world.reconcile()
    news, ghost = world.all()

    assert (ghost.id, ghost.first_seen_at) == (first.id, first.first_seen_at)
    assert (news.name, news.first_seen_at) == ("news", world.bench.clock())
    assert world.findings.listed(FindingQuery(), limit=5, before=news.id) == [ghost]
    del world.crm.accounts["native-ghost0"]
    world.reconcile()
    world.ghosts(1)
    world.bench.clock.advance("1d")
    world.reconcile()
    assert world.all()[0].first_seen_at == world.bench.clock()


def test_until_a_run_has_ended_the_findings_of_the_one_before_stand(world: World) -> None:
    world.ghosts(5)
    world.reconcile()
    world.crm.accounts.clear()
    world.ghosts(3)
    seen: list[tuple[int, int, float | None]] = []

    def look() -> None:
        under_way = world.crm_stands.under_way
        assert under_way is not None
        seen.append((len(world.found()), under_way.accounts, world.crm_stands.progress))

    world.before_page(2, look)
    world.reconcile()

    assert seen == [(5, 2, 0.4)]
    assert len(world.found()) == 3
    with world.bench.database.read() as tx:
        # What nobody is shown any more is gone.
        assert len(reconciliations.ended_ids(tx, "crm")) == 1
        assert tx.execute(select(func.count()).select_from(findings)).scalar_one() == 3


def test_a_run_that_breaks_off_says_so_and_takes_nothing_away(world: World) -> None:
    world.ghosts(3)
    world.bench.fail(RetryableError("the target does not answer"))
    assert world.reconcile().outcome is RunOutcome.BROKEN_OFF
    assert (world.crm_stands.complete, world.found()) == (None, [])

    world.before_page(2, lambda: world.bench.fail(RejectedError("403")))
    broken = world.reconcile()
    # Before any is complete, what was found stands, and nobody calls it whole.
    assert (broken.outcome, broken.reason, broken.accounts, len(world.found())) == (
        RunOutcome.BROKEN_OFF,
        "403",
        2,
        2,
    )
    assert (world.crm_stands.complete, world.crm_stands.failed) == (None, broken)

    whole = world.reconcile()
    world.before_page(2, lambda: world.bench.fail(RetryableError("the target does not answer")))
    again = world.reconcile()
    assert len(world.found()) == 3
    assert (world.crm_stands.shown, world.crm_stands.failed) == (whole, again)
    assert len(list(world.findings.of_run(again))) == 2


def test_a_target_without_a_list_is_told_from_one_that_breaks_off(world: World) -> None:
    world.bench.fail(RejectedError("does not list accounts"))

    assert world.reconcile().outcome is RunOutcome.NO_LIST
    assert world.crm_stands.has_list is False

    # Once it has given one out, a refusal is none of that.
    world.ghosts(1)
    world.reconcile()
    world.bench.fail(RejectedError("403"))
    refused = world.reconcile()
    assert (refused.outcome, world.crm_stands.failed, len(world.found())) == (RunOutcome.BROKEN_OFF, refused, 1)
    assert world.history("reconciliation ended")[0] == "broken off: 403"


@pytest.mark.parametrize(
    ("told", "before", "lost_percent", "is_doubted"),
    [
        (0, 0, 20, False),
        (0, 1, 20, True),  # none is left
        (1, 10, 20, False),  # nine are few
        (30, 40, 20, True),
        (40, 50, 20, False),  # a fifth, and no more
        (39, 50, 20, True),
        (60, 50, 0, False),
        (40, 50, 0, True),
        (0, 50, 100, False),  # anything is believed
    ],
)
def test_a_list_is_doubted_that_lost_many_and_a_large_share(
    told: int, before: int, lost_percent: int, is_doubted: bool
) -> None:
    assert is_doubtful(told, before, lost_percent) is is_doubted


@pytest.mark.parametrize("left", [0, 2])
def test_a_list_that_lost_much_is_not_believed_until_somebody_says_it_is_true(world: World, left: int) -> None:
    assert world.reconcile().outcome is RunOutcome.COMPLETE
    world.ghosts(12)
    whole = world.reconcile()
    world.crm.accounts.clear()
    world.ghosts(left)

    short = world.reconcile()

    assert (short.outcome, world.crm_stands.failed) == (RunOutcome.NOT_BELIEVED, short)
    assert (world.crm_stands.shown, len(world.found())) == (whole, 12)
    assert f"told of {left} accounts, and of 12 when it last told of all" in short.reason
    assert world.history("reconciliation ended")[0].startswith("not believed: the target told of")
    # A schedule that asks again and again does not become believed by that.
    assert world.reconcile().outcome is RunOutcome.NOT_BELIEVED

    believed = world.reconcile(believe=True)

    assert (believed.outcome, world.crm_stands.shown, len(world.found())) == (RunOutcome.COMPLETE, believed, left)
    assert world.history("reconciliation asked")[0].endswith("the target is believed, however few they are")
    # What it told then is what it is measured by, and nobody has said that even less is true.
    assert world.reconcile().outcome is RunOutcome.COMPLETE


def test_how_much_a_list_may_lose_is_a_setting_of_the_target(world: World) -> None:
    config = TargetConfig(connector="sample", lost_percent=100)
    abilities = world.bench.fleet["crm"].abilities
    vars(world.bench.fleet)["_targets"] = {"crm": Target.of("crm", config, abilities)}
    world.ghosts(12)
    world.reconcile()
    world.crm.accounts.clear()

    assert world.reconcile().outcome is RunOutcome.COMPLETE


def test_a_run_that_is_under_way_is_believed_once_somebody_says_so(world: World) -> None:
    world.ghosts(12)
    world.reconcile()
    world.crm.accounts.clear()

    def ask() -> Run:
        return world.runs.ask("crm", by="otto", now=world.bench.clock(), believe=True)

    world.before_page(1, ask)
    run = world.reconcile()

    assert (run.outcome, run.asked_by, run.is_believed) == (RunOutcome.COMPLETE, "olga", True)
    assert world.history("reconciliation asked")[1] == "otto"


def test_an_odd_name_ends_no_list_and_is_found_by_a_part_of_it_in_any_case(world: World) -> None:
    world.crm.add("Übel\0\ud800")

    assert world.reconcile().outcome is RunOutcome.COMPLETE
    assert world.found(FindingQuery(text="üBEL\N{REPLACEMENT CHARACTER}")) == [
        ("Übel\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}", Mismatch.ORPHANED)
    ]


@pytest.mark.parametrize(("act", "named"), [(lambda: 1 / 0, "ZeroDivisionError"), (sys.exit, "SystemExit")])
def test_a_bug_in_a_connector_ends_the_run_and_not_the_worker(
    world: World, act: Callable[[], object], named: str
) -> None:
    world.before_page(1, act)

    assert f"unexpected {named}" in world.reconcile().reason


def test_stale_is_what_the_one_who_asks_says_or_the_settings_of_the_target(world: World) -> None:
    world.crm.add("ghost", signed_in_at="2025-01-01T00:00:00+00:00", created_at="2024-01-01T00:00:00+00:00")
    assert Mismatch.STALE not in (world.reconcile().counts or {})

    known = world.bench.fleet["crm"]
    vars(world.bench.fleet)["_targets"] = {"crm": replace(known, stale_after=timedelta(days=9000))}
    assert world.reconcile().unused_for == timedelta(days=9000)
    assert world.reconcile(unused_for=timedelta(days=90)).counts == {Mismatch.ORPHANED: 1, Mismatch.STALE: 1}
    assert world.reconcile(unused_for=timedelta(days=999_999)).counts == {Mismatch.ORPHANED: 1}


# -- who works on it


def test_a_target_has_one_run_at_a_time_and_whoever_asks_again_gets_it(world: World) -> None:
    first = world.runs.ask("crm", by="olga", now=world.bench.clock())
    second = world.runs.ask("crm", by="otto", now=world.bench.clock())

    assert (second.id, second.asked_by) == (first.id, "olga")
    assert world.told == [WakeUp("crm", first.id, Work.RECONCILIATION)]

    # Whatever somebody is called, the history says that they have asked.
    world.worker.work(first.id)
    world.runs.ask("crm", by="schedule", now=world.bench.clock())
    assert world.history("reconciliation asked") == ("all accounts are to be compared", "schedule")


def test_a_run_whose_worker_died_is_taken_up_again_and_begun_anew(world: World) -> None:
    world.ghosts(5)
    run = world.runs.ask("crm", by="olga", now=world.bench.clock())

    class Killed(BaseException):
        pass

    def die() -> None:
        raise Killed

    world.before_page(3, die)
    with pytest.raises(Killed):
        world.worker.work(run.id)
    world.worker.work(run.id)
    world.runs.run(world.bench.clock())
    assert (world.runs.by_id(run.id).tries, len(world.told)) == (1, 1)

    world.crm.accounts.clear()
    world.ghosts(1)
    world.bench.clock.advance(LEASE)
    world.runs.run(world.bench.clock())
    assert len(world.told) == 2
    world.queued.add(run.id)
    world.runs.run(world.bench.clock())
    assert len(world.told) == 2
    world.worker.work(run.id)

    ended = world.runs.by_id(run.id)
    assert (ended.outcome, ended.tries, ended.accounts, len(world.found())) == (RunOutcome.COMPLETE, 2, 1, 1)


def test_a_run_whose_workers_keep_dying_is_said_to_be_broken(world: World) -> None:
    world.ghosts(3)
    run = world.runs.ask("crm", by="olga", now=world.bench.clock())
    world.before_page(2, lambda: setattr(world.halt, "is_stopped", True))
    world.worker.work(run.id)
    for _ in range(3):
        with world.bench.database.write() as tx:
            now = world.bench.clock()
            assert reconciliations.begin(tx, run.id, "somebody", lease_until=now, now=now)

    world.runs.run(world.bench.clock())

    ended = world.runs.by_id(run.id)
    assert (ended.outcome, ended.reason) == (RunOutcome.BROKEN_OFF, "its worker stopped answering, 3 times")
    # What the last one had found is shown, and counted.
    assert (ended.counts, len(world.found())) == ({Mismatch.ORPHANED: 3}, 3)


def test_who_comes_back_too_late_writes_nothing(world: World) -> None:
    world.ghosts(5)
    run = world.runs.ask("crm", by="olga", now=world.bench.clock())
    other = world.a_worker()

    def meanwhile() -> None:
        world.bench.clock.advance(LEASE)
        other.work(run.id)

    world.before_page(2, meanwhile)
    world.worker.work(run.id)

    ended = world.runs.by_id(run.id)
    assert (ended.outcome, ended.tries, ended.counts) == (RunOutcome.COMPLETE, 2, {Mismatch.ORPHANED: 5})


def test_who_comes_back_while_somebody_else_is_at_it_changes_nothing(world: World) -> None:
    world.ghosts(5)
    run = world.runs.ask("crm", by="olga", now=world.bench.clock())

    def meanwhile() -> None:
        now = world.bench.clock.advance(LEASE)
        with world.bench.database.write() as tx:
            assert reconciliations.begin(tx, run.id, "another", lease_until=now + LEASE, now=now)

    world.before_page(2, meanwhile)
    world.worker.work(run.id)

    now = world.runs.by_id(run.id)
    assert (now.turn, now.ended_at, now.accounts) == ("another", None, 0)


def test_who_forgets_what_was_found_before_touches_nothing_that_somebody_else_has_found_since(world: World) -> None:
    world.ghosts(5)
    run = world.runs.ask("crm", by="olga", now=world.bench.clock())
    transactions, write = count(1), world.bench.database.write

    def stall() -> AbstractContextManager[Connection]:
        if next(transactions) == 2:
            world.bench.clock.advance(LEASE)
            world.a_worker().work(run.id)
        return write()

    vars(world.worker)["_database"] = SimpleNamespace(read=world.bench.database.read, write=stall)
    world.worker.work(run.id)

    assert (world.runs.by_id(run.id).tries, len(world.found())) == (2, 5)


def test_a_message_about_a_run_that_is_forgotten_asks_for_nothing(world: World) -> None:
    first = world.reconcile()
    reading = world.findings.of_run(replace(first))
    world.ghosts(1)
    world.reconcile()

    world.worker.work(first.id)
    with pytest.raises(NotFoundError):
        list(reading)


def test_a_process_that_ends_gives_its_run_back(world: World) -> None:
    world.ghosts(5)
    run = world.runs.ask("crm", by="olga", now=world.bench.clock())
    world.before_page(2, lambda: setattr(world.halt, "is_stopped", True))
    world.worker.work(run.id)
    assert (world.runs.by_id(run.id).turn, world.runs.by_id(run.id).tries) == (None, 0)

    world.halt.is_stopped = False
    world.a_worker().work(run.id)
    assert world.runs.by_id(run.id).outcome is RunOutcome.COMPLETE


# -- leavers come first


def test_a_run_takes_a_place_and_gives_it_up_where_a_leaver_needs_it(world: World) -> None:
    bench = world.bench
    world.ghosts(6)
    ada = bench.join()
    bench.run()
    seen: list[object] = []

    def somebody_leaves() -> None:
        bench.leave(ada)
        account = bench.account(ada).id
        seen.append(bench.claiming.claim(account, bench.clock()))

    world.before_page(2, somebody_leaves)
    world.slept = bench.run
    run = world.reconcile()

    assert seen == [Full.FULL]
    assert world.crm.is_suspended("ada")
    assert (run.outcome, run.accounts) == (RunOutcome.COMPLETE, 7)
    with bench.database.read() as tx:
        assert targets.all_targets(tx)["crm"]["read_until"] is None


def test_a_run_leaves_no_place_for_a_look_up_either(world: World) -> None:
    bench = world.bench
    world.ghosts(6)
    seen: list[object] = []

    def somebody_joins() -> None:
        eve = bench.join("eve")
        seen.append(bench.claiming.claim(bench.account(eve).id, bench.clock()))

    world.before_page(2, somebody_joins)
    world.reconcile()

    assert seen == [Full.FULL]


def test_a_run_that_is_over_at_this_moment_takes_no_place(clock: FakeClock) -> None:
    now = clock()
    assert [places_taken({"read_until": at}, now) for at in (None, now, now + timedelta(seconds=1))] == [0, 0, 1]


def test_a_paused_target_is_not_asked_and_a_run_does_not_wait_for_ever(world: World) -> None:
    bench = world.bench
    world.ghosts(5)

    def pause() -> None:
        bench.operating.pause("crm", reason="upgrade", by="ops", now=bench.clock())

    world.before_page(2, pause)
    began = bench.clock()
    run = world.reconcile()
    assert (run.outcome, run.accounts) == (RunOutcome.BROKEN_OFF, 4)
    assert "paused" in run.reason
    assert bench.clock() - began > PATIENCE

    waiting = world.reconcile()
    world.told.clear()
    world.runs.run(bench.clock())
    assert (waiting.ended_at, waiting.turn, world.told) == (None, None, [])
    bench.operating.resume("crm", by="ops", now=bench.clock())
    world.runs.run(bench.clock())
    assert [each.account_id for each in world.told] == [waiting.id]


# -- by a schedule


def test_a_schedule_asks_once_for_each_instant_and_once_for_several_that_were_missed(world: World) -> None:
    bench = world.bench
    known = bench.fleet["crm"]
    daily = Schedule.parse("0 3 * * *", ZoneInfo("UTC"))
    vars(bench.fleet)["_targets"] = {"crm": replace(known, reconcile=daily)}

    def asked() -> int:
        world.told.clear()
        world.runs.run(bench.clock())
        for each in world.told:
            world.worker.work(each.account_id)
        return len(world.told)

    assert asked() == 0
    bench.clock.advance("18h")
    world.runs.run(bench.clock())
    bench.clock.advance("1h")
    # Nobody works on the first one: that is told, too.
    assert world.crm_stands.overdue == timedelta(hours=1)
    assert (asked(), asked()) == (1, 0)
    assert world.crm_stands.last is not None
    assert world.crm_stands.last.asked_by == "schedule"
    bench.clock.advance("22h")
    assert asked() == 0
    bench.clock.advance("3d")
    assert (asked(), asked()) == (1, 0)
    assert world.crm_stands.next_at is not None
    assert world.crm_stands.next_at > bench.clock()


def test_a_run_of_a_target_that_the_configuration_no_longer_has_ends(world: World) -> None:
    run = world.runs.ask("crm", by="olga", now=world.bench.clock())
    vars(world.bench.fleet)["_targets"] = {}

    world.runs.run(world.bench.clock())

    assert world.runs.by_id(run.id).outcome is RunOutcome.BROKEN_OFF
