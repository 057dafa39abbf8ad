"""The guard on pages: how much room its limits have, whom a flood holds, and deciding about it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from starlette.applications import Starlette

from scimbridge.dashboard import build_routes
from scimbridge.domain.action import GuardClass
from scimbridge.domain.guard import GuardScope
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.counting import counted
from tests.dashboard.conftest import Browser, bridge_of, text_of
from tests.services.bench import Bench
from tests.services.flooded import a_bench, a_limit, held_cases, leave_all, people, standing, the_flood

HOSTILE = "<img src=x onerror=alert(1)>"


def browser_of(bench: Bench) -> Browser:
    bridge = bridge_of(bench)
    browser = Browser(Starlette(routes=build_routes(bridge)), bridge)
    browser.sign_in()
    return browser


@pytest.fixture
def flooded(sqlite: Database, clock: FakeClock) -> Bench:
    bench = a_bench(
        sqlite,
        clock,
        a_limit(4, percent=50),
        a_limit(
            9,
            scope=GuardScope.SOURCE,
            subject="idp",
            guard_class=GuardClass.SUSPEND,
            window=timedelta(hours=1),
        ),
    )
    everybody = [bench.join(HOSTILE), *people(bench, 9)]
    bench.run()
    leave_all(bench, everybody[:2])
    bench.run()
    leave_all(bench, everybody[2:6])
    bench.run()
    return bench


def test_gauges_tell_how_much_of_each_limit_is_used(flooded: Bench) -> None:
    shown = text_of(browser_of(flooded).get("/guard").text)

    assert (
        "all sources and targets any loss of access 1d 100 % 6 60.0 % of 10 4 4 or 50 % of 0 or more holds a flood"
        in shown
    )
    assert "source idp suspensions 1h 67 % 6 9 has room" in shown
    assert "Held until somebody decides 1" in shown
    assert "4 held" not in shown


def test_a_flood_tells_who_is_in_it_and_what_had_started(flooded: Bench) -> None:
    html = browser_of(flooded).get(f"/guard/{the_flood(flooded).id}").text
    shown = text_of(html)

    assert "People in it 6 Held 4 Had started 2" in shown
    assert "What had started 2 " in shown
    assert f"{HOSTILE} idp suspend crm done" in shown
    assert HOSTILE not in html
    assert "Who is held 4" in shown


def test_a_flood_is_released_once_by_whoever_is_sure_and_says_why(flooded: Bench) -> None:
    browser, flood = browser_of(flooded), the_flood(flooded)
    page = f"/guard/{flood.id}"

    browser.send(page, do="release", cases="6", reason="the merger")
    unsure = text_of(browser.get(page).text)
    browser.send(page, do="release", cases="6", sure="yes")
    silent = text_of(browser.get(page).text)
    still = len(held_cases(flooded))
    browser.send(page, do="release", cases="6", reason="the merger", sure="yes")
    released = text_of(browser.get(page).text)

    assert ("confirm it by its box" in unsure, "give a reason" in silent, still) == (True, True, 4)
    assert held_cases(flooded) == set()
    assert "Released. What is due is let go by the next sweep." in released
    assert "Released now by local : the merger" in released
    assert "released by local the merger 6" in text_of(browser.get("/guard").text)


def test_a_flood_that_has_grown_is_looked_at_again_before_it_goes_on(flooded: Bench) -> None:
    browser, page = browser_of(flooded), f"/guard/{the_flood(flooded).id}"
    seen = fields(browser.get(page).text, do="release", reason="the merger", sure="yes")
    leave_all(flooded, people(flooded, 2, "late"))

    browser.post(page, seen)
    refused = text_of(browser.get(page).text)
    still = len(held_cases(flooded))
    browser.post(page, {**seen, "cases": "", "reason": "again"})
    unsaid = text_of(browser.get(page).text)
    browser.post(page, fields(browser.get(page).text, do="release", reason="still the merger", sure="yes"))

    assert "has 8 cases by now, and not 6; look at it again" in refused
    assert "the form does not say how many cases you have seen" in unsaid
    assert (still, held_cases(flooded)) == (6, set())


def fields(html: str, **typed: str) -> dict[str, str]:
    """What a browser sends with the first form of a page's content."""
    form = html.partition('class="act')[2].partition("</form>")[0]
    return {**dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form)), **typed}


def test_a_flood_is_called_off_and_gives_back_where_that_is_chosen(flooded: Bench) -> None:
    browser, flood = browser_of(flooded), the_flood(flooded)

    browser.send(f"/guard/{flood.id}", do="restore", reason="a wrong filter", sure="yes")
    shown = text_of(browser.get(f"/guard/{flood.id}").text)
    flooded.run()

    assert "Called off. What it had taken is being given back." in shown
    assert standing(flooded) == []
    assert not flooded.systems["crm"].is_suspended(HOSTILE)


def test_what_takes_longer_is_left_to_the_sweeper(flooded: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scimbridge.dashboard.pages.guard.PATIENCE", -1.0)
    monkeypatch.setattr("scimbridge.services.flooding.CANCELED_AT_ONCE", 2)
    browser, flood = browser_of(flooded), the_flood(flooded)

    browser.send(f"/guard/{flood.id}", do="cancel", reason="a wrong filter", sure="yes")
    shown = text_of(browser.get(f"/guard/{flood.id}").text)
    flooded.flooding.finish(flooded.clock())

    assert "4 cases are left; the sweeper goes on with them." in shown
    assert "is being carried out" in shown
    assert held_cases(flooded) == set()


def test_without_limits_the_page_says_what_that_means(bench: Bench) -> None:
    browser = browser_of(bench)

    assert "There are no limits." in text_of(browser.get("/guard").text)
    assert browser.get("/guard/nothing").status_code == 404


def test_more_limits_and_floods_cost_no_more_statements(sqlite: Database, clock: FakeClock) -> None:
    def cost(*names: str) -> int:
        limits = [a_limit(1, scope=GuardScope.SOURCE, subject=name, percent=90) for name in names]
        bench = a_bench(sqlite, clock, *limits)
        for name in names:
            leave_all_of(bench, name)
        assert len(standing(bench)) >= len(names)
        browser = browser_of(bench)
        with counted(sqlite) as statements:
            assert browser.get("/guard").status_code == 200
        return len(statements)

    assert cost("idp") == cost("okta", "entra", "keycloak") == 9


def leave_all_of(bench: Bench, source: str) -> None:
    for number in range(3):
        bench.leave(bench.join(f"{source}{number}", source=source), source=source)
