"""The page of a person: what is known, why nothing happens, what would, and having them leave."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from scimbridge.domain.exclusion import Exclusion, Spared
from scimbridge.domain.filter import IdentityFilter
from scimbridge.domain.hold import Scope
from scimbridge.domain.operator import Role
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.trigger import Trigger
from scimbridge.services.dossier import Dossiers, why_nothing
from scimbridge.store import cases, facts
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.counting import counted
from tests.dashboard.conftest import Browse, text_of
from tests.services.bench import Bench, MemoryTarget, a_rule, a_stage, an_exclusion
from tests.store.test_query_plans import Explained

HOSTILE = "<b>Ada</b>"


@pytest.fixture
def bench(sqlite: Database, clock: FakeClock) -> Bench:
    leavers = a_rule(a_stage("7d"), name="employees", match='userType eq "Employee"')
    asked = a_rule(
        a_stage("7d"), name="asked for", when=(Trigger.REQUESTED,), exclude=IdentityFilter('title eq "Owner"')
    )
    rules = Ruleset((leavers, asked), (an_exclusion('userName eq "root"', "break glass"),))
    return Bench(sqlite, clock, rules, {"crm": MemoryTarget(), "directory": MemoryTarget()})


@pytest.fixture
def ada(bench: Bench) -> str:
    """Whom no rule matches: she was deactivated, and nothing happened."""
    person = bench.join("ada", displayName=HOSTILE, externalId="E-17", userType="Contractor")
    bench.leave(person)
    bench.run()
    return person


def shown(browse: Browse, person: str, query: str = "", **who: object) -> str:
    text = text_of(browse(**who).get(f"/people/{person}{query}").text)
    return re.sub(r" (?=[:;,.)])", "", text).replace("( ", "(")


def test_why_nothing_happens_and_all_that_is_known(bench: Bench, browse: Browse, ada: str) -> None:
    now = bench.clock()
    bench.holding.place(Scope.IDENTITY, ada, reason="a lawsuit", by="legal", now=now, is_legal=True)
    bench.holding.place(Scope.SOURCE, "idp", reason="a migration", by="kim", now=now)
    bench.holding.exclude(
        Exclusion(reason="vendor", spared=Spared.ACCOUNT, subject="ada", target="crm"), by="kim", now=now
    )

    html = browse().get(f"/people/{ada}").text
    text = shown(browse, ada)

    assert "Why nothing happens deactivated at 2026-03-02 09:00 UTC: no rule matches. What to do Try the rules" in text
    assert "What the source says Name <b>Ada</b> Source idp There inactive externalId E-17" in text
    assert "legal hold on identity since now (2026-03-02 09:00 UTC), by legal: a lawsuit Look" in text
    assert "hold on source idp since now" in text
    assert "exclusion of account ada at crm: vendor Look" in text
    assert "Target Account Linked crm ada native-ada yes directory ada native-ada yes" in text
    assert "deactivated now 2026-03-02 09:00 UTC no rule matches" in text
    assert "POST: test, answered 201, created" in text
    assert "<b>Ada" not in html


def test_a_viewer_sees_no_document_and_no_form(browse: Browse, ada: str) -> None:
    html = browse(role=Role.VIEWER, name="vera").get(f"/people/{ada}").text

    assert "externalId" in html
    assert not re.search(r"What the source sent|All that it says|name=\"do\"|Hold them", html)
    assert browse(role=Role.VIEWER, name="vera").send(f"/people/{ada}", do="leave", seen_on="/").status_code == 403


def test_the_rules_are_tried_by_an_address(browse: Browse, ada: str) -> None:
    assert "No rule matches; the fact is kept, and nothing happens." in shown(browse, ada, "?try=deactivated")
    assert "requested now, inactive already, rule asked for" in shown(browse, ada, "?try=requested")
    assert 'id="tried"' not in browse().get(f"/people/{ada}?try=nonsense").text


def test_somebody_is_asked_to_leave(bench: Bench, browse: Browse) -> None:
    person = bench.join("bob")
    browser = browse()
    form = {"do": "leave", "reason": "ticket 17", "sure": "yes"}

    dated = browser.send(f"/people/{person}", date="2026-04-01", **form)
    waiting = text_of(browser.get(f"/people/{person}").text)
    (request,) = (row["id"] for row in bench.requesting.standing())
    forged = browser.send(f"/people/{person}", do="withdraw", request="another", reason="x")
    browser.send(f"/people/{person}", do="withdraw", request=request, reason="stays")
    now = browser.send(f"/people/{person}", **form)
    case = bench.case(person)

    assert dated.headers["location"] == f"/people/{person}"
    assert "They are to leave at 2026-04-02 00:00 UTC." in waiting
    assert "local has asked that they leave at 2026-04-02 00:00 UTC." in waiting
    assert forged.status_code == 404
    assert now.headers["location"] == f"/cases/{case.id}"
    assert "Done. A case begins." in text_of(browser.get(f"/cases/{case.id}").text)
    assert (case.opened_by, case.rule) == ("local", "asked for")
    assert "Their case is open, by rule asked for." in shown(browse, person)


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({}, "give a reason"),
        ({"reason": "x"}, "confirm it by its box"),
        ({"reason": "x", "sure": "yes", "date": "soon"}, "is no date"),
        ({"reason": "x", "sure": "yes", "do": "vanish"}, "does not say what to do"),
    ],
)
def test_an_incomplete_request_is_refused(
    bench: Bench, browse: Browse, ada: str, form: dict[str, str], why: str
) -> None:
    browser = browse()

    browser.send(f"/people/{ada}", **{"do": "leave", **form})

    assert why in text_of(browser.get(f"/people/{ada}").text)
    assert bench.cases(ada) == []


def test_why_nothing_comes_of_it_is_told(bench: Bench, browse: Browse) -> None:
    root = bench.join("root")
    browser = browse()

    browser.send(f"/people/{root}", do="leave", reason="x", sure="yes")

    text = text_of(browser.get(f"/people/{root}").text)
    assert "Refused. Not done: excluded: break glass." in text
    assert 'They are excluded (userName eq "root"): break glass.' in text


def test_each_reason_for_nothing(bench: Bench) -> None:
    def why(person: str) -> list[str]:
        return list(why_nothing(Dossiers(bench.database, bench.rules).of(person, bench.clock())))

    born_inactive = bench.join("eve", active=False)
    owner = bench.join("olga", title="Owner")
    leaver = bench.join("carla", userType="Employee")
    bench.leave(leaver)

    assert why(born_inactive)[0].startswith("They were inactive when source idp first told of them")
    assert why(owner) == [
        "Source idp says that they are active: only a fact that they left starts a case.",
        "They are excluded (whoever rule asked for excludes): the rule says so.",
    ]
    assert why(leaver) == []
    bench.operating.cancel(bench.case(leaver).id, reason="a mistake", by="kim", now=bench.clock())
    assert why(leaver) == ["Their newest case was canceled at 2026-03-02 09:00 UTC: a mistake."]


def test_who_is_nobody_has_no_page(browse: Browse) -> None:
    assert browse().get("/people/nobody").status_code == 404


def test_a_person_costs_the_same_however_much_there_is(bench: Bench, browse: Browse, ada: str) -> None:
    browser = browse()

    def cost() -> int:
        with counted(bench.database) as statements:
            browser.get(f"/people/{ada}")
        return len(statements)

    before = cost()
    for _ in range(3):
        bench.come_back(ada)
        bench.clock.advance(timedelta(days=1))
        bench.leave(ada)

    assert cost() == before <= 16


def test_what_is_read_of_a_person_has_an_index(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset(()))
    person = bench.join("ada")
    with database.read() as tx:
        explained = Explained(tx)
        facts.left_alone_of(tx, person, 20)
        cases.newest_of(tx, person, 20)

    assert "ix_facts_left_alone" in explained.plan
    assert not re.search(r"SCAN (facts|cases)\n", explained.plan)


def test_somebody_who_was_deleted_is_erased_by_an_admin(bench: Bench, browse: Browse) -> None:
    gone, here = bench.join("gone"), bench.join("here")
    bench.run()
    bench.delete(gone)
    bench.run()
    browser, operator = browse(role=Role.ADMIN, name="ann"), browse()

    assert "idp still has this User" in text_of(browser.get(f"/people/{here}/erase").text)
    assert "Erase them" not in browser.get(f"/people/{here}").text + operator.get(f"/people/{gone}").text
    assert "Erase them" in browser.get(f"/people/{gone}").text
    assert operator.send(f"/people/{gone}/erase", reason="x", sure="yes").status_code == 403
    assert "Names in the history, in 2 entries" in text_of(browser.get(f"/people/{gone}/erase").text)
    browser.send(f"/people/{gone}/erase", reason="asked to be forgotten")
    assert "confirm it by its box" in text_of(browser.get(f"/people/{gone}/erase").text)

    browser.send(f"/people/{gone}/erase", reason="asked to be forgotten", sure="yes")

    page = text_of(browser.get(f"/people/{gone}").text)
    assert "Their personal values are erased." in page
    assert f"erased-{gone[-12:]}" in page
    assert "was erased on" in text_of(browser.get(f"/people/{gone}/erase").text)
