"""Fixtures that several suites share."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer.testing
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from scimbridge.store.database import Database
from scimbridge.store.upgrade import upgrade
from tests.clock import FakeClock
from tests.databases import empty_sqlite, in_memory
from tests.emptying import OnPostgresql, OnSqlite
from tests.servers import postgresql

pytest_plugins = ("tests.measuring",)

in_memory()
# How long an example takes says more about the machine than about the code.
settings.register_profile("unhurried", settings.get_profile(settings.get_current_profile_name()), deadline=None)
settings.load_profile("unhurried")
# The tree of all commands is built once, and not for each command that a test types.
typer.testing._get_command = cache(typer.testing._get_command)  # type: ignore[attr-defined]


def pytest_configure() -> None:
    """Look for no garbage while tests are collected: a fifth of the time goes into looking at what all stays."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


_AS_ONE = ("tests/browser/", "tests/chaos/", "tests/connectors/test_ldap", "tests/journeys/")
"""Files that begin so have one costly world (a browser, a Samba) or mostly wait for processes and leases: with them in
one worker, the world is made once, and the other workers compute while it waits."""


class _Together(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """Shares the suite by files; some are taken as one."""

    def _split_scope(self, nodeid: str) -> str:
        shared = (beginning for beginning in _AS_ONE if nodeid.startswith(beginning))
        return next(shared, super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    return _Together(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    with postgresql() as url:
        database = Database(url)
        upgrade(database)
        database.close()
        yield url


@pytest.fixture(scope="session")
def sqlite_template() -> bytes:
    """An empty database with the schema."""
    return empty_sqlite()


@pytest.fixture(scope="session")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory, sqlite_template: bytes) -> OnSqlite:
    return OnSqlite(tmp_path_factory.mktemp("store") / "bridge.db", sqlite_template)


@pytest.fixture(scope="session")
def on_postgresql(postgresql_url: str) -> Iterator[OnPostgresql]:
    store = OnPostgresql(postgresql_url)
    yield store
    store.database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """An empty database with the schema, on each of the two stores."""
    store: OnSqlite | OnPostgresql = request.getfixturevalue(f"on_{request.param}")
    store.empty()
    yield store.database
    store.leave()


@pytest.fixture
def database_url(database: Database) -> str:
    """Its address."""
    return database.url.render_as_string(hide_password=False)


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that Python looks for packages in."""
    folder = tmp_path_factory.mktemp("site")
    monkeypatch.syspath_prepend(folder)
    yield folder
    for module in folder.glob("*.py"):
        sys.modules.pop(module.stem, None)


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until it is moved."""
    return FakeClock()
