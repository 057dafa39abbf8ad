"""Versions of the rules on pages: written, replayed, put in force, given up; by admins, and without losing a word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from starlette.applications import Starlette

from scimbridge.dashboard import build_routes
from scimbridge.domain.operator import Role
from scimbridge.domain.rules_version import VersionState
from scimbridge.store.database import Database
from tests.api.world import RULES, World, a_world
from tests.dashboard.conftest import HERE, Browser, text_of

HOSTILE = "</textarea><script>alert(1)</script>"
TEXT = RULES[RULES.index("[[rules]]") :]
LATER = TEXT.replace('"1h"', '"2h"')


@pytest.fixture
def world(tmp_path: Path, sqlite: Database) -> Iterator[World]:
    world = a_world(tmp_path, address_of(sqlite), public_url=HERE)
    world.bridge.prepare_rules()
    yield world
    world.bridge.close()


def address_of(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


def browser_of(world: World, role: Role = Role.ADMIN, name: str = "ada") -> Browser:
    browser = Browser(Starlette(routes=build_routes(world.bridge)), world.bridge)
    browser.sign_in(name, role)
    return browser


def drafted(world: World, text: str) -> int:
    return world.bridge.drafting.begin(text, by="bob", now=world.clock()).version


def replayed(world: World, text: str) -> int:
    number = drafted(world, text)
    world.bridge.replaying.run(number, by="bob", now=world.clock())
    return number


def save(browser: Browser, number: int, text: str, revision: int = 1, base: int = 1) -> str:
    """Send the editor's form. Returns where it leads, or the page that it shows again."""
    address = f"/rules/versions/{number}/edit"
    answer = browser.send(address, text=text.replace("\n", "\r\n"), revision=str(revision), base=str(base))
    return answer.headers.get("location") or answer.text


def test_an_admin_writes_a_draft_replays_it_and_puts_it_in_force(world: World) -> None:
    world.leaver("grace")
    browser = browser_of(world)

    made = browser.send("/rules/versions", of="1")
    assert made.headers["location"] == "/rules/versions/2/edit"
    assert save(browser, 2, LATER) == "/rules/versions/2"
    assert "Not yet: replay the past by draft 2 first" in text_of(browser.get("/rules/versions/2").text)

    browser.send("/rules/versions/2", do="replay")
    thread = world.bridge.replaying._thread
    assert thread is not None
    thread.join()
    page = browser.get("/rules/versions/2").text
    said = text_of(page)
    assert "1 fact about 1 person" in said
    assert "grace" in said
    assert "suspend at crm, wiki: after 1h -> after 2h" in said
    assert '<span class="added">+  { after = &#34;2h&#34;' in page

    browser.send("/rules/versions/2", do="activate", revision="2", reason="more time", sure="yes")
    assert world.bridge.rulebook.edition.number == 2
    assert "Version 2 is in force" in text_of(browser.get("/rules").text)
    assert "activated by ada : more time" in text_of(browser.get("/rules").text)


def test_nothing_that_was_typed_is_lost(world: World) -> None:
    browser = browser_of(world)
    number = drafted(world, TEXT)
    wrong = TEXT.replace('"suspend"', '"suspned"') + f"# {HOSTILE}\n"

    assert save(browser, number, wrong) == f"/rules/versions/{number}/edit"
    page = browser.get(f"/rules/versions/{number}/edit").text
    assert "rules[1].stages[0].do[0]" in text_of(page)
    assert in_editor(page) == wrong
    assert HOSTILE not in page

    page = save(browser, number, LATER)
    assert "Not saved: ada has saved draft 2 since you opened it" in text_of(page)
    assert in_editor(page) == LATER
    assert world.bridge.drafting.version(number).text == wrong


def in_editor(page: str) -> str:
    found = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.DOTALL)
    assert found is not None
    return unescape(found[1])


def test_a_draft_that_somebody_was_faster_than_says_so_and_what_it_would_take_back(world: World) -> None:
    browser = browser_of(world)
    one, two = replayed(world, LATER), replayed(world, TEXT.replace('"30d"', '"40d"'))
    world.bridge.drafting.activate(one, revision=1, reason="more time", by="bob", now=world.clock())

    page = browser.get(f"/rules/versions/{two}").text

    assert "has come into force since this draft was begun, by bob" in text_of(page)
    assert '<span class="removed">-  { after = &#34;2h&#34;' in page
    answer = browser.send(f"/rules/versions/{two}", do="activate", revision="1", reason="x", sure="yes")
    assert answer.status_code == 303
    assert world.bridge.drafting.version(two).state is VersionState.DRAFT
    assert save(browser, two, TEXT.replace('"30d"', '"40d"'), base=one) == f"/rules/versions/{two}"


