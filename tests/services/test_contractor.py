"""The story of a contractor with an end date, and of facts that targets will tell one day; on both stores."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.lifecycle import LIFECYCLE
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.source import SourceProfile
from scimbridge.domain.trigger import Fact, Trigger
from scimbridge.store import cases, identities
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import SOURCE, Bench, MemoryTarget, a_rule, a_stage


def ends(day: str, **more: str) -> dict[str, Any]:
    return {LIFECYCLE: {"endDate": day, **more}}


def test_a_contractor_with_an_end_date(database: Database, clock: FakeClock) -> None:
    """Hired until March 6 in Berlin, extended twice, once too late; leaves for good in the end."""
    ended = frozenset({Trigger.ENDED})
    dismissed = f'{LIFECYCLE}:leaverKind eq "involuntary"'
    bench = Bench(
        database,
        clock,
        Ruleset(
            (
                a_rule(a_stage("0s"), name="dismissed", when=ended, match=dismissed),
                a_rule(a_stage("1d"), a_stage("30d", Action.DELETE), name="contractors", when=ended),
            )
        ),
        profiles={SOURCE: SourceProfile(timezone=ZoneInfo("Europe/Berlin"))},
    )
    crm = bench.systems["crm"]
    cyd = bench.join("cyd", **ends("2026-03-06"))
    bench.run()

    # Friday ends at 23:00 UTC. The manager extends in time: nothing happens.
    bench.run(timedelta(days=3))
    bench.say(cyd, **ends("2026-03-13"))
    bench.run(timedelta(days=4))
    assert bench.cases(cyd) == []

    # The next extension comes a day and a half too late: access was taken, and comes back.
    bench.run(timedelta(days=4, hours=14) - timedelta(microseconds=1))
    assert bench.cases(cyd) == []
    bench.run(timedelta(microseconds=1))
    assert not crm.is_suspended("cyd")
    bench.run("1d")
    assert crm.is_suspended("cyd")
    assert bench.case(cyd).trigger is Trigger.ENDED
    bench.say(cyd, **ends("2026-04-30"))
    bench.run()
    assert not crm.is_suspended("cyd")
    assert {case.state for case in bench.cases(cyd)} == {CaseState.CANCELED, CaseState.COMPLETED}

    # Then it ends for good.
    bench.run("60d")
    assert bench.open_case(cyd).rule == "contractors"
    bench.run("1d")
    assert crm.is_suspended("cyd")
    bench.run("29d")
    assert "native-cyd" not in crm.accounts


def test_how_somebody_leaves_chooses_the_rule(database: Database, clock: FakeClock) -> None:
    dismissed = f'{LIFECYCLE}:leaverKind eq "involuntary"'
    bench = Bench(
        database,
        clock,
        Ruleset((a_rule(a_stage("0s"), name="dismissed", match=dismissed), a_rule(a_stage("7d"), name="others"))),
    )
    ada = bench.join("ada", **ends("2026-03-03", leaverKind="involuntary"))
    bob = bench.join("bob", **ends("2026-03-03", leaverKind="voluntary"))

    bench.run("2d")

    assert (bench.case(ada).rule, bench.case(bob).rule) == ("dismissed", "others")


# -- what targets say: of accounts without anybody a later version hears, of unused ones ``test_stale_accounts`` tells


def test_what_a_target_says_concerns_that_target_alone(database: Database, clock: FakeClock) -> None:
    rule = a_rule(a_stage("0s"), when=frozenset({Trigger.ORPHANED}))
    bench = Bench(database, clock, Ruleset((rule,)), systems={"crm": MemoryTarget(), "dir": MemoryTarget()})
    ada = bench.join("ada")
    bench.run()

    say(bench, ada, Trigger.ORPHANED)
    bench.run()

    assert bench.systems["crm"].is_suspended("ada")
    assert not bench.systems["dir"].is_suspended("ada")
    assert bench.case(ada).trigger is Trigger.ORPHANED


@pytest.mark.parametrize("trigger", [Trigger.STALE, Trigger.ORPHANED])
def test_what_a_target_says_without_a_rule_is_kept(database: Database, clock: FakeClock, trigger: Trigger) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(when=frozenset({Trigger.DELETED})),)))
    ada = bench.join("ada")

    say(bench, ada, trigger)

    assert bench.cases(ada) == []
    assert bench.facts(ada) == ["no rule matches"]


def test_a_leaver_absorbs_what_a_target_said(database: Database, clock: FakeClock) -> None:
    bench = Bench(
        database, clock, Ruleset((a_rule(a_stage("7d")),)), systems={"crm": MemoryTarget(), "dir": MemoryTarget()}
    )
    ada = bench.join("ada")
    bench.run()
    say(bench, ada, Trigger.STALE)

    bench.leave(ada)
    bench.run("7d")

    assert bench.case(ada).trigger is Trigger.DEACTIVATED
    assert bench.systems["dir"].is_suspended("ada")


def say(bench: Bench, identity_id: str, trigger: Trigger) -> None:
    """Something is found out at the CRM."""
    now = bench.clock()
    fact = Fact(trigger=trigger, identity_id=identity_id, source=SOURCE, at=now, targets=("crm",))
    with bench.database.write() as tx:
        cases.lock_identity(tx, identity_id)
        verdict = bench.planner.take(tx, fact, identities.identity_by_id(tx, identity_id, now))
    bench.wakeups.extend(verdict.wakeups)
