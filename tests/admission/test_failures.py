"""Those who guess are slowed; those who share their address are not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

import pytest

from scimbridge.admission.failures import FORGIVEN_EVERY, FREE, MOST, Failures

HERE = ip_address("192.0.2.1")


class Time:
    """Seconds that pass when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if self.meanwhile is not None:
            await self.meanwhile()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def failures(time: Time) -> Failures:
    return Failures(time, time.sleep)


def hold_back(failures: Failures, address: str = "192.0.2.1") -> int | None:
    return asyncio.run(failures.hold_back(ip_address(address)))


def fail(failures: Failures, times: int, address: str = "192.0.2.1") -> None:
    for _ in range(times):
        failures.count(ip_address(address))


def test_a_few_failures_cost_nothing(failures: Failures, time: Time) -> None:
    fail(failures, FREE - 1)

    assert hold_back(failures) is None
    assert time.slept == []


def test_more_failures_wait_longer_and_longer_up_to_a_limit(failures: Failures, time: Time) -> None:
    fail(failures, FREE - 1)
    for _ in range(FREE, MOST):
        fail(failures, 1)
        assert hold_back(failures) is None

    assert time.slept == sorted(time.slept)
    assert 0 < time.slept[0] < 0.1
    assert time.slept[-1] == 2.0


def test_in_the_end_there_is_a_time_to_come_back_in_whole_seconds(failures: Failures, time: Time) -> None:
    fail(failures, 10 * MOST)

    assert hold_back(failures) == 2
    time.now += FORGIVEN_EVERY + 0.01
    assert hold_back(failures) is None


def test_failures_are_forgotten_in_time(failures: Failures, time: Time) -> None:
    fail(failures, MOST)
    time.now += MOST * FORGIVEN_EVERY

    assert hold_back(failures) is None
    assert time.slept == []


def test_a_valid_credential_lets_an_address_start_anew(failures: Failures, time: Time) -> None:
    fail(failures, MOST)

    failures.forgive(HERE)

    assert hold_back(failures) is None
    assert time.slept == []


def test_another_address_is_not_slowed(failures: Failures, time: Time) -> None:
    fail(failures, MOST, "192.0.2.1")

    assert hold_back(failures, "192.0.2.2") is None
    assert time.slept == []


def test_a_network_of_64_bits_is_one_address(failures: Failures) -> None:
    for last in range(MOST):
        fail(failures, 1, f"2001:db8:0:1::{last:x}")

    assert hold_back(failures, "2001:db8:0:1:ffff::1") is not None
    assert hold_back(failures, "2001:db8:0:2::1") is None


def test_only_a_few_of_an_address_wait_at_once(failures: Failures, time: Time) -> None:
    fail(failures, FREE)
    answers: list[int | None] = []

    async def one_more() -> None:
        answers.append(await failures.hold_back(HERE))

    time.meanwhile = one_more  # while one sleeps, the next one comes
    hold_back(failures)

    assert len(time.slept) == 8
    assert answers[0] == 1


def test_whoever_waited_while_others_failed_is_sent_away(failures: Failures, time: Time) -> None:
    fail(failures, FREE)

    async def others_fail() -> None:
        fail(failures, MOST)

    time.meanwhile = others_fail

    assert hold_back(failures) is not None


def test_a_connection_without_an_address_is_one_too(failures: Failures) -> None:
    for _ in range(MOST):
        failures.count(None)

    assert asyncio.run(failures.hold_back(None)) is not None
    assert hold_back(failures) is None


def test_memory_is_bounded(failures: Failures) -> None:
    for number in range(12_000):
        failures.count(ip_address(number))

    assert len(failures._records) == 10_000
