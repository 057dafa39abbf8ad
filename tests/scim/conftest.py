"""A service provider over a real store, for the tests of this folder."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import insert, select
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from scimbridge.admission.addresses import Addresses
from scimbridge.admission.failures import Failures
from scimbridge.domain.access import BearerToken, Credential, Grant, Refusal
from scimbridge.domain.guard import Guard
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.rulebook import Rulebook
from scimbridge.domain.source import Profiles, SourceProfile
from scimbridge.scim.admission.gate import Gate, Identify
from scimbridge.scim.admission.pace import Pace
from scimbridge.scim.app import build_app
from scimbridge.services.assignment import Assignment
from scimbridge.services.ending import Ending
from scimbridge.services.grants import Grants
from scimbridge.services.group_intake import GroupIntake
from scimbridge.services.guarding import Guarding
from scimbridge.services.intake import Intake
from scimbridge.services.lookup import Lookup
from scimbridge.services.moving import Moving
from scimbridge.services.planning import Planner
from scimbridge.services.quirks import Quirks
from scimbridge.services.recent import RecentGrants
from scimbridge.services.returning import Returning
from scimbridge.store.database import Database
from scimbridge.store.schema import requests, sources
from scimbridge.store.writer import Writer
from tests.processes.serving import Server, database_beside, served
from tests.scim.hostility import Attacker

PUBLIC_URL = "http://bridge.example.com"
BASE = f"{PUBLIC_URL}/scim/v2"
TOKENS = {"token-of-okta": "okta", "token-of-entra": "entra"}


class Ticking:
    """A clock of which every reading is a millisecond later than the one before."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


class InProcess(httpx.BaseTransport):
    """Hands requests to an ASGI application in an event loop of its own, without a socket."""

    def __init__(self, app: ASGIApp) -> None:
        self._transport = httpx.ASGITransport(app)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run_coroutine_threadsafe(self._answer(request), self._loop).result()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        copy = httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
        if "transfer-encoding" in request.headers:
            del copy.headers["content-length"]
        response = await self._transport.handle_async_request(copy)
        return httpx.Response(response.status_code, headers=response.headers, content=await response.aread())


def a_gate(identify: Identify) -> Gate:
    """Return a gate for sources of which the configuration says nothing."""
    clock = Ticking()
    return Gate(identify, RecentGrants(), clock, {}, addresses=Addresses(), failures=Failures(), pace=Pace({}))


class Service:
    """The service provider, its store, and a client of a source."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.write() as tx:
            for name in TOKENS.values():
                tx.execute(insert(sources).values(name=name, created_at=datetime(2026, 1, 1, tzinfo=UTC)))
        rules = Rulebook(Ruleset(rules=[]))
        planner, grants = Planner(rules, {}, Guarding(database, Guard(), {})), Grants({})
        returning = Returning(rules, planner, grants)
        ending = Ending(database, planner, returning, Profiles())
        moving = Moving(rules, planner, returning, grants)
        self.writer = writer = Writer(database)
        self.intake = Intake(writer, planner, returning, ending, moving, lambda _: None)
        self.lookup = Lookup(database)
        self.profiles: dict[str, SourceProfile] = {}
        self.quirks = Quirks(database)
        self.clock = Ticking()
        self.authenticate: Callable[[str], str | None] = TOKENS.get
        app = build_app(
            intake=self.intake,
            group_intake=GroupIntake(writer, Assignment(grants, planner, returning, moving), lambda _: None),
            lookup=self.lookup,
            gate=a_gate(self._identified),
            public_url=PUBLIC_URL,
            clock=self.clock,
            max_body=1024 * 1024,
            profiles=Profiles(self.profiles),
            note_quirks=self._note_quirks,
        )
        self.transport = InProcess(Starlette(routes=[Mount("/scim/v2", app)]))

    def _identified(self, credential: Credential, _named: str | None) -> Grant | Refusal:
        source = self.authenticate(credential.text) if isinstance(credential, BearerToken) else None
        return Grant(source) if source else Refusal.UNKNOWN

    def _note_quirks(self, source: str, names: Iterable[str], now: datetime) -> None:
        self.quirks.note(source, names, now)

    def client(self, token: str = "token-of-okta") -> httpx.Client:
        return httpx.Client(transport=self.transport, base_url=BASE, headers={"Authorization": f"Bearer {token}"})

    def requests(self) -> list[dict[str, object]]:
        """Return what was kept of the writes, oldest first."""
        with self.database.read() as tx:
            return [dict(row) for row in tx.execute(select(requests).order_by(requests.c.number)).mappings()]


@pytest.fixture
def service(database: Database) -> Iterator[Service]:
    service = Service(database)
    yield service
    service.transport.stop()
    service.writer.close()


@pytest.fixture
def client(service: Service) -> httpx.Client:
    return service.client()


# Each is started once, when first asked for, in whatever order the tests come: with parameters of its own, a fixture
# of the session would be made anew whenever they change.


@pytest.fixture(scope="session")
def server_on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with _served_on_sqlite(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="session")
def server_on_postgresql(postgresql_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with _served_on_postgresql(postgresql_url, tmp_path_factory.mktemp("server"), "server") as server:
        yield server


@pytest.fixture(scope="session")
def besieged_on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with _served_on_sqlite(tmp_path_factory.mktemp("besieged")) as server:
        yield server


@pytest.fixture(scope="session")
def besieged_on_postgresql(postgresql_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with _served_on_postgresql(postgresql_url, tmp_path_factory.mktemp("besieged"), "besieged") as server:
        yield server


# For promises that are kept, or broken, before anybody asks the store: on SQLite alone.
on_any_store, at_any_server, besieged_anywhere = (
    pytest.mark.parametrize(name, ["sqlite"], indirect=True) for name in ("database", "server", "besieged")
)


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest) -> Server:
    """A started server, on each of the two stores; each test takes a source of its own."""
    server: Server = request.getfixturevalue(f"server_on_{request.param}")
    return server


@pytest.fixture(params=["sqlite", "postgresql"])
def besieged(request: pytest.FixtureRequest) -> Server:
    """Another one for those who mean harm; little is stored in it, so that it can be compared before and after."""
    server: Server = request.getfixturevalue(f"besieged_on_{request.param}")
    return server


@pytest.fixture
def attacker(besieged: Server) -> Iterator[Attacker]:
    """Somebody with a valid token, and no good intentions."""
    attacker = Attacker(besieged)
    yield attacker
    attacker.client.close()


@contextmanager
def _served_on_sqlite(folder: Path) -> Iterator[Server]:
    with served(folder, f"sqlite:///{folder}/bridge.db") as server:
        yield server


@contextmanager
def _served_on_postgresql(postgresql_url: str, folder: Path, name: str) -> Iterator[Server]:
    with database_beside(postgresql_url, name) as url, served(folder, url) as server:
        yield server


def a_user(client: httpx.Client, user_name: str = "ada@example.com", **more: object) -> str:
    """Create a User and return its id."""
    response = client.post("Users", json={"userName": user_name, "active": True, **more})
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


def a_group(client: httpx.Client, name: str = "Engineers", members: tuple[str, ...] = ()) -> str:
    """Create a Group and return its id."""
    body = {"displayName": name, "members": [{"value": member} for member in members]}
    response = client.post("Groups", json=body)
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


def patched(client: httpx.Client, path: str, *operations: Mapping[str, Any]) -> httpx.Response:
    """Send a PATCH with these operations."""
    return client.patch(path, json={"Operations": list(operations)})
