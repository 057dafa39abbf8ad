"""Times as operators read them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest

from scimbridge.domain.times import distance, moment

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(days=7), "in 7d"),
        (timedelta(days=6, hours=23, minutes=59), "in 6d 23h"),
        (timedelta(days=7, minutes=3), "in 7d"),
        (timedelta(hours=36), "in 1d 12h"),
        (timedelta(minutes=15), "in 15m"),
        (timedelta(seconds=61), "in 1m 1s"),
        (timedelta(milliseconds=999), "now"),
        (timedelta(), "now"),
        (timedelta(milliseconds=-999), "now"),
        (timedelta(seconds=-1), "1s ago"),
        (timedelta(minutes=-5), "5m ago"),
        (timedelta(days=-400), "400d ago"),
    ],
)
def test_how_far_off_a_time_is(span: timedelta, text: str) -> None:
    assert distance(NOW + span, NOW) == text


@pytest.fixture
def in_kathmandu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Kathmandu")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_kathmandu")
def test_a_moment_is_told_in_utc_wherever_the_bridge_runs() -> None:
    assert moment(datetime(2026, 3, 2, 10, 0, tzinfo=timezone(timedelta(hours=1)))) == "2026-03-02 09:00 UTC"
