"""How much of its rate a target lets us use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scimbridge.domain.pace import GIVEN_BACK_IN, ONE_LESSON, SLOWEST, Pace, calls_per_second, format_rate

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
    [(None, 1.0, None), (None, 0.5, 25.0), (timedelta(seconds=0.05), 1.0, 20.0), (timedelta(minutes=1), 0.5, 1 / 120)],
)
def test_the_rate_is_the_share_of_what_is_configured(
    interval: timedelta | None, share: float, expected: float | None
) -> None:
    assert calls_per_second(interval, share) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("per_second", "expected"),
    [(20.0, "20/s"), (1.0, "1/s"), (2.5, "2.5/s"), (0.5, "30/m"), (1 / 3600, "1/h"), (0.1 / 3600, "0.1/h")],
)
def test_a_rate_is_written_as_in_a_configuration(per_second: float, expected: str) -> None:
    assert format_rate(per_second) == expected
