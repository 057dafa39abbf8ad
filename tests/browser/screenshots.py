"""``make screenshots``: each page, wide and narrow, light and dark, and those that the README shows.

python -m tests.browser.screenshots
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from tests.browser.browsing import NARROW, WIDE, running_chromium, signed_in, walk
from tests.browser.world import UNAPPROVED, World, running_world

ROOT = Path(__file__).parents[2]
ALL = ROOT / "build" / "screenshots"
SHOWN = ROOT / "docs" / "screenshots"

SCREENS = {
    f"{width}-{theme}": (size, theme == "dark")
    for width, size in (("wide", WIDE), ("narrow", NARROW))
    for theme in ("light", "dark")
}


TO_THE_TOP = "heading => scrollBy(0, heading.getBoundingClientRect().top - 70)"

README = (1240, 740)
"""What fits beside text."""


def shown(world: World) -> dict[str, tuple[str, str]]:
    """Return the pages of the README by file: where each is, and from which heading on it is shown."""
    return {
        "board": ("/", ""),
        "case": (f"/cases/{world.case_of(UNAPPROVED)}", "What it waits for"),
        "charts": ("/charts", "Time to revoke"),
    }


def main() -> None:
    """Take all of them."""
    for folder in (ALL, SHOWN):
        folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="scb-") as place,
        running_world(Path(place)) as world,
        running_chromium() as chromium,
    ):
        for name, (size, dark) in SCREENS.items():
            with signed_in(chromium, world, "admin", size=size, dark=dark) as context:
                (page,) = context.pages
                for address in walk(page, world):
                    page.screenshot(path=ALL / f"{_file(address)}-{name}.png", full_page=True)
        _be_polite(world)
        with signed_in(chromium, world, "operator", size=README) as context:
            (page,) = context.pages
            for name, (address, heading) in shown(world).items():
                page.goto(address)
                if heading:
                    page.get_by_role("heading", name=heading).first.evaluate(TO_THE_TOP)
                page.screenshot(path=SHOWN / f"{name}.png")
    sys.stdout.write(f"{ALL}\n{SHOWN}\n")


def _be_polite(world: World) -> None:
    """Take what somebody wrote who means harm, for the tests, from the board."""
    operating, now = world.bridge.operating, world.clock()
    operating.resume("wiki", by="kim", now=now)
    operating.pause("wiki", reason="maintenance until noon", by="kim", now=now)


def _file(address: str) -> str:
    named = re.sub(r"/[0-9a-f-]{36}", "-one", address.partition("#")[0].replace("?", "-"))
    return named.strip("/").replace("/", "-") or "board"


if __name__ == "__main__":
    main()
