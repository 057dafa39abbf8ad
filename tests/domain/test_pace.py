"""How much of its rate a target lets us use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scimbridge.domain.pace import GIVEN_BACK_IN, ONE_LESSON, SLOWEST, SPARSEST, Pace, format_rate, time_between

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def after(*minutes: float) -> Pace:
    """Return the pace after refusals at these minutes."""
    pace = Pace()
    for each in minutes:
        pace = pace.refused(NOW + timedelta(minutes=each))
    return pace


def test_a_target_that_never_refused_is_called_as_configured() -> None:
    assert Pace().share_at(NOW) == 1.0


def test_a_refusal_halves_what_was_used() -> None:
    assert [after(*range(count)).share for count in (1, 2)] == [0.5, pytest.approx((0.5 + 1 / 30) / 2)]


def test_refusals_of_one_moment_teach_one_thing() -> None:
    once = after(0)

    assert once.refused(NOW + ONE_LESSON - timedelta(seconds=1)) is once
    assert once.refused(NOW + ONE_LESSON).share < once.share


def test_no_refusal_slows_down_further_than_the_bound() -> None:
    assert after(*(each / 6 for each in range(20))).share == SLOWEST


def test_fair_weather_gives_the_rate_back_evenly_and_never_more_of_it() -> None:
    minutes = [after(0).share_at(NOW + timedelta(minutes=each)) for each in (0, 3, 15, 10_000)]

    assert minutes == [0.5, pytest.approx(0.6), 1.0, 1.0]
    assert timedelta(minutes=30) == GIVEN_BACK_IN


def test_a_clock_that_was_set_back_gives_nothing_back_and_learns_again() -> None:
    pace = after(0)

    assert pace.share_at(NOW - timedelta(hours=1)) == 0.5
    assert pace.refused(NOW - timedelta(hours=1)).share == 0.25


@pytest.mark.parametrize(
    ("interval", "share", "expected"),
    [
        (None, 1.0, 0.0),
        (None, 0.5, 0.04),
        (0.05, 1.0, 0.05),
        (0.05, 0.5, 0.1),
        (0.5, 0.1, SPARSEST.total_seconds()),  # or an attempt would give up waiting between its calls
        (60.0, 0.5, 60.0),
    ],
)
def test_calls_are_further_apart_the_smaller_the_share_is_but_within_bounds(
    interval: float | None, share: float, expected: float
) -> None:
    between = time_between(None if interval is None else timedelta(seconds=interval), share)

    assert between.total_seconds() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.05, "20/s"), (1.0, "1/s"), (0.4, "2.5/s"), (2.0, "30/m"), (60.0, "1/m"), (3600.0, "1/h"), (36000.0, "0.1/h")],
)
def test_a_rate_is_written_as_in_a_configuration(seconds: float, expected: str) -> None:
    assert format_rate(timedelta(seconds=seconds)) == expected