@pytest.mark.parametrize("missing", ["reason", "sure", "revision"])
def test_to_activate_takes_a_reason_the_box_and_what_was_looked_at(world: World, missing: str) -> None:
    browser = browser_of(world)
    number = replayed(world, LATER)
    form = {"revision": "1", "reason": "more time", "sure": "yes"} | {missing: ""}

    browser.send(f"/rules/versions/{number}", do="activate", **form)

    assert world.bridge.drafting.version(number).state is VersionState.DRAFT


def test_a_version_shows_its_text_and_can_be_compared_discarded_or_drafted_again(world: World) -> None:
    browser = browser_of(world)
    number = drafted(world, LATER + f"# {HOSTILE}\n")

    browser.send(f"/rules/versions/{number}", do="discard", reason="no")
    page = browser.get(f"/rules/versions/{number}?than=1").text

    assert "Discarded" in text_of(page)
    assert "&lt;/textarea&gt;" in page
    assert HOSTILE not in page
    assert "Make a draft of it" in page
    assert "Draft 2" not in text_of(browser.get("/rules/versions").text)
    assert browser.send("/rules/versions", of=str(number)).headers["location"] == "/rules/versions/3/edit"
    assert browser.get("/rules/versions/77").status_code == 404


def test_a_number_that_no_version_has_is_none(world: World) -> None:
    browser = browser_of(world)
    draft, number = drafted(world, TEXT), "9" * 5000  # more digits than Python reads

    assert browser.get(f"/rules/versions/{number}").status_code == 404
    assert browser.get("/rules/versions?before=²").status_code == 200
    assert browser.get(f"/rules/versions/{draft}?than={number}").status_code == 200
    for form in ({"of": number}, {"do": "activate", "revision": number, "reason": "x", "sure": "yes"}):
        browser.send("/rules/versions" if "of" in form else f"/rules/versions/{draft}", **form)
    for revision, base in ((number, "1"), ("1", number)):
        browser.send(f"/rules/versions/{draft}/edit", text=LATER, revision=revision, base=base)

    assert world.bridge.drafting.version(draft).base is None
    assert len(world.bridge.drafting.versions()) == 2


def test_who_is_no_admin_sees_versions_and_nothing_to_change_them(world: World) -> None:
    number = replayed(world, LATER)
    for role in (Role.VIEWER, Role.AUDITOR, Role.OPERATOR):
        browser = browser_of(world, role, f"a-{role}")

        page = browser.get(f"/rules/versions/{number}").text

        assert "What the past would have been" in page
        assert 'name="do"' not in page
        assert "/edit" not in page
        assert 'name="of"' not in browser.get("/rules/versions").text


def test_where_the_file_is_the_only_authority_pages_are_for_reading(tmp_path: Path) -> None:
    world = a_world(
        tmp_path, f"sqlite:///{tmp_path}/bridge.db", public_url=HERE, more="[operators]\nedit_rules = false"
    )
    world.bridge.prepare_rules()
    browser = browser_of(world)

    assert "The configuration file is the only authority here" in text_of(browser.get("/rules").text)
    assert 'name="of"' not in browser.get("/rules/versions").text
    browser.post("/rules/versions", {"csrf": browser.csrf("/account"), "of": "1"})

    assert len(world.bridge.drafting.versions()) == 1
    world.bridge.close()


def test_where_it_takes_two_the_writer_sees_why_and_another_admin_the_form(tmp_path: Path, sqlite: Database) -> None:
    world = a_world(tmp_path, address_of(sqlite), public_url=HERE, more="[operators]\nrules_approvers = 2\n")
    world.bridge.prepare_rules()
    address = f"/rules/versions/{replayed(world, LATER)}"

    own, other = (browser_of(world, name=name).get(address).text for name in ("bob", "ada"))

    assert "Not yet: bob has written draft 2, and here it takes two" in text_of(own)
    assert ("Activate version" in own, "Activate version" in other) == (False, True)
    world.bridge.close()


def test_a_file_that_differs_is_said(world: World, tmp_path: Path) -> None:
    number = replayed(world, LATER)
    world.bridge.drafting.activate(number, revision=1, reason="more time", by="bob", now=world.clock())
    world.bridge.prepare_rules()
    browser = browser_of(world)

    assert "The configuration file has other rules." in text_of(browser.get("/rules").text)
    assert browser.send("/rules/versions", of="file").headers["location"] == "/rules/versions/3/edit"
    assert world.bridge.drafting.version(3).text == TEXT


def test_a_case_says_which_version_planned_it(world: World) -> None:
    case = world.leaver("grace")

    assert "Rule leavers, of version 1 of the rules, planned case" in text_of(
        browser_of(world).get(f"/cases/{case}").text
    )
