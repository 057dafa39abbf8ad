"""Coverage is measured where a test can still add to it; to measure takes as long again as to test.

Both stores run the same lines, and so do the eleventh and the fortieth example of a table. What is drawn at random, and
takes long, runs lines that tests of their own run, again and again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence

import coverage
import pytest

EXAMPLES = 10
"""Of each test with a table, so many lines of the table are measured, on SQLite."""

_MEASURED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Choose the tests that are measured."""
    seen: Counter[str] = Counter()
    for item in items:
        name, _, parameters = item.nodeid.partition("[")
        on_postgresql = "postgresql" in parameters
        seen[name] += not on_postgresql
        is_drawn = item.get_closest_marker("drawn") is not None
        item.stash[_MEASURED] = not on_postgresql and not is_drawn and seen[name] <= EXAMPLES


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Put measuring off while another test runs."""
    measuring = coverage.Coverage.current()
    if measuring is None or item.stash[_MEASURED]:
        return (yield)
    measuring.stop()
    try:
        return (yield)
    finally:
        measuring.start()
