"""A tenant that runs, somebody in it, and a connector."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.microsoft365 import Microsoft365Connector
from tests.connectors.graph_bridge import Directory, directory
from tests.doubles.graph import User


@pytest.fixture
def running() -> Iterator[Directory]:
    with directory() as found:
        yield found


@pytest.fixture
def ann(running: Directory) -> User:
    return running.graph.tenant.hire("ann")


@pytest.fixture
def connector(running: Directory) -> Iterator[Microsoft365Connector]:
    made = running.connector()
    yield made
    made.close()
