"""What people come for, from beginning to end; all of it without scripts, too."""

from __future__ import annotations

import re
from itertools import count

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Look
from tests.browser.test_pages import faults
from tests.browser.world import GRACE, UNAPPROVED, UNASSIGNED, World, eventually

_numbers = count(1)

with_and_without_scripts = pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])


def somebody(world: World, source: str = "entra", user_type: str = "Employee") -> str:
    """Return the name of somebody new."""
    name = f"newcomer{next(_numbers)}@example.com"
    world.hire(name, source, user_type=user_type)
    return name


def decide(page: Page, button: str, **fields: str) -> None:
    """Fill in the form that has this button, confirm what it asks to confirm, and send it."""
    form = page.locator("form", has=page.get_by_role("button", name=button, exact=True))
    for label, text in fields.items():
        form.get_by_label(label.replace("_", " ")).fill(text)
    for box in form.get_by_role("checkbox").all():
        box.check()
    form.get_by_role("button", name=button, exact=True).click()


@with_and_without_scripts
def test_a_flood_is_stopped(look: Look, world: World, scripts: bool) -> None:
    people = [somebody(world, "school") for _ in range(5)]
    for name in people:
        world.leave(name, "school")
    world.work()
    page = look(scripts=scripts)

    page.goto("/")
    page.get_by_role("link", name="Guard").first.click()
    page.get_by_role("link", name="source school").first.click()
    for name in people:
        expect(page.get_by_role("link", name=name).first).to_be_visible()
    page.get_by_label("is given back").check()
    decide(page, "Call it off", Why_it_was_a_mistake="a filter lost its bracket")

    expect(page.get_by_role("status")).to_contain_text("Called off")
    world.pass_time("1h")
    assert [name for name in people if world.is_suspended(name, "crm")] == []


def test_why_something_waits_is_found_and_ended(look: Look, world: World) -> None:
    page = look(scripts=False)

    page.goto(f"/cases/{world.case_of(UNASSIGNED)}")
    expect(page.get_by_role("main")).to_contain_text("wiki is paused")
    page.goto("/targets/wiki")
    decide(page, "Resume", Why_it_goes_on="the maintenance is over")

    expect(page.get_by_role("status")).to_contain_text("wiki goes on")
    world.pass_time("1h")
    assert world.is_suspended(UNASSIGNED, "wiki")
    page.goto(f"/cases/{world.case_of(UNASSIGNED)}")
    expect(page.get_by_role("main")).to_contain_text("completed")


def test_a_filtered_set_is_acted_on_after_a_preview(look: Look, world: World) -> None:
    people = [f"batch{number}@example.com" for number in range(3)]
    for name in people:
        world.hire(name, user_type="Contractor")
        world.leave(name)
    page = look()

    page.goto("/cases?rule=contractors&text=batch")
    page.get_by_label("What").select_option("hold")
    page.get_by_label("Whom").select_option("found")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="Hold 3 cases?")).to_be_visible()
    for name in people:
        expect(page.get_by_role("link", name=name)).to_be_visible()
    assert world.situation(people[0]) != "held", "a preview changes nothing"
    assert faults(page) == []
    page.goto("/cases?rule=contractors&text=batch")
    for name in people[:2]:
        page.get_by_label(f"Choose {name}").check()
    page.get_by_label("What").select_option("hold")
    page.get_by_role("button", name="Preview").click()
    decide(page, "Hold 2 cases", Reason="an audit")

    expect(page.get_by_role("status")).to_contain_text("2 cases held.")
    assert [world.situation(name) for name in people] == ["held", "held", "waiting"]
    page.goto("/history?event=hold placed&actor=the-operator")
    expect(page.get_by_role("cell", name="an audit")).to_have_count(2)


def test_a_viewer_is_refused(look: Look, world: World) -> None:
    page = look("viewer")

    page.goto("/cases")
    expect(page.get_by_role("main").get_by_role("link", name=GRACE)).to_be_visible()
    expect(page.get_by_text("Act on several")).to_have_count(0)
    page.goto("/targets/crm")
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)
    # A form that somebody else was shown, or that was made by hand, is refused as well.
    mine = page.locator("input[name=csrf]").first.get_attribute("value") or ""
    answer = page.request.post(
        "/targets/crm",
        form={"csrf": mine, "do": "pause", "reason": "because"},
        headers={"Origin": world.url, "Sec-Fetch-Site": "same-origin"},
    )

    assert answer.status == 403
    assert "this takes the role operator or admin" in answer.text()
    assert {one.name: one.pause for one in world.bridge.overview.targets(world.clock())}["crm"] is None


def test_a_deletion_is_approved(look: Look, world: World) -> None:
    page = look(scripts=False)

    page.goto("/")
    page.get_by_role("link", name=UNAPPROVED).first.click()
    page.get_by_role("link", name=re.compile("Approve|approve")).first.click()
    expect(page.get_by_role("main")).to_contain_text("cannot be undone")
    decide(page, "Approve exactly this")

    expect(page.get_by_role("status")).to_be_visible()
    world.work()
    eventually(lambda: not world.has_account(UNAPPROVED, "crm"), "the account is deleted")
    page.goto(f"/cases/{world.case_of(UNAPPROVED)}")
    expect(page.get_by_role("main")).to_contain_text("the-operator")


@with_and_without_scripts
def test_what_was_taken_is_given_back(look: Look, world: World, scripts: bool) -> None:
    name = somebody(world, user_type="Contractor")
    world.leave(name)
    world.pass_time("10m")
    eventually(lambda: world.is_suspended(name, "crm"), "the account is suspended")
    page = look(scripts=scripts)

    page.goto("/cases?state=all")
    page.get_by_role("link", name=name).click()
    page.locator("summary", has_text="Restore").click()
    decide(page, "Give back what it took", Reason="they left by mistake")

    expect(page.get_by_role("status")).to_be_visible()
    world.work()
    eventually(lambda: not world.is_suspended(name, "crm"), "the account is given back")


def test_a_leaver_is_watched_live(look: Look, world: World) -> None:
    name = somebody(world, user_type="Contractor")
    page = look()

    page.goto("/")
    world.leave(name)
    # Neither page is loaded again by anybody.
    page.get_by_role("link", name=name).click()
    expect(page.get_by_role("main")).to_contain_text("waiting")
    world.pass_time("10m")
    eventually(lambda: world.is_suspended(name, "crm"), "the account is suspended")

    expect(page.get_by_role("main")).to_contain_text("completed")
