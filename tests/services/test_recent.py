"""A credential is believed for one second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scimbridge.domain.access import Grant
from scimbridge.services.recent import RecentGrants

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
OKTA = Grant("okta")


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def recent(time: Time) -> RecentGrants:
    return RecentGrants(time)


def test_it_is_believed_for_a_second_and_known_after_it(recent: RecentGrants, time: Time) -> None:
    recent.remember(b"one", OKTA, NOW, recent.generation)
    time.now += 0.99
    assert recent.fresh(b"one") == OKTA

    time.now += 0.01

    assert recent.fresh(b"one") is None
    assert recent.is_known(b"one")


def test_another_one_is_neither(recent: RecentGrants) -> None:
    recent.remember(b"one", OKTA, NOW, recent.generation)

    assert recent.fresh(b"other") is None
    assert not recent.is_known(b"other")


def test_what_expires_sooner_is_believed_for_less(recent: RecentGrants, time: Time) -> None:
    recent.remember(b"one", Grant("okta", NOW + timedelta(seconds=0.3)), NOW, recent.generation)
    time.now += 0.31

    assert recent.fresh(b"one") is None


def test_a_revocation_drops_everything(recent: RecentGrants) -> None:
    recent.remember(b"one", OKTA, NOW, recent.generation)

    recent.clear()

    assert recent.fresh(b"one") is None
    assert not recent.is_known(b"one")


def test_what_was_looked_up_before_a_revocation_is_not_remembered_after_it(recent: RecentGrants) -> None:
    before = recent.generation
    recent.clear()

    recent.remember(b"one", OKTA, NOW, before)

    assert recent.fresh(b"one") is None


def test_memory_is_bounded(recent: RecentGrants) -> None:
    for number in range(10_000):
        recent.remember(str(number).encode(), OKTA, NOW, recent.generation)

    assert len(recent._entries) <= 4096
    assert recent.fresh(b"9999") == OKTA
