from __future__ import annotations

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
