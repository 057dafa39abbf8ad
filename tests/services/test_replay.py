"""Other rules are tried on the facts that came, and only what differs is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.rule import Rule, Ruleset, Stage, Terms
from scimbridge.domain.trigger import Trigger
from scimbridge.services.rehearsal import Rehearsing, Replay, replay
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import Bench, MemoryTarget, a_rule, a_stage, an_exclusion

SPAN = timedelta(days=90)
NOW = Ruleset(
    (a_rule(a_stage("7d"), a_stage("30d", Action.DELETE)),), (an_exclusion('title eq "Chief"', "the board decides"),)
)


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    systems = {"crm": MemoryTarget(), "dir": MemoryTarget()}
    bench = Bench(database, clock, NOW, systems, actions=(Action.SUSPEND, Action.RESTORE, Action.DELETE))
    for name, title in (("ada", "Clerk"), ("ben", "Chief"), ("cid", "Clerk")):
        bench.leave(bench.join(name, title=title))
        bench.clock.advance("1d")
    return bench


def by(
    bench: Bench, *rules: Rule, span: timedelta = SPAN, exclusions: tuple[str, ...] = ('title eq "Chief"',)
) -> Replay:
    other = Ruleset(rules, tuple(an_exclusion(match, "the board decides") for match in exclusions))
    return Rehearsing(bench.database, bench.fleet, NOW).replay(other, span, bench.clock())


def said(found: Replay) -> dict[str, tuple[str, ...]]:
    return {fact.identity.user_name: fact.said for fact in found.different}


def test_the_same_rules_make_the_same_of_everything(bench: Bench) -> None:
    found = by(bench, a_rule(a_stage("7d"), a_stage("30d", Action.DELETE)))

    assert said(found) == {}
    assert [fact.identity.user_name for fact in found.facts] == ["ada", "ben", "cid"]
    assert found.counts["same"] == 3


def test_who_would_have_lost_access_and_has_not_is_counted(bench: Bench) -> None:
    found = by(bench, a_rule(a_stage("7d"), a_stage("30d", Action.DELETE)), exclusions=())

    assert said(found) == {
        "ben": (
            "excluded: the board decides -> rule 'leavers'",
            *("in addition: suspend at crm, dir", "in addition: delete at crm, dir"),
        )
    }
    assert (found.counts["touched_only_now"], found.counts["spared_now"], found.counts["otherwise"]) == (1, 0, 0)


def test_another_grace_other_terms_and_another_hook_are_differences(bench: Bench) -> None:
    terms = Terms(approvers=1, schedule="0 22 * * *", notify=("manager",))
    delete = Stage(after=timedelta(days=60), actions=(Action.DELETE,), terms=terms, targets=frozenset({"crm"}))

    found = by(bench, a_rule(a_stage("7d"), delete, hook="hr"))

    assert said(found)["ada"] == (
        "asks nobody first -> asks hr first",
        "no longer: delete at dir",
        "delete at crm: after 30d -> after 60d",
        "delete at crm: approvals wanted 0 -> 1",
        "delete at crm: schedule none -> 0 22 * * *",
        "delete at crm: notify nobody -> manager",
    )


def test_a_fact_that_no_rule_matches_any_more_is_told(bench: Bench) -> None:
    found = by(bench, a_rule(when=frozenset({Trigger.DELETED})))

    assert said(found)["cid"][0] == "rule 'leavers' -> no rule matches"
    assert found.counts["spared_now"] == 2


def test_only_the_facts_of_the_time_are_judged(bench: Bench) -> None:
    found = by(bench, span=timedelta(days=1, hours=1))

    assert [fact.identity.user_name for fact in found.facts] == ["cid"]


def test_people_are_judged_as_they_are_now_deleted_ones_too(bench: Bench) -> None:
    ada, *_ = (fact.identity.id for fact in by(bench).facts)
    bench.say(ada, title="Chief")
    bench.delete(ada)

    found = by(bench, a_rule(a_stage("7d"), a_stage("30d", Action.DELETE)), exclusions=())

    assert {fact.identity.user_name for fact in found.different} == {"ada", "ben"}


def test_many_facts_are_read_in_batches_with_progress(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "BATCH", 2)
    seen: list[tuple[int, int]] = []

    found = Rehearsing(bench.database, bench.fleet, NOW).replay(
        Ruleset(()), SPAN, bench.clock(), lambda done, total: seen.append((done, total))
    )

    assert seen == [(2, 3), (3, 3)]
    assert len(found.facts) == 3
