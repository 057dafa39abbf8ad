"""Holds, exclusions and inquiries on pages: what stands, adding, and ending."""

from __future__ import annotations

import re

import pytest
from starlette.applications import Starlette

from scimbridge.dashboard import build_routes
from scimbridge.dashboard.pages import holds as holds_page
from scimbridge.domain.hold import Scope
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.counting import counted
from tests.dashboard.conftest import Browse, Browser, bridge_of, text_of
from tests.services.bench import Bench

HOSTILE = "<script>alert(1)</script>"


def events(bench: Bench) -> list[tuple[str, str, str]]:
    names = (
        "hold placed",
        "hold lifted",
        "exclusion added",
        "exclusion ended",
        "inquiry confirmed",
        "inquiry dismissed",
    )
    found = bench.overview.history_after(0, 1000)
    return [(row["event"], row["actor"], row["reason"]) for row in found if row["event"] in names]


def test_a_hold_on_a_person_is_placed_by_name_and_lifted_with_a_reason(bench: Bench, browse: Browse) -> None:
    person, browser = bench.join(HOSTILE), browse()

    browser.send("/holds", scope="identity", subject=HOSTILE, reason="litigation", legal="yes")
    listed = browser.get("/holds").text
    (hold,) = bench.holding.standing()
    page = browser.get(f"/holds/{hold.id}").text
    browser.send(f"/holds/{hold.id}")
    unsaid = text_of(browser.get(f"/holds/{hold.id}").text)
    browser.send(f"/holds/{hold.id}", reason="counsel agrees")

    assert (hold.scope, hold.subject, hold.is_legal) == (Scope.IDENTITY, person, True)
    assert f"{HOSTILE} legal litigation local now 2026-03-02 09:00 UTC it is lifted Lift" in text_of(listed)
    assert (HOSTILE in listed, "It is a legal hold." in page, "give a reason" in unsaid) == (False, True, True)
    assert bench.holding.standing() == []
    assert events(bench) == [("hold placed", "local", "litigation"), ("hold lifted", "local", "counsel agrees")]
    assert browser.get(f"/holds/{hold.id}").status_code == 404


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"scope": "target", "subject": "crm"}, "give a reason"),
        ({"scope": "target", "reason": "x"}, "name the target that the hold is on"),
        ({"scope": "moon", "subject": "crm", "reason": "x"}, "choose what the hold is on"),
        ({"scope": "target", "subject": "nowhere", "reason": "x"}, "nowhere"),
        ({"scope": "identity", "subject": "nobody", "reason": "x"}, "nobody"),
        ({"scope": "target", "subject": "crm", "reason": "x", "until": "soon"}, "write a date like 2026-12-31"),
        ({"scope": "target", "subject": "crm", "reason": "x", "until": "2026-03-01"}, "until: that has passed"),
    ],
)
def test_a_hold_that_cannot_be_placed_is_explained(
    bench: Bench, browse: Browse, form: dict[str, str], said: str
) -> None:
    browser = browse()

    answer = browser.send("/holds", **form)

    assert bench.holding.standing() == []
    shown = browser.get(answer.headers["location"]) if answer.status_code == 303 else answer
    assert said in text_of(shown.text)


def test_a_hold_until_a_date_shows_when_it_ends_wherever_it_shows(bench: Bench, browse: Browse) -> None:
    ada, browser = bench.join("ada"), browse()
    bench.leave(ada)
    case = bench.case(ada).id
    browser.send("/holds", scope="identity", subject="ada", reason="litigation", until="2026-03-31")
    browser.send(f"/cases/{case}", do="hold", reason="audit", until="2026-03-31")

    pages = [*(f"/holds/{hold.id}" for hold in bench.holding.standing()), "/holds", f"/cases/{case}", f"/people/{ada}"]
    assert len(pages) == 5
    for each in pages:
        assert "2026-04-01 00:00 UTC" in text_of(browser.get(each).text), each
    assert "2026-04-01" in browser.get("/holds.csv").text


def test_holds_are_listed_page_by_page_with_whom_they_are_about(
    bench: Bench, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds_page, "SHOWN", 2)
    ada = bench.join("ada")
    bench.leave(ada)
    case = bench.case(ada)
    for scope, subject in ((Scope.CASE, case.id), (Scope.EVERYTHING, ""), (Scope.SOURCE, "idp")):
        bench.clock.advance("1s")
        bench.holding.place(scope, subject, reason=f"on {scope}", by="ops", now=bench.clock())
    browser = browse()

    first = browser.get("/holds").text
    (more,) = re.findall(r'href="([^"]+)" rel="next"', first)
    rest = browser.get(more.replace("&amp;", "&")).text

    assert ("source idp ordinary on source" in text_of(first), "everything ordinary" in text_of(first)) == (True, True)
    assert "case of ada" not in text_of(first)
    assert "case of ada ordinary on case" in text_of(rest)


