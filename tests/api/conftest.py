"""A world for the tests of the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.world import World, a_world


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    """A world on each store."""
    made = a_world(tmp_path, database_url)
    yield made
    made.bridge.close()
