"""Fixtures that several suites share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from scimbridge.store.database import Database
from scimbridge.store.schema import metadata
from scimbridge.store.upgrade import upgrade
from tests.clock import FakeClock
from tests.servers import postgresql


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    with postgresql() as url:
        database = Database(url)
        upgrade(database)
        database.close()
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An empty database with the schema: copying it is much faster than migrating."""
    path = tmp_path_factory.mktemp("template") / "bridge.db"
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    database.close()  # the last connection to close folds the log into the file
    return path.read_bytes()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: bytes) -> Iterator[str]:
    """The address of an empty database with the schema, on each of the two stores."""
    if request.param == "sqlite":
        path = tmp_path / "bridge.db"
        path.write_bytes(sqlite_template)
        yield f"sqlite:///{path}"
        return
    url = request.getfixturevalue("postgresql_url")
    database = Database(url)
    with database.write() as tx:
        names = ", ".join(table.name for table in metadata.sorted_tables)
        tx.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
    database.close()
    yield make_url(url).render_as_string(hide_password=False)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty database, on each of the two stores."""
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until it is moved."""
    return FakeClock()
