"""How fast a backlog is let go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scimbridge.domain.letting_go import attempts_at_once

RESUMED = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(-3600, 1), (0, 1), (29, 1), (30, 2), (59, 2), (60, 3), (89, 3), (90, 4), (86400, 4)]
)
def test_a_backlog_is_let_go_one_more_every_thirty_seconds_up_to_the_concurrency(seconds: int, expected: int) -> None:
    assert attempts_at_once(4, RESUMED, RESUMED + timedelta(seconds=seconds)) == expected


def test_without_a_backlog_the_target_takes_what_it_takes() -> None:
    assert attempts_at_once(4, None, RESUMED) == 4
