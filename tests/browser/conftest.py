"""A world to look at, and a browser. Both end with this folder: Playwright keeps the event loop of the thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.browsing import listen, running_chromium, signed_in
from tests.browser.world import World, running_world

Look = Callable[..., Page]


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def look(chromium: Browser, world: World) -> Iterator[Look]:
    """Return how to get a page of somebody who is signed in. In the end, the browser must have had no complaint."""
    heard: list[list[str]] = []
    with ExitStack() as stack:

        def look(role: str = "operator", **screen: Any) -> Page:
            context = stack.enter_context(signed_in(chromium, world, role, **screen))
            (page,) = context.pages
            heard.append(listen(page, world.url))
            return page

        yield look
    assert [complaint for complaints in heard for complaint in complaints] == []
