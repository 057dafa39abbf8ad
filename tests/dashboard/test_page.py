"""What the first page shows."""

from __future__ import annotations

import re
from html import unescape

import pytest

from scimbridge.dashboard.pages.rule_versions import VersionPage
from scimbridge.dashboard.pages.targets import TargetPage
from scimbridge.domain.hold import Scope
from scimbridge.notices.links import case_link, flood_link, rules_link, target_link
from scimbridge.sdk import RejectedError
from tests.dashboard.conftest import Browse, text_of
from tests.services.bench import Bench
from tests.services.flooded import a_guard, a_limit, leave_all, people, the_flood


def test_an_open_case_stands_on_the_board_with_what_comes_next(bench: Bench, browse: Browse) -> None:
    bench.leave(bench.join("ada"))

    shown = text_of(browse().get("/").text)

    assert shown.startswith("Board As of 2026-03-02 09:00:00 UTC Reload 1 open case")
    assert "grace 1 nothing is due yet ada in 7d" in shown


def test_a_case_that_needs_a_person_says_so(bench: Bench, browse: Browse) -> None:
    bench.leave(bench.join("ada"))
    bench.fail(RejectedError("protected account"))
    bench.run("7d")

    assert "needs a person 1 failed, or waits for a decision ada left 7d ago" in text_of(browse().get("/").text)


def test_what_is_due_and_held_is_not_said_to_come_later(bench: Bench, browse: Browse) -> None:
    bench.leave(bench.join("ada"))
    bench.clock.advance("7d")
    bench.sweep()
    bench.holding.place(Scope.EVERYTHING, "", reason="litigation", by="legal", now=bench.clock())

    assert "held 1 a hold stops work ada left 7d ago" in text_of(browse().get("/").text)


def test_what_asks_for_attention_stands_above_the_board_until_it_is_over(bench: Bench, browse: Browse) -> None:
    placed = bench.holding.place(Scope.EVERYTHING, "", reason="litigation", by="legal", now=bench.clock())
    bench.operating.pause("directory", reason="<u>maintenance</u>", by="ops", now=bench.clock())

    before = browse().get("/").text
    bench.holding.lift(placed.hold.id, by="legal", now=bench.clock())
    bench.operating.resume("directory", by="ops", now=bench.clock())

    assert "Target directory is paused by ops: <u>maintenance</u> . 1 hold stands ." in text_of(before)
    assert "<u>" not in before
    assert 'class="alerts"' not in browse().get("/").text


def test_a_flood_is_told_with_what_the_guard_says(bench: Bench, browse: Browse) -> None:
    guarded = Bench(bench.database, bench.clock, bench.rules, bench.systems, guard=a_guard(a_limit(3)))
    leave_all(guarded, people(guarded, 6))

    html = browse().get("/").text

    assert "A flood of 6 cases at all sources and targets is held by the guard:" in text_of(html)
    assert "6 held, 0 had started." in text_of(html)
    assert f'<a href="/guard/{the_flood(guarded).id}">' in html


def test_an_ended_case_is_not_among_the_open_ones(bench: Bench, browse: Browse) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    bench.operating.cancel(bench.case(ada).id, reason="mistake", by="ops", now=bench.clock())

    assert bench.case(ada).id not in browse().get("/").text


def test_without_cases_the_page_says_what_to_do(browse: Browse) -> None:
    shown = text_of(browse().get("/").text)

    assert "Nobody is leaving right now." in shown
    assert "Sources connects an identity provider." in shown
    assert "scimbridge token" not in shown


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}", "O'Brien & <b>Söhne</b>"]
)
def test_a_hostile_name_is_shown_and_never_markup(bench: Bench, browse: Browse, name: str) -> None:
    bench.leave(bench.join(name))

    html = browse().get("/").text

    assert name not in html or "<" not in name
    assert name in [unescape(found) for found in re.findall(r"<bdi>(.*?)</bdi>", html)]


def test_hostile_reasons_are_no_markup_either(bench: Bench, browse: Browse) -> None:
    bench.holding.place(Scope.EVERYTHING, "", reason="<b>hold</b>", by="<i>me</i>", now=bench.clock())
    bench.operating.pause("crm", reason="<u>pause</u>", by="ops", now=bench.clock())

    html = browse().get("/").text

    assert not {tag for tag in ("<b>", "<i>", "<u>") if tag in html}


def test_nothing_on_the_page_can_run_or_come_from_elsewhere(bench: Bench, browse: Browse) -> None:
    bench.leave(bench.join("ada"))

    answer = browse().get("/")

    assert "default-src 'none'; style-src 'self'; script-src 'self'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"\sstyle=|\son\w+=|https?://", answer.text)
    assert set(re.findall(r"<script[^>]*>[^<]*", answer.text)) == set(
        re.findall(r'<script src="/static/[\w.-]+\?v=[0-9a-f]{12}" defer>', answer.text)
    )


def test_the_style_sheet_that_the_page_names_is_there(browse: Browse) -> None:
    browser = browse()
    named = re.search(r'rel="stylesheet" href="([^"]+)"', browser.get("/").text)
    assert named is not None

    answer = browser.get(named[1])

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/css")
    assert "prefers-color-scheme: dark" in answer.text


def test_every_situation_and_state_that_is_colored_has_its_style(browse: Browse) -> None:
    css = browse().get("/static/dashboard.css").text

    assert {
        name
        for name in ("held", "needs-a-person", "waits-for-approval", "working", "retrying", "paused")
        if f".{name}" not in css
    } == set()


def test_a_case_has_a_page_of_its_own_that_tells_its_story(bench: Bench, browse: Browse) -> None:
    ada = bench.join("<i>ada</i>")
    bench.leave(ada)
    case = bench.case(ada)

    (path,) = re.findall(r'href="(/cases/[^"]+)"', browse().get("/").text)
    page = browse().get(path)

    assert path == f"/cases/{case.id}"
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "<i>" not in page.text
    assert f"Rule employees planned case {case.id}. What it waits for" in text_of(page.text)


def test_there_is_no_page_of_a_case_that_there_is_not(browse: Browse) -> None:
    answer = browse().get("/cases/unknown")

    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")
    assert "no case 'unknown' Go to the board" in text_of(answer.text)


def test_what_notices_link_to_is_there(bench: Bench, browse: Browse) -> None:
    guarded = Bench(bench.database, bench.clock, bench.rules, bench.systems, guard=a_guard(a_limit(1)))
    everyone = people(guarded, 2)
    leave_all(guarded, everyone)
    links = [flood_link("", the_flood(guarded).id), case_link("", guarded.case(everyone[0]).id)]

    assert [link for link in links if browse().get(link).status_code != 200] == []
    assert TargetPage.path == target_link("", "{name}")
    assert VersionPage.path.replace("{version}", "4") == rules_link("", 4)


def test_the_page_only_reads(browse: Browse) -> None:
    assert {browse().request(method, "/").status_code for method in ("POST", "PUT", "PATCH", "DELETE")} == {405}


def user(bench: Bench, name: str) -> str:
    from scimbridge.store import naming

    with bench.database.read() as tx:
        (found,) = naming.by_name_anywhere(tx, name)
    return found
