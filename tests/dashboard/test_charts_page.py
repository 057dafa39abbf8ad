"""Charts are drawn on the server, and say the same in numbers."""

from __future__ import annotations

import re
from datetime import timedelta

from scimbridge.domain.figures import FigureKind
from scimbridge.services.tallying import SETTLED, Tallying
from scimbridge.store import figures
from scimbridge.store.figures import Figure
from tests.counting import counted
from tests.dashboard.conftest import Browse, text_of
from tests.services.bench import Bench

HOSTILE = "<script>alert(1)</script>"


def test_without_figures_the_page_says_when_there_are_some(browse: Browse) -> None:
    shown = text_of(browse().get("/charts").text)

    assert "Nothing has been counted yet" in shown
    assert "Nothing was taken away in this time." in shown
    assert "Nothing waits that is due already." in shown


def test_each_chart_has_its_numbers_as_a_table(bench: Bench, browse: Browse) -> None:
    bench.leave(bench.join("ada"))
    bench.run("7d")
    bench.clock.advance(SETTLED + timedelta(seconds=1))
    Tallying(bench.database).run(bench.clock())
    with bench.database.write() as tx:
        figures.add(tx, {Figure(FigureKind.THROTTLED, "2026-03-08", HOSTILE): 7})

    html = browse().get("/charts?days=30").text
    shown = text_of(html)

    assert "Leavers: 1 leavers in 30 days, at most 1 on one day." in html
    assert "Leavers as a table Day (UTC) deactivated 2026-03-02 1" in shown
    assert "Attempts as a table Day (UTC) done skipped 2026-03-09 1 1" in shown
    assert f"Throttling as a table Day (UTC) {HOSTILE} 2026-03-08 7" in shown
    assert re.search(r"crm suspend \d+s \d+s none .* 1 Percentiles", shown) or "crm suspend 1s 1s none" in shown
    assert HOSTILE not in html
    assert not re.search(r"\sstyle=|\son\w+=", html)


def test_the_calendar_tells_what_cannot_be_undone(bench: Bench, browse: Browse) -> None:
    bench.leave(bench.join("ada"))

    html = browse().get("/charts").text

    assert "9 2 of 1" in text_of(html)
    assert "▲ 2 that cannot be undone" in text_of(html)
    assert html.count('class="out"') == (-91) % 7


def test_a_time_that_is_not_offered_is_the_usual_one(browse: Browse) -> None:
    assert '<option value="30" selected>' in browse().get("/charts?days=100000").text


def test_longer_times_cost_no_more_statements(bench: Bench, browse: Browse) -> None:
    browser = browse()

    def cost(days: int) -> int:
        with counted(bench.database) as statements:
            assert browser.get(f"/charts?days={days}").status_code == 200
        return len(statements)

    assert cost(7) == cost(90) == 7
