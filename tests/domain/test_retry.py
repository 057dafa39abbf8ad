"""How long to wait before the next attempt."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scimbridge.domain.retry import BASE, CAP, backoff

seeds = st.integers(0, 2**32)


class Fixed(random.Random):
    """Always draws the same share of what was offered."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def uniform(self, a: float, b: float) -> float:
        return a + (b - a) * self.share


@pytest.mark.parametrize(
    ("attempts", "ceiling"),
    [
        (1, BASE),
        (2, 2 * BASE),
        (3, 4 * BASE),
        (8, 128 * BASE),
        (9, 256 * BASE),
        (10, CAP),
        (11, CAP),
        (10_000, CAP),
    ],
)
def test_the_longest_wait_doubles_up_to_a_cap(attempts: int, ceiling: timedelta) -> None:
    assert backoff(attempts, rng=Fixed(1.0)) == ceiling


@given(st.integers(1, 40), seeds)
def test_jitter_takes_off_at_most_three_quarters(attempts: int, seed: int) -> None:
    longest = backoff(attempts, rng=Fixed(1.0))

    wait = backoff(attempts, rng=random.Random(seed))

    assert longest / 4 <= wait <= longest


def test_two_tasks_do_not_wait_equally_long() -> None:
    rng = random.Random(1)

    assert len({backoff(5, rng=rng) for _ in range(50)}) == 50


@given(st.integers(1, 40), st.timedeltas(timedelta(), timedelta(days=1)), seeds)
def test_the_target_is_never_asked_sooner_than_it_wished(attempts: int, wish: timedelta, seed: int) -> None:
    assert backoff(attempts, wish, rng=random.Random(seed)) >= wish


def test_a_wish_beyond_the_cap_is_honored() -> None:
    assert backoff(1, timedelta(hours=5)) == timedelta(hours=5)


def test_a_short_wish_does_not_shorten_the_wait() -> None:
    assert backoff(6, timedelta(milliseconds=1), rng=Fixed(0.0)) == 32 * BASE / 4


def test_jitter_is_drawn_anew_where_no_generator_is_passed() -> None:
    assert len({backoff(9) for _ in range(20)}) > 1
