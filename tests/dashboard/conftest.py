"""A bridge with leavers, and browsers of operators who are signed in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import cast

import httpx2
import pytest
from sqlalchemy.exc import IntegrityError
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from scimbridge.bridge import Bridge
from scimbridge.config import load
from scimbridge.dashboard import build_routes
from scimbridge.dashboard.session import COOKIE
from scimbridge.domain.action import Action
from scimbridge.domain.operator import Role, Way
from scimbridge.domain.rule import Ruleset
from scimbridge.errors import DuplicateError
from scimbridge.queue.courier import Courier
from scimbridge.sdk import Mode
from scimbridge.services.tokens import digest_of
from scimbridge.store.database import Database
from scimbridge.store.operators import insert_operator
from scimbridge.store.sessions import insert_session
from tests.clock import FakeClock
from tests.databases import compiled_once
from tests.services.bench import Bench, MemoryTarget, a_rule, a_stage

HERE = "http://127.0.0.1:8085"


class Browser:
    """Asks the application as somebody; keeps cookies, and follows no redirect by itself."""

    def __init__(self, app: ASGIApp, bridge: Bridge, client: str = "127.0.0.1") -> None:
        self._client = TestClient(app, base_url=HERE, client=(client, 40000), follow_redirects=False)
        self._headers = {"Host": "127.0.0.1:8085"}
        self.bridge = bridge

    @property
    def cookies(self) -> httpx2.Cookies:
        return self._client.cookies

    def sign_in(self, name: str = "local", role: Role = Role.OPERATOR) -> None:
        """Have somebody be signed in already, for as long as a test lasts, without a trace in the history."""
        now, late = self.bridge.clock(), self.bridge.clock() + timedelta(days=3650)
        cookie = f"cookie-of-{name}".replace(" ", "-")
        with self.bridge.database.write() as tx:
            with suppress(DuplicateError):
                insert_operator(tx, name, role, now)
            with suppress(IntegrityError), tx.begin_nested():
                insert_session(
                    tx, name, digest_of(cookie), way=Way.PASSWORD, now=late, ends_at=late, address="", browser=""
                )
        self._client.cookies.set(COOKIE, cookie)

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
    content = (html.partition("<main")[2] or html).replace("<wbr>", "")
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


def bridge_of(bench: Bench, environ: Mapping[str, str] | None = None) -> Bridge:
    """Return a bridge over what a bench has: its store, its targets, its rules, its clock."""
    settings = replace(
        load(environ={"SCIMBRIDGE_SOURCES__IDP": "{}", **(environ or {})}),
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
        self.queued = lambda _target: frozenset[str]()


@pytest.fixture
def browse(bench: Bench) -> Browse:
    """Return a browser, of an operator unless somebody else is named; of nobody without a role."""

    def a_browser(role: Role | None = Role.OPERATOR, name: str = "local", client: str = "127.0.0.1") -> Browser:
        bridge = bridge_of(bench)
        browser = Browser(Starlette(routes=build_routes(bridge)), bridge, client)
        if role is not None:
            browser.sign_in(name, role)
        return browser

    return a_browser
