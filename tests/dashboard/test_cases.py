"""The list of cases: bookmarkable filters, counts, pages."""

from __future__ import annotations

import re
from html import unescape

import pytest
from starlette.applications import Starlette

from scimbridge.dashboard import build_routes
from scimbridge.dashboard.pages import cases as page
from scimbridge.domain.hold import Scope
from scimbridge.domain.rule import Ruleset
from scimbridge.sdk import RejectedError
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.counting import counted
from tests.dashboard.conftest import Browse, Browser, bridge_of, text_of
from tests.services.bench import Bench, a_rule, a_stage


def shown(browse: Browse, query: str = "") -> str:
    return text_of(browse().get(f"/cases{query}").text)


def names(browse: Browse, query: str = "") -> list[str]:
    html = browse().get(f"/cases{query}").text
    return [unescape(name) for name in re.findall(r'<th scope="row"><a href="[^"]+"><bdi>(.*?)</bdi>', html)]


@pytest.fixture
def leavers(bench: Bench) -> list[str]:
    people = [bench.join(name) for name in ("ada", "grace", "alan")]
    for person in people:
        bench.clock.advance("1h")
        bench.leave(person)
    bench.operating.cancel(bench.case(people[2]).id, reason="mistake", by="ops", now=bench.clock())
    return people


def test_a_case_is_listed_with_what_comes_next(bench: Bench, browse: Browse, leavers: list[str]) -> None:
    assert (
        "1 case fits . Person Situation Next By Opened Tasks "
        "ada waiting in 6d 22h 2026-03-09 10:00 UTC employees deactivated, idp 2h ago 2026-03-02 10:00 UTC 6 planned"
    ) in shown(browse, "?text=ADA").replace(" .", " .").replace("fits.", "fits .")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["grace", "ada"]),
        ("?state=all", ["alan", "grace", "ada"]),
        ("?state=canceled", ["alan"]),
        ("?column=grace", ["grace", "ada"]),
        ("?column=held", []),
        ("?situation=waiting&text=ra", ["grace"]),
        ("?source=idp&rule=employees&trigger=deactivated&target=crm", ["grace", "ada"]),
        ("?source=other", []),
        ("?target=nowhere", []),
        ("?since=2026-03-02T10:30", ["grace"]),
        ("?until=2026-03-02T10:30", ["ada"]),
        ("?until=2026-03-02", ["grace", "ada"]),
        ("?until=2026-03-01", []),
        ("?state=&text=", ["grace", "ada"]),
    ],
)
def test_the_address_says_which(browse: Browse, leavers: list[str], query: str, found: list[str]) -> None:
    assert names(browse, query) == found


def test_what_the_address_says_stands_in_the_form(browse: Browse, leavers: list[str]) -> None:
    html = browse().get("/cases?text=%22%3E%3Cb%3E&state=completed&rule=employees").text

    assert 'value="&#34;&gt;&lt;b&gt;"' in html
    assert '<option value="completed" selected>' in html
    assert '<option value="employees" selected>' in html


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("?state=gone", "state: there is no 'gone'; it is one of open, completed, canceled."),
        ("?column=x", "column: there is no 'x'; it is one of received, grace"),
        ("?since=yesterday", "since: 'yesterday' is not a time; write 2026-03-02 or"),
    ],
)
def test_what_means_nothing_is_said_and_left_out(browse: Browse, leavers: list[str], query: str, problem: str) -> None:
    assert problem in shown(browse, query)


def test_pages_follow_one_another(
    bench: Bench, browse: Browse, leavers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "SHOWN", 2)
    browser = browse()

    first = browser.get("/cases?state=all").text
    (more,) = re.findall(r'<a href="([^"]+)" rel="next">', first)
    second = browser.get(unescape(more)).text

    assert "state=all" in more
    assert "ada" in second
    assert "grace" not in second.partition("<tbody>")[2]
    assert 'rel="next"' not in second
    assert "This is the last page." in second


def test_a_place_in_a_list_that_is_gone_is_said(browse: Browse, leavers: list[str]) -> None:
    assert browse().get("/cases?after=nothing").status_code == 404


def test_many_are_counted_up_to_a_limit(browse: Browse, leavers: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "COUNTED", 2)

    assert "2 or more cases fit" in shown(browse)


def test_every_stage_that_the_rules_have_can_be_expedited(sqlite: Database, clock: FakeClock) -> None:
    bench = Bench(sqlite, clock, Ruleset((a_rule(*(a_stage(f"{day}d") for day in range(6))),)))
    bench.leave(bench.join("ada"))
    bridge = bridge_of(bench)
    browser = Browser(Starlette(routes=build_routes(bridge)), bridge)
    browser.sign_in()

    (choice,) = re.findall(r'<select id="stage".*?</select>', browser.get("/cases").text, re.DOTALL)

    assert re.findall(r'value="(\d)"', choice) == ["1", "2", "3", "4", "5", "6"]


def test_an_empty_list_says_where_there_is_more(browse: Browse) -> None:
    assert "No case fits. Nobody is leaving right now; all cases shows what is over, too." in shown(browse)
    assert "No case fits. Open cases or all cases show more." in shown(browse, "?column=held")


def test_each_column_of_the_board_leads_to_its_list(bench: Bench, browse: Browse, leavers: list[str]) -> None:
    bench.holding.place(Scope.IDENTITY, leavers[0], reason="litigation", by="legal", now=bench.clock())
    bench.fail(RejectedError("protected account"))
    bench.run("7d")
    columns = re.findall(
        r'<h2 id="column-\d"><a href="([^"]+)">(.*?)</a> <span class="count">(\d+)', browse().get("/").text
    )

    counted = {name: int(count) for _, name, count in columns}
    listed = {name: len(names(browse, unescape(address).partition("/cases")[2])) for address, name, _ in columns}

    assert counted == listed
    assert {name: count for name, count in counted.items() if count} == {"held": 1, "needs a person": 1}


def test_the_board_shows_the_first_and_leads_to_all(
    bench: Bench, browse: Browse, leavers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scimbridge.dashboard.pages.board.SHOWN", 1)

    html = browse().get("/").text

    assert "grace 2 nothing is due yet ada in 6d 22h All 2 that stand in grace" in text_of(html)
    assert '<a href="/cases?column=grace">All 2' in html


def test_the_board_says_where_more_cases_may_stand_than_it_has_counted(
    bench: Bench, browse: Browse, leavers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.fail(*[RejectedError("protected account")] * len(leavers))
    bench.run("7d")
    monkeypatch.setattr("scimbridge.store.board.MOST", 1)

    shown = text_of(browse().get("/").text)

    assert "2 open cases 1 or more cases need a person" in shown
    assert "needs a person 1 + or more failed, or waits for a decision" in shown
    assert "All that stand in needs a person" in shown
    assert "All that stand in received" not in shown


@pytest.mark.parametrize(("path", "most"), [("/", 30), ("/cases", 8), ("/cases?state=all", 10)])
def test_a_page_takes_as_many_statements_for_many_cases_as_for_few(
    bench: Bench, browse: Browse, path: str, most: int
) -> None:
    browser = browse()

    def cost() -> int:
        browser.get(path)
        with counted(bench.database) as statements:
            browser.get(path)
        return len(statements)

    bench.leave(bench.join("person"))
    few = cost()
    for number in range(5):
        bench.leave(bench.join(f"person{number}"))

    assert cost() == few <= most
