"""Canceling many cases by a query."""

from __future__ import annotations

import pytest

from scimbridge.domain.case import CaseState
from scimbridge.domain.hold import Scope
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.situation import CaseQuery
from scimbridge.services.canceling import SHOWN
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import Bench, a_rule, a_stage


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock, Ruleset((a_rule(a_stage("7d")),)))


def leavers(bench: Bench, *names: str, source: str = "idp") -> list[str]:
    """People who leave; returns their SCIM ids."""
    people = [bench.join(name, source=source) for name in names]
    for person in people:
        bench.leave(person, source=source)
    return people


def cancel(bench: Bench, **query: str) -> list[str]:
    preview = bench.canceling.preview(CaseQuery(**query), bench.clock())  # type: ignore[arg-type]  # only texts here
    return list(bench.canceling.cancel(preview, reason="mistake", by="olga", now=bench.clock()))


def test_all_that_the_query_finds_are_canceled_and_no_others(bench: Bench) -> None:
    mistaken, right = leavers(bench, "ada", "ben", source="hr"), leavers(bench, "cid")

    canceled = cancel(bench, source="hr")
    bench.run("7d")

    assert canceled == sorted(bench.case(person).id for person in mistaken)
    assert bench.systems["crm"].writes == [("suspend", "native-cid")]
    assert {bench.case(person).reason for person in mistaken} == {"mistake"}
    assert bench.case(right[0]).state is CaseState.COMPLETED


def test_the_preview_says_how_many_and_shows_the_newest(bench: Bench) -> None:
    leavers(bench, *(f"p{number}" for number in range(SHOWN + 2)))

    preview = bench.canceling.preview(CaseQuery(source="idp"), bench.clock())

    assert (preview.count, len(preview.first)) == (SHOWN + 2, SHOWN)
    assert all(bench.case(one.case.identity_id).state is CaseState.OPEN for one in preview.first)


def test_who_leaves_after_the_preview_is_not_canceled(bench: Bench) -> None:
    leavers(bench, "ada")
    preview = bench.canceling.preview(CaseQuery(source="idp"), bench.clock())
    bench.clock.advance("1s")
    (late,) = leavers(bench, "ben")

    canceled = list(bench.canceling.cancel(preview, reason="mistake", by="olga", now=bench.clock()))

    assert len(canceled) == 1
    assert bench.case(late).state is CaseState.OPEN


def test_who_stopped_half_way_begins_anew(bench: Bench) -> None:
    leavers(bench, "ada", "ben", "cid")
    preview = bench.canceling.preview(CaseQuery(source="idp"), bench.clock())
    next(bench.canceling.cancel(preview, reason="mistake", by="olga", now=bench.clock()))

    assert len(cancel(bench, source="idp")) == 2
    assert cancel(bench, source="idp") == []


def test_a_case_that_ends_meanwhile_is_left_out(bench: Bench) -> None:
    people = leavers(bench, "ada", "ben")
    first, second = sorted(people, key=lambda person: bench.case(person).id)
    preview = bench.canceling.preview(CaseQuery(source="idp"), bench.clock())
    canceling = bench.canceling.cancel(preview, reason="mistake", by="olga", now=bench.clock())

    canceled = [next(canceling)]
    bench.come_back(second)
    canceled += canceling

    assert canceled == [bench.case(first).id]
    assert bench.case(second).reason != "mistake"


def test_what_is_under_legal_hold_is_canceled_too_because_that_only_stops(bench: Bench) -> None:
    (ada,) = leavers(bench, "ada")
    bench.holding.place(Scope.IDENTITY, ada, reason="litigation", by="legal", now=bench.clock())

    assert cancel(bench, source="idp") == [bench.case(ada).id]
    assert len(bench.holding.standing()) == 1


def test_who_is_given_back_what_was_taken_is_not_canceled(bench: Bench) -> None:
    (ada,) = leavers(bench, "ada")
    bench.run("7d")
    bench.come_back(ada)

    assert cancel(bench, source="idp") == []
    bench.run("1h")
    assert not bench.systems["crm"].is_suspended("ada")
