"""Acting on many cases: all that a query finds, or that are named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.hold import Scope
from scimbridge.domain.intent import CaseAction, Intent, Obstacle
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.situation import CaseQuery
from scimbridge.errors import CaseClosedError
from scimbridge.sdk import RejectedError
from scimbridge.services import acting
from scimbridge.services.acting import SHOWN, Acted, Preview
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import FEW_ACTIONS, Bench, a_rule, a_stage


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock, Ruleset((a_rule(a_stage("7d")),)))


def leavers(bench: Bench, *names: str, source: str = "idp") -> list[str]:
    """People who leave; returns their SCIM ids."""
    people = [bench.join(name, source=source) for name in names]
    for person in people:
        bench.leave(person, source=source)
    return people


def look(bench: Bench, action: CaseAction = CaseAction.CANCEL, stage: int = 1, **query: Any) -> Preview:
    return bench.acting.preview(Intent(action=action, stage=stage), CaseQuery(**query), bench.clock())


def act(bench: Bench, preview: Preview) -> Iterator[Acted]:
    return bench.acting.act(preview, reason="mistake", by="olga", now=bench.clock())


def cancel(bench: Bench, **query: Any) -> list[str]:
    return [acted.case_id for acted in act(bench, look(bench, **query))]


def left_out(preview: Preview) -> dict[str, list[str]]:
    return {each.why: sorted(one.user_name for one in each.first) for each in preview.left_out}


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

    preview = look(bench, source="idp")

    assert (preview.count, len(preview.first)) == (SHOWN + 2, SHOWN)
    assert all(bench.case(one.case.identity_id).state is CaseState.OPEN for one in preview.first)


def test_who_leaves_after_the_preview_is_not_canceled(bench: Bench) -> None:
    leavers(bench, "ada")
    preview = look(bench, source="idp")
    bench.clock.advance("1s")
    (late,) = leavers(bench, "ben")

    canceled = list(act(bench, preview))

    assert len(canceled) == 1
    assert bench.case(late).state is CaseState.OPEN


def test_who_fits_only_after_the_preview_is_not_acted_on(bench: Bench) -> None:
    ada, ben = (bench.case(person) for person in leavers(bench, "ada", "ben"))
    for one in (ada, ben):
        bench.holding.place(Scope.CASE, one.id, reason="audit", by="ops", now=bench.clock())
    bench.holding.lift_of_case(ben.id, reason="over", by="ops", now=bench.clock())
    preview = look(bench, CaseAction.RELEASE, source="idp")
    bench.holding.place(Scope.CASE, ben.id, reason="litigation", by="legal", now=bench.clock())

    released = list(act(bench, preview))

    assert [(acted.case_id, acted.is_done) for acted in released] == [(ada.id, True)]
    assert [hold.subject for hold in bench.holding.standing()] == [ben.id]


def test_at_once_are_so_many_unless_everybody_is_meant(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acting, "AT_ONCE", 1)
    leavers(bench, "ada", "ben")
    intent, query = Intent(action=CaseAction.CANCEL), CaseQuery(source="idp")

    newest = bench.acting.preview(intent, query, bench.clock())
    everybody = bench.acting.preview(intent, query, bench.clock(), everybody=True)

    assert [(found.count, len(found.ids)) for found in (newest, everybody)] == [(2, 1), (2, 2)]
    assert len(list(act(bench, newest))) == 1
    assert len(list(act(bench, everybody))) == 1


def test_the_digest_of_a_preview_is_of_what_would_be_done_and_to_whom(bench: Bench) -> None:
    ada, ben = (bench.case(person).id for person in leavers(bench, "ada", "ben"))

    both = look(bench, ids=(ada, ben)).digest

    assert look(bench, ids=(ben, ada)).digest == both
    others = [
        look(bench, ids=(ada,)),
        look(bench, CaseAction.HOLD, ids=(ada, ben)),
        look(bench, CaseAction.EXPEDITE, ids=(ada, ben)),
        look(bench, CaseAction.EXPEDITE, stage=2, ids=(ada, ben)),
    ]
    assert len({both, *(each.digest for each in others)}) == 5


def test_who_stopped_half_way_begins_anew(bench: Bench) -> None:
    leavers(bench, "ada", "ben", "cid")
    preview = look(bench, source="idp")
    next(act(bench, preview))

    assert len(cancel(bench, source="idp")) == 2
    assert cancel(bench, source="idp") == []


def test_a_case_that_ends_meanwhile_is_left_out(bench: Bench) -> None:
    people = leavers(bench, "ada", "ben")
    first, second = sorted(people, key=lambda person: bench.case(person).id)
    preview = look(bench, source="idp")
    canceling = act(bench, preview)

    canceled = [next(canceling).case_id]
    bench.come_back(second)
    canceled += [acted.case_id for acted in canceling]

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


def test_what_is_named_is_told_apart_from_what_is_not_there(bench: Bench) -> None:
    ada, ben = leavers(bench, "ada", "ben")
    named = (bench.case(ada).id, bench.case(ben).id, "nope")
    bench.operating.cancel(named[0], reason="came back", by="olga", now=bench.clock())

    preview = look(bench, ids=named)

    assert (preview.count, preview.unknown, left_out(preview)) == (1, ["nope"], {Obstacle.ENDED: ["ada"]})
    assert [(acted.case_id, acted.is_done) for acted in act(bench, preview)] == [(named[1], True)]


def test_holding_is_undone_by_releasing_but_for_what_is_legal(bench: Bench) -> None:
    ada, ben = (bench.case(person) for person in leavers(bench, "ada", "ben"))
    bench.holding.place(Scope.CASE, ada.id, reason="litigation", by="legal", now=bench.clock(), is_legal=True)

    holding = look(bench, CaseAction.HOLD, source="idp")
    (held,) = act(bench, holding)

    assert left_out(holding) == {Obstacle.HELD: ["ada"]}
    assert {hold.id for hold in bench.holding.standing_on(ben)} == {held.made}
    assert (holding.intent.can_be_undone, "lifts" in holding.intent.afterwards) == (True, True)

    releasing = look(bench, CaseAction.RELEASE, source="idp")
    assert [(acted.case_id, acted.is_done) for acted in act(bench, releasing)] == [(ben.id, True)]
    assert left_out(releasing) == {Obstacle.LEGAL: ["ada"]}
    assert [hold.reason for hold in bench.holding.standing()] == ["litigation"]
    assert left_out(look(bench, CaseAction.RELEASE, source="idp")) == {
        Obstacle.NOT_HELD: ["ben"],
        Obstacle.LEGAL: ["ada"],
    }


def test_a_hold_on_many_may_end_by_itself(bench: Bench) -> None:
    (ada,) = leavers(bench, "ada")
    until = bench.clock() + timedelta(days=2)
    intent = Intent(action=CaseAction.HOLD, until=until)

    list(act(bench, bench.acting.preview(intent, CaseQuery(source="idp"), bench.clock())))

    assert [(hold.subject, hold.until) for hold in bench.holding.standing()] == [(bench.case(ada).id, until)]


def test_expediting_twice_does_not_let_the_next_stage_go(database: Database, clock: FakeClock) -> None:
    stages = (a_stage("7d"), a_stage("30d", Action.DELETE))
    bench = Bench(database, clock, Ruleset((a_rule(*stages),)), actions=FEW_ACTIONS)
    leavers(bench, "ada")

    first = look(bench, CaseAction.EXPEDITE, source="idp")
    assert [acted.said for acted in act(bench, first)] == ["1 due now"]
    bench.run("1m")
    again = look(bench, CaseAction.EXPEDITE, source="idp")

    assert bench.systems["crm"].is_suspended("ada")
    assert (first.final, again.count, left_out(again)) == (0, 0, {Obstacle.NOT_PLANNED: ["ada"]})
    second = look(bench, CaseAction.EXPEDITE, stage=2, source="idp")
    assert (second.count, second.final, second.intent.can_be_undone) == (1, 1, False)
    assert look(bench, CaseAction.EXPEDITE, stage=3, source="idp").count == 0


def test_retrying_is_for_what_failed(bench: Bench) -> None:
    people = leavers(bench, "ada", "ben")
    bench.fail(RejectedError("not allowed"))  # whichever comes first
    bench.run("7d")

    preview = look(bench, CaseAction.RETRY, ids=tuple(bench.case(person).id for person in people))
    (retried,) = act(bench, preview)
    bench.run("1m")

    assert retried.said == "1 tried again"
    assert all(bench.systems["crm"].is_suspended(name) for name in ("ada", "ben"))
    assert look(bench, CaseAction.RETRY).count == 0


def test_restoring_is_for_the_newest_case_of_whoever_has_lost_something(bench: Bench) -> None:
    ada, ben = leavers(bench, "ada", "ben")
    bench.operating.cancel(bench.case(ben).id, reason="stays", by="olga", now=bench.clock())
    bench.run("7d")

    preview = look(bench, CaseAction.RESTORE)
    (restored,) = act(bench, preview)
    bench.run("1h")

    assert left_out(preview) == {Obstacle.TOOK_NOTHING: ["ben"]}
    assert (restored.said, restored.made) == ("gives back", bench.cases(ada)[-1].id)
    assert not bench.systems["crm"].is_suspended("ada")
    assert left_out(look(bench, CaseAction.RESTORE)) == {Obstacle.NOT_NEWEST: ["ada"], Obstacle.TOOK_NOTHING: ["ben"]}


def test_what_a_service_refuses_is_told_and_the_next_one_is_done(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    leavers(bench, "ada", "ben")
    refusals: list[Exception] = [CaseClosedError("x")]
    cancel_one = bench.operating.cancel

    def refusing(*args: Any, **kwargs: Any) -> object:
        if refusals:
            raise refusals.pop()
        return cancel_one(*args, **kwargs)

    monkeypatch.setattr(bench.operating, "cancel", refusing)

    assert [(acted.is_done, acted.said) for acted in act(bench, look(bench, source="idp"))] == [
        (False, "case x has ended"),
        (True, "canceled"),
    ]


def test_somebody_elses_ended_work_is_not_meant_unless_it_is_said(bench: Bench) -> None:
    leavers(bench, "ada")
    bench.run("7d")

    assert look(bench, source="idp").left_out == []
    assert left_out(look(bench, source="idp", state=CaseState.COMPLETED)) == {Obstacle.ENDED: ["ada"]}
