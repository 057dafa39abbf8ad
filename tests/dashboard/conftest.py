"""A bridge with leavers, and browsers on this machine and elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from scimbridge.dashboard import build_routes
from scimbridge.domain.action import Action
from scimbridge.domain.rule import Ruleset
from scimbridge.sdk import Mode
from scimbridge.services.overview import Overview
from scimbridge.services.story import Stories
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.databases import compiled_once
from tests.services.bench import Bench, MemoryTarget, a_rule, a_stage


class Browser:
    """Asks the application, from an address of our choice."""

    def __init__(self, app: Starlette, client: str, host: str) -> None:
        self._app = app
        self._client = client
        self._base_url = f"http://{host}"

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self.request("GET", path, headers)

    def request(self, method: str, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return asyncio.run(self._request(method, path, headers))

    async def _request(self, method: str, path: str, headers: Mapping[str, str] | None) -> httpx.Response:
        transport = httpx.ASGITransport(self._app, client=(self._client, 40000))
        async with httpx.AsyncClient(transport=transport, base_url=self._base_url) as client:
            return await client.request(method, path, headers=headers)


Browse = Callable[..., Browser]


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


@pytest.fixture
def browse(bench: Bench) -> Browse:
    """Return a browser; it runs on this machine and asks for this machine unless told otherwise."""

    def a_browser(client: str = "127.0.0.1", host: str = "127.0.0.1:8085") -> Browser:
        overview = Overview(bench.database, bench.fleet)
        stories = Stories(bench.database, bench.fleet)
        app = Starlette(routes=build_routes(overview, stories, bench.clock, bench.holding, bench.flooding))
        return Browser(app, client, host)

    return a_browser
