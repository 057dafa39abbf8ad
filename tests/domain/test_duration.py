"""Durations, as people and ISO 8601 write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scimbridge.domain.duration import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", timedelta()),
        ("2s", timedelta(seconds=2)),
        ("15m", timedelta(minutes=15)),
        ("36h", timedelta(hours=36)),
        ("90d", timedelta(days=90)),
        ("2w", timedelta(days=14)),
        ("1.5h", timedelta(minutes=90)),
        (" 7 d ", timedelta(days=7)),
        ("P90D", timedelta(days=90)),
        ("P2W", timedelta(days=14)),
        ("PT36H", timedelta(hours=36)),
        ("PT15M", timedelta(minutes=15)),
        ("PT0.5S", timedelta(milliseconds=500)),
        ("P1DT2H3M4S", timedelta(days=1, hours=2, minutes=3, seconds=4)),
    ],
)
def test_a_duration_is_elapsed_time(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "d",
        "7 days",
        "7D",
        "-7d",
        "+7d",
        "7d12h",
        "1,5h",
        "P",
        "PT",
        "P1DT",
        "P1Y",
        "P1M",
        "P-1D",
        "1e3s",
        "∞d",
    ],
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="90d"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (timedelta(), "0s"),
        (timedelta(seconds=90), "90s"),
        (timedelta(minutes=15), "15m"),
        (timedelta(hours=36), "36h"),
        (timedelta(days=90), "90d"),
        (timedelta(milliseconds=500), "0.5s"),
    ],
)
def test_a_duration_is_shown_in_its_largest_whole_unit(span: timedelta, expected: str) -> None:
    assert format_duration(span) == expected


@given(st.timedeltas(timedelta(), timedelta(days=3650)))
@example(timedelta(seconds=1_000_001))
def test_what_is_shown_can_be_read_back(span: timedelta) -> None:
    assert parse_duration(format_duration(span)) == span
