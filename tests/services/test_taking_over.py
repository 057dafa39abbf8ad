"""One externalId, two Users: what is planned for the one who leaves waits while the other is active."""

from __future__ import annotations

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.hold import Hold
from scimbridge.domain.rule import Ruleset
from scimbridge.services.taking_over import MAY_BE_THEM
from scimbridge.store import holds
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import Bench, a_rule, a_stage


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    rule = a_rule(a_stage("0s"), a_stage("30d", Action.DELETE))
    bench = Bench(database, clock, Ruleset((rule,)))
    bench.join("cleo")
    return bench


def standing(bench: Bench) -> list[Hold]:
    with bench.database.read() as tx:
        return holds.standing(tx)


@pytest.mark.parametrize("is_deleted", [True, False])
def test_nothing_falls_on_who_goes_on_under_another_name(bench: Bench, is_deleted: bool) -> None:
    ada = bench.join("ada")
    bench.join("ada.married", everywhere=False, externalId="ext-ada")
    bench.run()

    (bench.delete if is_deleted else bench.leave)(ada)
    bench.run("60d")

    (hold,) = standing(bench)
    assert (hold.subject, hold.reason) == (bench.open_case(ada).id, MAY_BE_THEM)
    assert bench.events(bench.open_case(ada)).count("hold placed") == 1
    assert bench.systems["crm"].writes == []


def test_nothing_more_falls_on_several_of_whom_one_is_back(bench: Bench) -> None:
    both = [bench.join("ada"), bench.join("ada2")]
    for each in both:
        bench.leave(each)
    bench.run("1d")
    bench.say(both[1], externalId="ext-ada")
    for hold in standing(bench):
        bench.holding.lift_of_case(hold.subject, reason="both left", by="ops", now=bench.clock())

    bench.join("ada.married", everywhere=False, externalId="ext-ada")
    bench.run("60d")

    assert {hold.subject for hold in standing(bench)} == {bench.open_case(each).id for each in both}
    assert {action for action, _ in bench.systems["crm"].writes} == {"suspend"}


def test_once_a_person_has_looked_it_goes_on(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.join("other", everywhere=False, externalId="ext-ada")
    bench.leave(ada)
    bench.run("1d")

    bench.holding.lift_of_case(bench.open_case(ada).id, reason="two people", by="ops", now=bench.clock())
    bench.run("1d")
    bench.run("60d")

    assert bench.case(ada).state is CaseState.COMPLETED
    assert ("delete", "native-ada") in bench.systems["crm"].writes
    assert standing(bench) == []


@pytest.mark.parametrize("who", ["inactive", "deleted", "elsewhere", "nobody"])
def test_only_an_active_user_of_the_same_source_may_be_the_same_person(bench: Bench, who: str) -> None:
    ada = bench.join("ada", externalId=None if who == "nobody" else "ext-ada")
    external_id = None if who == "nobody" else "ext-ada"
    source = {"source": "hr"} if who == "elsewhere" else {}
    other = bench.join("other", everywhere=False, externalId=external_id, **source)
    if who == "inactive":
        bench.leave(other)
    if who == "deleted":
        bench.delete(other)

    bench.leave(ada)
    bench.run("1d")

    assert ("suspend", "native-ada") in bench.systems["crm"].writes
    assert standing(bench) == []


@pytest.mark.parametrize(("others", "is_held"), [(10, True), (11, False)])
def test_what_a_source_sends_for_everybody_says_nothing_about_anybody(bench: Bench, others: int, is_held: bool) -> None:
    ada = bench.join("ada", externalId="n/a")
    for number in range(others):
        bench.join(f"other{number}", everywhere=False, externalId="n/a")

    bench.leave(ada)
    bench.run("1d")

    assert bool(standing(bench)) is is_held
    assert bench.systems["crm"].is_suspended("ada") is not is_held
