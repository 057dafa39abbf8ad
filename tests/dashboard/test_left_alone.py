from __future__ import annotations

import csv
import io

import pytest

from scimbridge.documents import sheet
from scimbridge.domain.rule import Ruleset
from scimbridge.services.overview import Overview
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.dashboard.conftest import Browse, text_of
from tests.services.bench import Bench, a_rule, an_exclusion


def test_who_was_left_alone_is_listed_with_the_reason(database: Database, clock: FakeClock) -> None:
    rules = Ruleset((a_rule(match='userType eq "Employee"'),), (an_exclusion('userName eq "root"', "break glass"),))
    bench = Bench(database, clock, rules)
    bench.leave(bench.join("contractor", userType="Contractor"))
    bench.leave(bench.join("root", userType="Employee"))
    bench.leave(bench.join("ada", userType="Employee"))

    found = Overview(database, bench.fleet).left_alone(clock())

    assert {row["user_name"]: row["verdict"] for row in found} == {
        "contractor": "no rule matches",
        "root": "excluded: break glass",
    }


def test_a_page_lists_them(bench: Bench, browse: Browse) -> None:
    rules = Ruleset((a_rule(match='userType eq "Employee"'),))
    other = Bench(bench.database, bench.clock, rules)
    other.leave(other.join("<b>contractor</b>", userType="Contractor"))
    browser = browse()

    html = browser.get("/left-alone").text
    board = text_of(browser.get("/").text)
    bench.clock.advance("2d")

    assert "<b>contractor</b> no rule matches deactivated idp now" in text_of(html)
    assert "<b>" not in html
    assert "1 left in the last 24 hours , and nothing is done." in board
    assert "Nobody in the last 24 hours." in text_of(browser.get("/left-alone?days=1").text)
    assert "no rule matches" in text_of(browser.get("/left-alone?days=7").text)


def test_the_file_has_all_of_them_however_many_parts_it_takes(
    bench: Bench, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheet, "AT_ONCE", 2)
    other = Bench(bench.database, bench.clock, Ruleset((a_rule(match='userType eq "Employee"'),)))
    for number in range(5):  # all at one time
        other.leave(other.join(f"p{number}", userType="Contractor"))

    rows = list(csv.reader(io.StringIO(browse().get("/left-alone.csv?days=7").text)))[1:]

    assert sorted(row[1] for row in rows) == ["p0", "p1", "p2", "p3", "p4"]
    assert {row[2] for row in rows} == {"no rule matches"}
