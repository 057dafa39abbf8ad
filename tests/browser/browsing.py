"""Chromium, somebody who sits before it, and where they can go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from shutil import which
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, sync_playwright
from starlette.routing import compile_path

from scimbridge.dashboard.pages import PAGES
from scimbridge.domain.operator import Role
from scimbridge.errors import DuplicateError
from scimbridge.notices.links import sign_in_link
from tests.browser.world import BAD, World

WIDE, MIDDLE, NARROW = (1280, 900), (1024, 768), (375, 800)

_OFFLINE = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
"""Root needs the first; with the others Chromium looks up nothing on its own."""


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Run Debian's Chromium; a browser of Playwright's own is not fetched."""
    program = which("chromium")
    assert program, "chromium is missing: install it (Debian: chromium), or run deploy/servers.sh"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_OFFLINE))
        yield browser
        browser.close()


def signed_in(
    browser: Browser,
    world: World,
    role: str,
    *,
    scripts: bool = True,
    size: tuple[int, int] = WIDE,
    dark: bool = False,
) -> BrowserContext:
    """Return the screen of somebody who is signed in, with one page open."""
    context = browser.new_context(
        base_url=world.url,
        viewport={"width": size[0], "height": size[1]},
        java_script_enabled=scripts,
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        locale="en-US",
        timezone_id="UTC",
    )
    context.set_default_timeout(15_000)
    _sign_in(context.new_page(), world, role)
    return context


def _sign_in(page: Page, world: World, role: str) -> None:
    """Let somebody in by a one-time link."""
    bridge, name = world.bridge, f"the-{role}"
    now = bridge.clock()
    with suppress(DuplicateError):
        bridge.operators.add(name, Role(role), by="test", now=now)
    page.goto(sign_in_link(world.url, bridge.signing_in.make_link(name, by="test", now=now)))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{world.url}/")


def listen(page: Page, url: str) -> list[str]:
    """Return a list that fills with the browser's complaints: errors, what a policy forbids, what it cannot load."""
    complaints: list[str] = []

    def hear(said: ConsoleMessage) -> None:
        # That a page is refused is an answer like others; what a page loads is looked at below.
        if said.type == "error" and not said.text.startswith("Failed to load resource"):
            complaints.append(f"{page.url}: {said.text}")

    def see(answer: Response) -> None:
        is_missing = answer.status >= 400 and not answer.request.is_navigation_request()
        if is_missing or not answer.url.startswith((url, "data:")):
            complaints.append(f"{page.url}: {answer.status} {answer.url}")

    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    page.on("dialog", lambda dialog: complaints.append(f"{page.url}: {dialog.message}"))
    page.on("console", hear)
    page.on("response", see)
    return complaints


def walk(page: Page, world: World) -> Iterator[str]:
    """Go to each page there is, and yield its address; pages about one thing are found by the links to them.

    So a new page is in it without a word, if there is a way to it.
    """
    # Lists as files are no pages, although they are kept with them.
    unseen = {one.path: compile_path(one.path)[0] for one in PAGES if not one.path.endswith(".csv")}
    # Only the page of somebody whom a source has deleted leads to the second one.
    ahead = [
        f"/cases/{world.case_of(BAD)}",
        f"/people/{world.ids[BAD]}/erase",
        *(path for path in unseen if "{" not in path),
    ]
    for address in ahead:
        for path in [path for path, pattern in unseen.items() if pattern.match(urlsplit(address).path)]:
            del unseen[path]
    while ahead:
        address = ahead.pop(0)
        page.goto(address)
        links = page.locator("a[href^='/']").evaluate_all("links => links.map(link => link.getAttribute('href'))")
        for path, pattern in list(unseen.items()):
            found = next((link for link in links if pattern.match(urlsplit(link).path)), None)
            if found is not None:
                ahead.append(found)
                del unseen[path]
        yield address
    assert not unseen, f"no page leads to {', '.join(unseen)}"