def test_holds_of_many_cost_as_many_statements_as_of_few(bench: Bench, browse: Browse) -> None:
    browser = browse()

    def cost() -> int:
        with counted(bench.database) as statements:
            assert browser.get("/holds").status_code == 200
        return len(statements)

    few = cost()
    for number in range(6):
        person = bench.join(f"p{number}")
        bench.leave(person)
        bench.holding.place(Scope.IDENTITY, person, reason="x", by="ops", now=bench.clock())
        bench.holding.place(Scope.CASE, bench.case(person).id, reason="x", by="ops", now=bench.clock())

    assert few == cost() == 3


@pytest.mark.parametrize(
    ("form", "words", "said"),
    [
        ({"spared": "identity", "subject": "ada"}, "identity ", "It spares 1 active person right now."),
        ({"spared": "match", "subject": 'userName sw "x"'}, 'userName sw "x"', "no active person matches right now"),
        ({"spared": "account", "subject": "svc", "target": "crm"}, "account svc at crm", "It counts from now on"),
        ({"spared": "target", "subject": "crm", "until": "2026-12-31"}, "target crm", "It counts from now on"),
    ],
)
def test_an_exclusion_is_added_with_its_reach_and_ended(
    bench: Bench, browse: Browse, form: dict[str, str], words: str, said: str
) -> None:
    bench.join("ada")
    browser = browse()

    answer = browser.send("/exclusions", reason="break glass", **form)
    page = text_of(browser.get(answer.headers["location"]).text)
    listed = text_of(browser.get("/exclusions").text)
    browser.send(answer.headers["location"], reason="no longer needed")

    assert said in page
    assert words in page
    assert words in listed
    assert ("in 304d" in listed) is ("until" in form)
    assert list(bench.holding.exclusions()) == []
    assert events(bench) == [
        ("exclusion added", "local", "break glass"),
        ("exclusion ended", "local", "no longer needed"),
    ]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"spared": "identity", "subject": "ada"}, "give a reason"),
        ({"spared": "moon", "subject": "ada", "reason": "x"}, "choose what is spared"),
        ({"spared": "target", "reason": "x"}, "name who or what is spared"),
        ({"spared": "match", "subject": "userName eq", "reason": "x"}, "the filter"),
        ({"spared": "target", "subject": "crm", "reason": "x", "until": "soon"}, "until: write a date"),
        ({"spared": "target", "subject": "crm", "reason": "x", "until": "2020-01-01"}, "until: that has passed"),
    ],
)
def test_an_exclusion_that_makes_no_sense_is_explained(
    bench: Bench, browse: Browse, form: dict[str, str], said: str
) -> None:
    browser = browse()

    answer = browser.send("/exclusions", **form)

    assert said in text_of(browser.get(answer.headers["location"]).text)
    assert list(bench.holding.exclusions()) == []


@pytest.fixture
def asked(sqlite: Database, clock: FakeClock) -> Bench:
    """A group that granted the CRM was emptied of everybody at once."""
    bench = Bench(sqlite, clock, granted_by={"crm": [HOSTILE]})
    group = bench.group(HOSTILE, bench.join("ada"), bench.join("<b>ben</b>"))
    bench.run()
    bench.clock.advance("1h")
    bench.change_group(group, replace=[])
    return bench


def browser_of(bench: Bench) -> Browser:
    bridge = bridge_of(bench)
    browser = Browser(Starlette(routes=build_routes(bridge)), bridge)
    browser.sign_in()
    return browser


@pytest.mark.parametrize("answer", ["confirm", "dismiss"])
def test_an_inquiry_is_answered_by_whoever_looked_at_whom_it_is_about(asked: Bench, answer: str) -> None:
    browser, (inquiry,) = browser_of(asked), asked.inquiries()
    address = f"/inquiries/{inquiry.id}"

    listed, page = browser.get("/inquiries").text, browser.get(address).text
    browser.send(address, do="confirm", reason="they moved")
    unsure = len(asked.inquiries())
    browser.send(address, do=answer, reason="asked their manager", sure="yes")
    answered = text_of(browser.get("/inquiries").text)

    assert f"{HOSTILE} idp emptied crm 2 now" in text_of(listed)
    assert "Whom it is about 2 <b>ben</b> ada" in text_of(page)
    assert (HOSTILE in listed + page, "<b>ben</b>" in page, unsure) == (False, False, 1)
    assert asked.inquiries() == []
    said = "confirmed: 2 people lost crm; asked their manager" if answer == "confirm" else "asked their manager"
    assert f"{said} local now" in answered
    assert browser.get(address).status_code == 200


def test_without_anything_the_pages_say_what_they_are_for(browse: Browse) -> None:
    browser = browse()

    assert "Nothing is held." in text_of(browser.get("/holds").text)
    assert "Nobody and nothing is excluded." in text_of(browser.get("/exclusions").text)
    assert "Nothing is asked." in text_of(browser.get("/inquiries").text)
