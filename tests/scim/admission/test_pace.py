"""Requests per second, by source."""

from __future__ import annotations

import pytest

from scimbridge.scim.admission.pace import Pace


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def test_a_second_of_requests_may_come_at_once_and_then_one_after_another(time: Time) -> None:
    pace = Pace({"okta": 50.0}, time)

    assert [pace.take("okta") for _ in range(50)] == [None] * 50
    assert pace.take("okta") == 1
    time.now += 0.021
    assert [pace.take("okta"), pace.take("okta")] == [None, 1]


def test_what_is_not_used_is_not_saved_up(time: Time) -> None:
    pace = Pace({"okta": 25.0}, time)
    time.now += 3600

    assert [pace.take("okta") for _ in range(26)] == [None] * 25 + [1]


def test_sources_do_not_take_from_each_other(time: Time) -> None:
    pace = Pace({"okta": 25.0, "entra": 25.0}, time)
    for _ in range(30):
        pace.take("okta")

    assert pace.take("entra") is None


def test_without_a_limit_everything_passes(time: Time) -> None:
    assert {Pace({}, time).take("okta") for _ in range(1000)} == {None}
