"""Rules in words and tried on a person, schedules with their next instants, and settings with their source."""

from __future__ import annotations

from datetime import timedelta

import pytest
from starlette.applications import Starlette

from scimbridge.dashboard import build_routes
from scimbridge.domain.action import Action
from scimbridge.domain.filter import IdentityFilter
from scimbridge.domain.operator import Role
from scimbridge.domain.rule import Ruleset, Stage, Terms
from scimbridge.domain.schedule import Freeze
from scimbridge.domain.trigger import Trigger
from scimbridge.services.timing import Timing
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.counting import counted
from tests.dashboard.conftest import Browse, Browser, bridge_of, text_of
from tests.services.bench import FEW_ACTIONS, Bench, MemoryTarget, a_rule, a_stage

HOSTILE = "<script>alert(1)</script>"
NIGHTS = Terms(approvers=2, schedule="0 22 * * 1-5", timezone="Europe/Berlin", window=timedelta(hours=2))


def browser_of(bench: Bench, role: Role = Role.OPERATOR) -> Browser:
    bridge = bridge_of(bench)
    browser = Browser(Starlette(routes=build_routes(bridge)), bridge)
    browser.sign_in("olga", role)
    return browser


@pytest.fixture
def ruled(sqlite: Database, clock: FakeClock) -> Bench:
    rules = Ruleset(
        (
            a_rule(
                Stage(after=timedelta(), actions=(Action.SUSPEND,), grace={"crm": timedelta(days=1)}),
                Stage(after=timedelta(days=90), actions=(Action.DELETE,), terms=NIGHTS),
                name=HOSTILE,
                match='userType eq "Employee"',
                exclude=IdentityFilter('title eq "<b>Chief</b>"'),
                when=frozenset({Trigger.DEACTIVATED, Trigger.DELETED}),
            ),
            a_rule(a_stage("7d"), name="everybody else"),
        )
    )
    freeze = Freeze(clock() + timedelta(hours=5), clock() + timedelta(days=1, hours=20), "closing <i>time</i>")
    return Bench(
        sqlite,
        clock,
        rules,
        {"crm": MemoryTarget(), "directory": MemoryTarget()},
        actions=FEW_ACTIONS,
        timing=Timing(deadlines={Action.SUSPEND: timedelta(minutes=5)}),
        freezes=(freeze,),
    )


def test_rules_are_told_in_words_in_their_order(ruled: Bench) -> None:
    html = browser_of(ruled).get("/rules").text
    shown = text_of(html)

    assert f"1. {HOSTILE} When somebody is deactivated by the source or is deleted by the source." in shown
    assert 'For whoever matches userType eq "Employee". Not for whoever matches title eq "<b>Chief</b>".' in shown
    assert "at once (1d at crm) suspend" in shown
    assert "point of no return 90d later delete 2 different operators approve." in shown
    assert 'Only at the times "0 22 * * 1-5" (Europe/Berlin), within 2h.' in shown
    assert shown.index(HOSTILE) < shown.index("2. everybody else")
    assert (HOSTILE in html, "<b>Chief</b>" in html) == (False, False)


def test_a_rule_is_tried_on_a_person_and_nothing_is_touched(ruled: Bench) -> None:
    ada = ruled.join("ada", userType="Employee")
    ruled.run()
    browser = browser_of(ruled, Role.VIEWER)

    with counted(ruled.database) as statements:
        tried = browser.send("/rules", person="ada", trigger="deactivated")
    wrong = browser.send("/rules", person="nobody", trigger="deactivated")
    unsaid = browser.send("/rules", trigger="deactivated")

    shown = text_of(tried.text)
    assert tried.status_code == 200
    assert f"source idp, deactivated now, rule {HOSTILE}" in shown
    assert "suspend directory" in shown
    assert HOSTILE not in tried.text
    assert (wrong.status_code, unsaid.status_code) == (303, 303)
    assert "name a person" in text_of(browser.get("/rules").text)
    assert [each for each in statements if each.startswith(("INSERT", "UPDATE"))] == []
    assert ruled.cases(ada) == []


def test_schedules_tell_their_next_instants_and_heed_freezes(ruled: Bench) -> None:
    shown = text_of(browser_of(ruled).get("/schedules").text)

    # It is Monday, and 22:00 in Berlin is 21:00 UTC; tonight and tomorrow are frozen.
    expected = "in 2d 12h 2026-03-04 21:00 UTC 2026-03-05 21:00 UTC 2026-03-06 21:00 UTC 2026-03-09 21:00 UTC"
    assert f"stage 2 delete 0 22 * * 1-5 Europe/Berlin 2h {expected}" in shown
    assert "closing <i>time</i> to come in 5h" in shown
    assert "suspend 5m" in shown


def test_without_schedules_and_freezes_the_page_says_so(browse: Browse) -> None:
    shown = text_of(browse().get("/schedules").text)

    assert "No stage has a schedule" in shown
    assert "None stands or is to come" in shown


def test_without_rules_the_page_says_what_that_means(sqlite: Database, clock: FakeClock) -> None:
    bench = Bench(sqlite, clock, Ruleset(()))

    assert "There are no rules: whoever leaves keeps their access." in text_of(browser_of(bench).get("/rules").text)


def test_settings_are_for_those_who_may_audit(browse: Browse) -> None:
    assert browse(Role.VIEWER, "vera").get("/settings").status_code == 403

    everything = text_of(browse().get("/settings?show=all").text)
    only_set = text_of(browse().get("/settings").text)

    assert "server.listen 127.0.0.1:8085 default" in everything
    assert "server.listen" not in only_set


def test_rules_cost_no_statement_but_who_looks_and_which_version_is_in_force(ruled: Bench) -> None:
    browser = browser_of(ruled)
    browser.get("/rules")

    for path, most in {"/rules": 3, "/schedules": 1, "/settings": 1}.items():
        with counted(ruled.database) as statements:
            assert browser.get(path).status_code == 200
        assert len(statements) == most
