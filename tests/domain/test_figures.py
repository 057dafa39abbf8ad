"""Times in buckets: percentiles are told to within a tenth."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from scimbridge.domain.figures import bucket_of, percentile, span_of


@pytest.mark.parametrize("seconds", [2, 5, 42, 300, 3600, 86_400, 30 * 86_400])
def test_a_bucket_stands_for_its_times_to_within_a_tenth(seconds: int) -> None:
    stands_for = span_of(bucket_of(timedelta(seconds=seconds))).total_seconds()

    assert abs(stands_for - seconds) / seconds <= 0.1


@pytest.mark.parametrize("span", [timedelta(), timedelta(seconds=1), timedelta(seconds=-5)])
def test_up_to_a_second_is_the_first_bucket(span: timedelta) -> None:
    assert (bucket_of(span), span_of(0)) == (0, timedelta(seconds=1))


def test_what_takes_for_ever_has_a_bucket_too() -> None:
    assert bucket_of(timedelta(days=100_000)) == bucket_of(timedelta(days=200_000)) == 100


def test_percentiles_count_from_the_quickest() -> None:
    counts = Counter({5: 50, 10: 45, 40: 5})

    assert [percentile(counts, share) for share in (0.5, 0.51, 0.95, 0.96, 1.0)] == [
        span_of(5),
        span_of(10),
        span_of(10),
        span_of(40),
        span_of(40),
    ]
    assert percentile({}, 0.5) is None
