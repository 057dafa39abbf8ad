"""What holds for every page: everybody can use it, on any screen, and nobody's text becomes a program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Browser, Page, expect

from scimbridge.domain.operator import Role
from scimbridge.notices.links import sign_in_link
from tests.browser.browsing import MIDDLE, NARROW, WIDE, listen, walk
from tests.browser.conftest import Look
from tests.browser.world import World

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")

LOOSE = """() => {
  const isApart = node => node && (node.tagName === "TITLE" || node.tagName === "OPTION"
    || getComputedStyle(node).unicodeBidi.match(/isolate|plaintext/) || isApart(node.parentElement));
  const found = [], walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode())
    if (node.data.includes("\\u202e") && !isApart(node.parentElement)) found.push(node.parentElement.outerHTML);
  return found;
}"""
"""Texts that run backwards, and would turn around what stands beside them."""

TOO_WIDE = """() => {
  const root = document.documentElement;
  if (root.scrollWidth <= root.clientWidth) return [];
  const isCut = node => node !== root && (getComputedStyle(node).overflowX !== "visible" || isCut(node.parentElement));
  const sticksOut = node => node.getBoundingClientRect().right > root.clientWidth && !isCut(node);
  const found = [...document.body.querySelectorAll("*")].filter(sticksOut);
  return found.slice(0, 3).map(node => node.outerHTML.slice(0, 200));
}"""
"""What sticks out, where the whole page has to be moved sideways to read it."""


FEWER = """() => {
  const seen = new Map();
  const shape = node => `${node.tagName}.${node.className}(${[...node.children].map(shape)})`;
  for (const row of document.querySelectorAll("main :is(tbody > tr, li, dl > div, details)")) {
    const alike = (row.parentElement?.closest("section")?.id ?? "") + shape(row);
    seen.set(alike, (seen.get(alike) ?? 0) + 1);
    if (seen.get(alike) > 2) row.remove();
  }
}"""
"""Leaves two of what is built alike in each part of a page: what is wrong with a third one is wrong with those, too."""


def violations(page: Page, *rules: str, within: str = "html") -> list[str]:
    """Return what keeps somebody from using a page, as axe sees it; by all of its rules unless some are named."""
    chosen: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        chosen["runOnly"] = {"type": "rule", "values": list(rules)}
    found: list[dict[str, Any]] = page.evaluate(
        "([within, chosen]) => axe.run(within, chosen).then(all => all.violations)", [within, chosen]
    )
    return [f"{page.url}: {one['id']}: {one['help']}: {node['html']}" for one in found for node in one["nodes"]]


def resize(page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})


def faults(page: Page, *, within: str = "html") -> list[str]:
    """Return what is wrong with the page that is shown: in light and dark, on screens of each width.

    Args:
        page: Where it is shown.
        within: What of it is looked at in the dark: what is around it is the same on all pages.
    """
    found = [f"{page.url}: {text} is not kept apart" for text in page.evaluate(LOOSE)]
    found += [f"{page.url}: somebody's text ran" for _ in range(page.evaluate("window.broken ?? 0"))]
    for size in (NARROW, MIDDLE, WIDE):
        resize(page, size)
        found += [f"{page.url}: at {size[0]} pixels it is too wide: {text}" for text in page.evaluate(TOO_WIDE)]
    page.evaluate(FEWER)
    page.evaluate(AXE)
    found += violations(page)
    page.emulate_media(color_scheme="dark")
    found += violations(page, "color-contrast", within=within)
    page.emulate_media(color_scheme="light")
    return found


def test_every_page_can_be_used_by_everybody_on_any_screen(look: Look, world: World) -> None:
    page = look("admin")
    found: list[str] = []

    for address in walk(page, world):
        found += faults(page, within="html" if address == "/" else "main")

    assert not found, "\n".join(found)


def test_the_way_in_can_be_used_by_everybody(chromium: Browser, world: World) -> None:
    with chromium.new_context(base_url=world.url) as context:
        page = context.new_page()
        complaints = listen(page, world.url)
        world.bridge.operators.add("new", Role.VIEWER, by="test", now=world.clock())
        link = sign_in_link(world.url, world.bridge.signing_in.make_link("new", by="test", now=world.clock()))

        for address in ("/sign-in", link):
            page.goto(address)
            complaints += faults(page)

    assert not complaints, "\n".join(complaints)


def test_the_keyboard_is_enough(look: Look, world: World) -> None:
    page = look()

    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("carla")
    page.keyboard.press("Enter")

    expect(page.get_by_role("main").get_by_role("link", name="carla@example.com").first).to_be_visible()
