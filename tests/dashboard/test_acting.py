"""Acting on several cases: a preview first, and what came of it afterwards."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape

import pytest

from scimbridge import services
from scimbridge.dashboard.pages import acting
from scimbridge.domain.hold import Scope
from scimbridge.domain.operator import Role
from tests.dashboard.conftest import Browse, Browser, text_of
from tests.services.bench import Bench


@pytest.fixture
def people(bench: Bench) -> dict[str, str]:
    """The case of each; one is over already."""
    found: dict[str, str] = {}
    for name in ("ada", "grace", "<b>alan</b>", "edsger"):
        person = bench.join(name)
        bench.leave(person)
        found[name] = bench.case(person).id
    bench.operating.cancel(found["edsger"], reason="mistake", by="ops", now=bench.clock())
    return found


def preview(browser: Browser, **form: str | list[str]) -> str:
    return browser.send("/acting", seen_on="/cases", step="preview", **form).text


def confirmed(html: str, **more: str) -> dict[str, str | list[str]]:
    """The form of a preview, as a browser would send it."""
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', html.partition('class="act')[2])
    form: dict[str, str | list[str]] = {name: unescape(value) for name, value in fields if name != "case"}
    return {**form, "case": [value for name, value in fields if name == "case"], **more}


def states(bench: Bench, people: dict[str, str]) -> dict[str, str]:
    return {name: _state(bench, case) for name, case in people.items()}


def _state(bench: Bench, case_id: str) -> str:
    from scimbridge.store import cases

    with bench.database.read() as tx:
        return cases.case_by_id(tx, case_id).state.value


def test_a_preview_says_how_many_and_who_and_who_is_left_out_and_why(
    bench: Bench, browse: Browse, people: dict[str, str]
) -> None:
    html = preview(browse(), action="cancel", case=list(people.values()))

    text = text_of(html)
    assert text.startswith("Cases Cancel 3 cases?")
    assert "To whom 3" in text
    assert "<b>alan</b> waiting, by employees" in text
    assert "<b>" not in html
    assert "Left out 1, because it has ended edsger canceled" in text
    assert "There is no undo" in text
    assert set(states(bench, people).values()) == {"open", "canceled"}


def test_what_was_previewed_is_done_to_those_and_told(bench: Bench, browse: Browse, people: dict[str, str]) -> None:
    browser = browse()
    html = preview(browser, action="cancel", case=[people["ada"], people["grace"]])

    answer = browser.post("/acting", confirmed(html, reason="wrong file", sure="yes"))

    assert (answer.status_code, answer.headers["location"]) == (303, "/cases")
    assert "Done. 2 cases called off." in text_of(browser.get("/cases").text)
    assert states(bench, people) == {
        "ada": "canceled",
        "grace": "canceled",
        "<b>alan</b>": "open",
        "edsger": "canceled",
    }


def test_all_that_a_filter_finds_does_not_take_in_who_came_later(
    bench: Bench, browse: Browse, people: dict[str, str]
) -> None:
    browser = browse()
    html = preview(browser, action="cancel", whom="found", rule="employees", state="open")
    bench.clock.advance("1m")
    late = bench.join("late")
    bench.leave(late)

    answer = browser.post("/acting", confirmed(html, reason="wrong file", sure="yes"))

    assert answer.headers["location"] == "/cases?state=open&rule=employees"
    assert "Done. 3 cases called off." in text_of(browser.get("/cases").text)
    assert _state(bench, bench.case(late).id) == "open"


def test_nobody_is_acted_on_who_was_not_in_the_preview(bench: Bench, browse: Browse, people: dict[str, str]) -> None:
    browser, now = browse(), bench.clock()
    for name in ("ada", "grace"):
        bench.holding.place(Scope.CASE, people[name], reason="audit", by="ops", now=now)
    html = preview(browser, action="release", whom="found", rule="employees")
    bench.holding.lift_of_case(people["grace"], reason="over", by="legal", now=now)
    bench.holding.place(Scope.CASE, people["<b>alan</b>"], reason="litigation", by="legal", now=now)

    browser.post("/acting", confirmed(html, reason="the audit is over", sure="yes"))

    assert [each.subject for each in bench.holding.standing()] == [people["<b>alan</b>"]]
    said = text_of(browser.get("/cases").text)
    assert "Done. 1 case released. Refused. 1 case of the preview changed meanwhile: nothing was done there." in said


def test_a_second_click_finds_nothing_more_to_do(bench: Bench, browse: Browse, people: dict[str, str]) -> None:
    browser = browse()
    form = confirmed(preview(browser, action="hold", case=[people["ada"]]), reason="audit", sure="yes")

    for _ in range(2):
        browser.post("/acting", form)

    assert "Nothing was changed: there is no such case any more." in text_of(browser.get("/cases").text)
    assert len(bench.holding.standing()) == 1


def test_a_hold_on_many_may_end_by_itself(bench: Bench, browse: Browse, people: dict[str, str]) -> None:
    browser = browse()
    # The filter has an "until" of its own.
    html = preview(browser, action="hold", whom="found", rule="employees", until="2030-01-01T00:00")
    form = confirmed(html, reason="audit", sure="yes")

    browser.post("/acting", {**form, "hold_until": "soon"})
    said = text_of(browser.get("/cases").text)
    browser.post("/acting", {**form, "hold_until": "2030-12-31"})

    assert "write a date like 2026-12-31" in said
    assert {hold.until for hold in bench.holding.standing()} == {datetime(2031, 1, 1, tzinfo=UTC)}
    assert len(bench.holding.standing()) == 3


def test_only_a_hold_is_asked_when_it_ends(browse: Browse, people: dict[str, str]) -> None:
    browser = browse()
    asked = {action: preview(browser, action=action, case=[people["ada"]]) for action in ("hold", "cancel")}

    assert ['name="hold_until"' in html for html in asked.values()] == [True, False]


def test_a_hold_on_many_names_its_undo(browse: Browse, people: dict[str, str]) -> None:
    assert "Undo: Releasing them lifts the holds." in text_of(preview(browse(), action="hold", case=[people["ada"]]))


def test_expediting_what_cannot_be_undone_is_warned_of(browse: Browse, people: dict[str, str]) -> None:
    text = text_of(preview(browse(), action="expedite", stage="2", case=list(people.values())))

    assert "In 3 of them, something in that stage cannot be undone." in text


def test_more_than_one_form_does_is_said(
    bench: Bench, browse: Browse, people: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (acting, services.acting):
        monkeypatch.setattr(module, "AT_ONCE", 2)
    browser = browse()
    html = preview(browser, action="hold", whom="found")

    browser.post("/acting", confirmed(html, reason="audit", sure="yes"))

    assert "At once it is done to the newest 2; the list has the others afterwards." in text_of(html)
    assert "Hold 2 cases</button>" in html
    assert "Done. 2 cases held. Done. There may be more: do it again to go on." in text_of(browser.get("/cases").text)


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({"action": ""}, "choose what to do"),
        ({"action": "cancel"}, "choose at least one case, or all that the filter finds"),
        ({"action": "cancel", "whom": "found", "since": "soon"}, "since: 'soon' is not a time"),
        ({"action": "expedite", "stage": "x", "whom": "found"}, "the stage is not a number"),
        ({"action": "cancel", "whom": "found", "step": "do", "reason": "x"}, "confirm it by its box"),
        ({"action": "cancel", "whom": "found", "step": "do", "sure": "yes"}, "choose at least one case"),
        ({"action": "cancel", "case": "x", "step": "do", "sure": "yes"}, "give a reason"),
        ({"action": "cancel", "case": "x", "step": "do", "sure": "yes", "reason": "x" * 1001}, "give a shorter reason"),
    ],
)
def test_an_incomplete_form_does_nothing(
    bench: Bench, browse: Browse, people: dict[str, str], form: dict[str, str], why: str
) -> None:
    browser = browse()

    browser.send("/acting", seen_on="/cases", back="/cases", **form)

    assert f"Refused. Not done: {why}" in text_of(browser.get("/cases").text)
    assert _state(bench, people["ada"]) == "open"


def test_who_may_only_look_cannot_act(browse: Browse, people: dict[str, str]) -> None:
    browser = browse(role=Role.VIEWER, name="vera")

    assert 'name="action"' not in browser.get("/cases").text
    assert browser.post("/acting", {"action": "cancel", "whom": "found"}).status_code == 403


def test_without_a_choice_the_page_says_what_to_do(browse: Browse) -> None:
    assert "Nothing is chosen. Choose cases in their list" in text_of(browse().get("/acting").text)
