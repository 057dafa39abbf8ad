"""A bridge with leavers, and browsers on this machine and elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import cast

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from scimbridge.bridge import Bridge
from scimbridge.config import load
from scimbridge.dashboard import build_routes
from scimbridge.domain.action import Action
from scimbridge.domain.rule import Ruleset
from scimbridge.queue.courier import Courier
from scimbridge.sdk import Mode
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.databases import compiled_once
from tests.services.bench import Bench, MemoryTarget, a_rule, a_stage

HERE = "http://127.0.0.1:8085"


class Browser:
    """Asks the application, from an address of our choice; keeps cookies, and follows no redirect by itself."""

    def __init__(self, app: Starlette, client: str, host: str) -> None:
        self._client = TestClient(app, base_url=HERE, client=(client, 40000), follow_redirects=False)
        self._headers = {"Host": host}

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> httpx2.Response:
        return self._client.get(path, headers={**self._headers, **(headers or {})})

    def request(self, method: str, path: str) -> httpx2.Response:
        return self._client.request(method, path, headers=self._headers)

    def post(
        self, path: str, form: Mapping[str, str | Sequence[str]], headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        """Send a form as it is."""
        return self._client.post(path, data=dict(form), headers={**self._headers, **(headers or {})})

    def send(self, path: str, *, seen_on: str = "", **form: str | Sequence[str]) -> httpx2.Response:
        """Send a form as the page carries it that it is on; its own address where no other is named."""
        return self.post(path, {"csrf": self.csrf(seen_on or path), **form})

    def csrf(self, path: str) -> str:
        """Return what the forms on a page carry."""
        (found, *_) = re.findall(r'name="csrf" value="([^"]+)"', self.get(path).text)
        return str(found)


Browse = Callable[..., Browser]


def text_of(html: str) -> str:
    """What a reader sees of the content, in one line."""
    content = html.partition("<main")[2] or html
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", content.partition(">")[2]))).strip()


@pytest.fixture
def sqlite(tmp_path: Path, sqlite_template: bytes) -> Iterator[Database]:
    path = tmp_path / "bridge.db"
    path.write_bytes(sqlite_template)
    database = compiled_once(Database(f"sqlite:///{path}"))
    yield database
    database.close()


@pytest.fixture
def bench(sqlite: Database, clock: FakeClock) -> Bench:
    rules = Ruleset((a_rule(a_stage("7d"), a_stage("90d", Action.DELETE), name="employees"),))
    systems = {"crm": MemoryTarget(), "directory": MemoryTarget()}
    return Bench(sqlite, clock, rules, systems, {"directory": Mode.OBSERVE})


def bridge_of(bench: Bench) -> Bridge:
    """Return a bridge over what a bench has: its store, its targets, its rules, its clock."""
    settings = replace(
        load(environ={"SCIMBRIDGE_SOURCES__IDP": "{}"}),
        ruleset=bench.rules,
        guard=bench.guard,
        freezes=tuple(bench.timing.freezes),
        deadlines=bench.timing.deadlines,
    )
    bridge = Bridge(settings, queue_url="redis://127.0.0.1:1", clock=bench.clock)
    vars(bridge).update(database=bench.database, fleet=bench.fleet, courier=cast("Courier", _Courier(bench)))
    return bridge


class _Courier:
    """Brings messages to the bench."""

    def __init__(self, bench: Bench) -> None:
        self.submit = bench.wakeups.extend


@pytest.fixture
def browse(bench: Bench) -> Browse:
    """Return a browser; it runs on this machine and asks for this machine unless told otherwise."""

    def a_browser(client: str = "127.0.0.1", host: str = "127.0.0.1:8085") -> Browser:
        return Browser(Starlette(routes=build_routes(bridge_of(bench))), client, host)

    return a_browser
