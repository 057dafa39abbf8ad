"""The history, and what sources sent."""

from __future__ import annotations

import re
from html import unescape

import pytest

from scimbridge.dashboard.pages import history, requests
from scimbridge.domain.operator import Role
from scimbridge.store import records
from scimbridge.store.database import Database
from tests.counting import counted
from tests.dashboard.conftest import Browse, text_of
from tests.services.bench import Bench
from tests.store.test_query_plans import Explained


@pytest.fixture
def leaver(bench: Bench) -> str:
    """Somebody left, and it was called off an hour later."""
    person = bench.join("<i>ada</i>", title="<u>Boss</u>")
    bench.leave(person)
    case = bench.case(person).id
    bench.clock.advance("1h")
    bench.operating.cancel(case, reason="<b>mistake</b>", by="olga", now=bench.clock())
    return case


def whats(browse: Browse, query: str = "") -> list[str]:
    html = browse().get(f"/history{query}").text
    return [unescape(found).strip() for found in re.findall(r'<th scope="row">([^<]+)', html)]


def test_the_history_says_what_who_about_whom_and_why(browse: Browse, leaver: str) -> None:
    html = browse().get("/history").text

    assert "case canceled now 2026-03-02 10:00:00 UTC olga <i>ada</i> <b>mistake</b>" in text_of(html)
    assert not re.search("<[bi]>", html)
    assert f'href="/cases/{leaver}"' in html


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?actor=olga", ["case canceled"]),
        ("?event=case+opened", ["case opened"]),
        ("?case={case}&actor=idp", ["case opened"]),
        ("?target=nowhere", []),
        ("?since=2026-03-02T09:30", ["case canceled"]),
        ("?until=2026-03-02T09:30", ["case opened"]),
        ("?until=2026-03-01", []),
    ],
)
def test_the_address_says_which_entries(browse: Browse, leaver: str, query: str, found: list[str]) -> None:
    assert [what for what in whats(browse, query.format(case=leaver)) if what.startswith("case")] == found


def test_the_history_goes_on_page_by_page_to_its_beginning(
    bench: Bench, browse: Browse, leaver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "SHOWN", 1)
    browser, address = browse(), "/history"
    seen: list[str] = []
    everything = len(bench.overview.history_after(0))

    while address and len(seen) <= everything:
        html = browser.get(address).text
        seen += re.findall(r'<th scope="row">([^<]+)', html)
        address = unescape((re.findall(r'<a href="([^"]+)" rel="next">', html) or [""])[0])

    assert len(seen) == everything
    assert seen[0].strip() == "case canceled"


@pytest.mark.parametrize("address", ["/history?actor=nobody", "/requests?source=nobody"])
def test_what_is_rare_does_not_cost_all_records(
    browse: Browse, leaver: str, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr(records, "LOOKED_AT", 1)

    html = browse().get(address).text

    assert "There is older: go on to the next page." in text_of(html)
    assert 'rel="next"' in html


@pytest.mark.parametrize("page", ["/history", "/requests"])
def test_the_records_are_for_those_who_audit(browse: Browse, leaver: str, page: str) -> None:
    answer = browse(role=Role.VIEWER, name="vera").get(page)

    assert answer.status_code == 403
    assert "this takes the role auditor or operator or admin" in text_of(answer.text)


@pytest.mark.parametrize("page", ["/history", "/requests"])
def test_a_time_that_is_none_is_said(browse: Browse, page: str) -> None:
    assert "since: 'soon' is not a time" in text_of(browse().get(f"{page}?since=soon").text)


@pytest.mark.parametrize(("page", "most"), [("/history", 4), ("/requests", 4)])
def test_a_page_of_records_takes_few_statements(
    bench: Bench, browse: Browse, leaver: str, page: str, most: int
) -> None:
    browser = browse()
    browser.get(page)

    with counted(bench.database) as statements:
        browser.get(page)

    assert len(statements) <= 4


def test_requests_are_shown_as_received_as_understood_and_as_applied(bench: Bench, browse: Browse, leaver: str) -> None:
    html = browse().get("/requests").text

    assert re.search(r"PATCH <i>ada</i> /Users/[0-9a-f-]+ As received at 2026-03-02 09:00:00 UTC {}", text_of(html))
    assert "POST <i>ada</i> /Users As received" in text_of(html)
    assert "idp test 200" in text_of(html)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 2),
        ("?method=PATCH", 1),
        ("?source=idp", 2),
        ("?source=other", 0),
        ("?answered=refused", 0),
        ("?resource=nobody", 0),
        ("?since=2026-03-02", 2),
        ("?since=2026-03-03", 0),
        ("?until=2026-03-01", 0),
    ],
)
def test_the_address_says_which_requests(browse: Browse, leaver: str, query: str, count: int) -> None:
    assert browse().get(f"/requests{query}").text.count("As received") == count


def test_requests_go_on_page_by_page(browse: Browse, leaver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "SHOWN", 1)
    browser = browse()

    first = browser.get("/requests").text
    (more,) = re.findall(r'<a href="([^"]+)" rel="next">', first)
    last = browser.get(unescape(more)).text

    # Both came in the same moment; the one that was stored last is the newest.
    assert ["POST <i>ada</i> /Users" in text_of(page) for page in (first, last)] == [False, True]
    assert 'rel="next"' not in last


def test_records_are_read_along_their_index(database: Database) -> None:
    with database.read() as tx:
        explained = Explained(tx)
        records.received(tx, records.RequestQuery(), limit=10)
        records.entries(tx, records.HistoryQuery(), limit=10)

    assert "TEMP B-TREE" not in explained.plan
    assert not re.search(r"SCAN requests$|Seq Scan", explained.plan, re.MULTILINE)
