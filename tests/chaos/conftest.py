"""What every crash test needs: short folders, and the two sample targets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.installation import short_folder
from tests.processes.targets import Targets, sample_targets


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


@pytest.fixture
def targets(folder: Path) -> Iterator[Targets]:
    with sample_targets(folder) as targets:
        yield targets
